"""The numbers of portfolios: plain functions over arrays, which `transforms/portfolios.py` lets Spark call.

Windows are a fixed number of sessions and sums have a fixed order, so a session's numbers follow from the closes of its
window alone: computed on its evening or years later, they are the same to the last bit.
"""

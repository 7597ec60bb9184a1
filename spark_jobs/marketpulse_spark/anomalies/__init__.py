"""Anomalies of one-minute bars, a module for each kind: plain functions that `transforms/anomalies.py` lets Spark call.

A detector decides at a bar, from that bar and those before it: the bars of its session so far and of 20 sessions
before. So what is found follows from the bars alone, whether they arrive live or years later, and nothing that could be
known at a moment changes with what comes after it. Medians and median absolute deviations say what is usual: half of
the bars would have to be wrong before they were. Prices and volumes are in the shares of the session decided on.
"""

"""Vendors: one module each, behind the protocols of `protocol.py`."""

"""Vendors: one module each, behind the `Source` protocol."""

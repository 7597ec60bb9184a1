"""Runs supervisord as the adopter of every orphan below it, so that nothing of a stack escapes `make down`."""

from __future__ import annotations

import ctypes
import os
import sys

from supervisor.supervisord import main

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Makes this process the parent of any descendant whose own parent ends (Linux, prctl(2))."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    adopt_orphans()
    main(sys.argv[1:])

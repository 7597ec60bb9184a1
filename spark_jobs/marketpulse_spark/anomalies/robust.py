"""What is usual, however wrong a few values are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: So many times the median absolute deviation is the standard deviation of a normal law. Source: Rousseeuw and Croux,
#: Alternatives to the Median Absolute Deviation, Journal of the American Statistical Association 88 (1993).
NORMAL = 1.4826


def median(values: Floats, at_least: int) -> Floats:
    """The median along the last axis, of what is known; nan where fewer than so many values are."""
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)  # nan comes last
    count = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    last = values.shape[-1] - 1
    below = np.take_along_axis(ordered, np.clip((count - 1) // 2, 0, last), axis=-1)
    above = np.take_along_axis(ordered, np.clip(count // 2, 0, last), axis=-1)
    middle: Floats = np.where(count < at_least, np.nan, (below + above) / 2)[..., 0]
    return middle


def around(values: Floats, reach: int) -> Floats:
    """Of each column, the values of all rows in it and in so many columns on either side: columns by values."""
    padded = np.pad(values, ((0, 0), (reach, reach)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
    together: Floats = windows.transpose(1, 0, 2).reshape(values.shape[1], len(values) * (2 * reach + 1))
    return together


def before(values: Floats, count: int) -> Floats:
    """Of each place, the values of so many places before it, without its own: places by values."""
    padded = np.concatenate([np.full(count, np.nan), values])
    windows: Floats = np.lib.stride_tricks.sliding_window_view(padded, count)[: len(values)]
    return windows

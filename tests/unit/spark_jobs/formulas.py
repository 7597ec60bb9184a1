"""Each indicator in plain Python, in the loader's order of operations: equal to the last bit, bar by bar.

What tests compare tables with that were loaded in any order and in any batches. Whether a formula is right is for
`reference.py` and the golden table to say.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bars:
    """A bar and those before it, newest first, all in the shares of the first."""

    high: Sequence[float]
    low: Sequence[float]
    close: Sequence[float]


def _sma(bars: int) -> Callable[[Bars], float]:
    return lambda window: _nested(window.close, bars, 1.0) / bars


def _ema(span: int) -> Callable[[Bars], float]:
    weight = 1 - 2 / (span + 1)
    return lambda window: _nested(window.close, 60, weight) / ((1 - weight**60) / (1 - weight))


def _nested(values: Sequence[float], bars: int, weight: float, first: int = 0) -> float:
    """Newest first, 20 as 4 times 5 and 60 as 3 times 20."""
    if bars == 1:
        return values[first]
    part = {5: 1, 20: 5, 60: 20}[bars]
    parts = (_nested(values, part, weight, first + start) * weight**start for start in range(0, bars, part))
    return _sum(parts)


def _change(bars: int) -> Callable[[Bars], float]:
    return lambda window: window.close[0] - window.close[bars]


def _percent(bars: int) -> Callable[[Bars], float]:
    return lambda window: (window.close[0] / window.close[bars] - 1.0) * 100.0


def _log_return(window: Bars, ago: int = 0) -> float:
    return strict_log(window.close[ago] / window.close[ago + 1])


def _realised_volatility(window: Bars) -> float:
    returns = [_log_return(window, ago) for ago in range(60)]
    squares = [each * each for each in returns]
    return math.sqrt(_sum(_sum(squares[start : start + 10]) for start in range(0, 60, 10)))


def _bollinger(deviations: float) -> Callable[[Bars], float]:
    def band(window: Bars) -> float:
        close = window.close
        fives = [_nested(close, 5, 1.0, start) for start in range(0, 20, 5)]
        within = _sum(_squares([close[start + k] - close[start] for k in range(1, 5)]) for start in range(0, 20, 5))
        between = _squares([each - fives[0] for each in fives[1:]]) / 5
        return _sum(fives) / 20 + math.sqrt((within + between) / 20) * deviations

    return band


def _squares(differences: Sequence[float]) -> float:
    return _sum(each * each for each in differences) - _sum(differences) * _sum(differences) / (len(differences) + 1)


def _relative_strength(window: Bars) -> float:
    changes = [window.close[ago] - window.close[ago + 1] for ago in range(14)]
    rises, falls = (_halves([max(sign * each, 0.0) for each in changes]) for sign in (1, -1))
    return rises / (rises + falls) * 100.0 if rises + falls else 50.0


def _true_range(window: Bars) -> float:
    before = window.close[1:]
    return _halves([max(window.high[k], before[k]) - min(window.low[k], before[k]) for k in range(14)]) / 14


def _halves(values: Sequence[float]) -> float:
    return _sum(values[:7]) + _sum(values[7:])


def _sum(values: Iterable[float]) -> float:
    """First to last; Python's own sum rounds once, at the end."""
    return functools.reduce(operator.add, values)


FORMULAS: dict[str, Callable[[Bars], float]] = {
    **{f"sma_{bars}": _sma(bars) for bars in (5, 20, 60)},
    **{f"ema_{span}": _ema(span) for span in (12, 26)},
    **{f"change_{bars}": _change(bars) for bars in (1, 5, 15, 60)},
    **{f"change_pct_{bars}": _percent(bars) for bars in (1, 5, 15, 60)},
    "log_return_1": _log_return,
    "realised_volatility_60": _realised_volatility,
    "bollinger_upper_20": _bollinger(2.0),
    "bollinger_lower_20": _bollinger(-2.0),
    "rsi_14": _relative_strength,
    "atr_14": _true_range,
}


def value(name: str, window: Bars) -> float | None:
    """An indicator of the newest bar of a window; None where it looks back further than the window goes."""
    try:
        return FORMULAS[name](window)
    except IndexError:
        return None


@functools.cache
def strict_log(x: float) -> float:
    """Java's StrictMath.log, for numbers above zero: now and then its last bit is not that of the C library.

    Source: fdlibm, e_log.c (Sun Microsystems, 1993), which StrictMath is specified to equal.
    """
    half, exponent = math.frexp(x)
    mantissa, exponent = 2 * half, exponent - 1
    digits = int((mantissa - 1) * 2**20)
    if digits >= 0x6A09C:  # √2
        mantissa, exponent = mantissa / 2, exponent + 1
    f = mantissa - 1
    high, low = exponent * float.fromhex("0x1.62e42feep-1"), exponent * float.fromhex("0x1.a39ef35793c76p-33")
    if -(2**-20) <= f < 2**-20:
        return high - ((f * f * (0.5 - 0.33333333333333333 * f) - low) - f)
    s = f / (2 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = 1.818357216161805012e-01 + w * 1.479819860511658591e-01
    r = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * odd)) + even
    if 0x6147A <= digits <= 0x6B851:
        return high - ((0.5 * f * f - (s * (0.5 * f * f + r) + low)) - f)
    return high - ((s * (f - r) - low) - f)

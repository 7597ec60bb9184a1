"""Random numbers that are a pure function of their key, stable across machines and library versions.

numpy's generators may change their streams between versions, and a stream has an order. A hash has neither: the number
at (key, index) is the same whoever asks, whenever, in whatever order.
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
# Beyond four standard deviations a price path would stop looking like a market.
_LIMIT = 4.0
_OCTAVES = 11


def key_of(*parts: object) -> int:
    """Returns the 64-bit key that stands for `parts`, for instance a seed, a symbol and a purpose."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def mixed(key: int, index: int) -> int:
    """Returns the 64-bit hash of (key, index): the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    value = (key + (index + 1) * _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * _MIX_1) & _MASK
    value = ((value ^ (value >> 27)) * _MIX_2) & _MASK
    return value ^ (value >> 31)


def uniform(key: int, index: int = 0) -> float:
    """Returns the number at (key, index), uniform in the open interval (0, 1)."""
    return ((mixed(key, index) >> 11) + 0.5) * 2.0**-53


def normal(key: int, index: int = 0) -> float:
    """Returns the number at (key, index), standard normal (Box-Muller), cut at four deviations."""
    radius = math.sqrt(-2.0 * math.log(uniform(key, 2 * index)))
    value = radius * math.cos(2.0 * math.pi * uniform(key, 2 * index + 1))
    return max(-_LIMIT, min(_LIMIT, value))


def uniforms(key: int, count: int) -> Floats:
    """Returns `uniform(key, 0) … uniform(key, count - 1)` at once."""
    value = np.uint64(key) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(_MIX_1)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(_MIX_2)
    value ^= value >> np.uint64(31)
    return np.asarray(((value >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53, dtype=np.float64)


def normals(key: int, count: int) -> Floats:
    """Returns `count` standard normal numbers, cut at four deviations."""
    both = uniforms(key, 2 * count)
    values = np.sqrt(-2.0 * np.log(both[:count])) * np.cos(2.0 * np.pi * both[count:])
    return np.asarray(np.clip(values, -_LIMIT, _LIMIT), dtype=np.float64)


def level(key: int, day: float) -> float:
    """Returns a slow random walk at `day` that stays bounded for ever.

    Value noise in octaves of 1, 2, 4 … 1024 days, the amplitude growing with the square root of the period: over up to
    three years it moves like a Brownian path of one unit a day, beyond that it returns to its mean. Its standard
    deviation is about 23 units, so a market of 1.5 % a day stays within a factor of about 3 of its base price.
    """
    total = 0.0
    for octave in range(_OCTAVES):
        place = day / 2**octave + uniform(key, octave)
        index = math.floor(place)
        share = place - index
        left, right = _lattice(key, octave, index), _lattice(key, octave, index + 1)
        total += 0.5 * 2 ** (octave / 2) * (left + (right - left) * share)
    return total


@lru_cache(maxsize=200_000)
def _lattice(key: int, octave: int, index: int) -> float:
    return normal(mixed(key, 1_000 + octave), index)

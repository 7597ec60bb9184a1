"""The indicators of one-minute bars, a module for each subject. To add one: docs/howto/add-an-indicator.md.

A module names its columns of analytics.indicators_1m in COLUMNS, each with how many earlier bars it looks back at: it
is null until they exist. `steps` says how they are computed: what a step adds may look at what the steps before it have
added to this bar and to others, in this module or another. Steps of all modules are taken together, so that Spark
passes over the bars once for each step and not for each indicator.

Every window is a fixed number of bars, never of minutes: a minute without trades is no bar. Values are computed from a
bar's neighbours alone, in a fixed order, so they come out identical to the last bit whether bars arrive live, in one
load, or in any other order. Prices are in the shares of the bar whose window they are in (docs/adr/0007).
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from pyspark.sql import Column, DataFrame, WindowSpec

from marketpulse_spark.transforms.windows import in_time


class IndicatorModule(Protocol):
    """What each module here is."""

    COLUMNS: Mapping[str, int]

    def steps(self, ordered: WindowSpec) -> Sequence[Mapping[str, Column]]:
        """The columns that each step adds, those of COLUMNS and any others that they need.

        Args:
            ordered: One series in time, of bars with `close_price, high_price, low_price` (double, above zero).
        """


MODULES = tuple(
    cast("IndicatorModule", importlib.import_module(f"{__name__}.{each.name}"))
    for each in pkgutil.iter_modules(__path__)
)
_LOOKS_BACK = {name: bars for module in MODULES for name, bars in module.COLUMNS.items()}

INDICATORS = tuple(_LOOKS_BACK)

#: How far a bar's values reach: the indicators of this many bars after it depend on it.
REACH = max(_LOOKS_BACK.values())


def with_indicators(rows: DataFrame, series: Sequence[str]) -> DataFrame:
    """Adds INDICATORS.

    Args:
        rows: Bars with `ts, is_newest, close_price, high_price, low_price`.
        series: The columns that tell one series of bars from another.
    """
    of_modules = [module.steps(in_time(series)) for module in MODULES]
    for step in itertools.zip_longest(*of_modules, fillvalue={}):
        rows = rows.withColumns({name: value for columns in step for name, value in columns.items()})
    return rows

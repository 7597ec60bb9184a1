"""Relative strength: how much of what the price moved was upwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, WindowSpec
from pyspark.sql import functions as F

from marketpulse_spark.transforms.windows import ago, total

COLUMNS = {"rsi_14": 14}


def steps(ordered: WindowSpec) -> Sequence[Mapping[str, Column]]:
    """`rsi_14`: the relative strength index of the last 14 changes, from 0 (all down) to 100 (all up).

    RSI(t) = 100 · U / (U + D), with U the sum of the rises among close(t-k) - close(t-k-1), k = 0 … 13, and D that of
    the falls; 50 where nothing moved. Source: Wilder, New Concepts in Technical Trading Systems (1978), ch. 6, in
    Cutler's form: with plain means in place of Wilder's, whose smoothing has no end.
    """
    change = F.col("close_price") - ago(1, "close_price", ordered)
    rises, falls = total("rises_7", [7], ordered), total("falls_7", [7], ordered)
    index = rises / (rises + falls) * F.lit(100.0)
    return (
        {
            "rise": F.when(change > 0, change).when(change <= 0, 0.0),
            "fall": F.when(change < 0, -change).when(change >= 0, 0.0),
        },
        {f"{name}s_7": total(name, range(1, 7), ordered) for name in ("rise", "fall")},
        {"rsi_14": F.when(rises + falls > 0, index).when(rises + falls == 0, 50.0)},
    )

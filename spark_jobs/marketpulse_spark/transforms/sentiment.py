"""The transform of `load_news`: stories that name symbols in, the sentiment of all affected hours out.

An hour is named by its end, which is when its values are known: a story of (end - 1 hour, end] is of this hour, and no
later story takes part. The windows are finite, and what is added up is added in a fixed order, so that values come
out identical to the last bit however the articles arrived.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

#: A story counts in this many hours, that of its publication included.
WINDOW_HOURS = 48
HALF_LIFE_HOURS = 6

KEY = ("symbol", "hour_end")
VALUES = ("stories", "mean_sentiment", "decayed_sentiment")

_HOUR_SECONDS = 3600


def affected_sentiment(mentions: DataFrame) -> DataFrame:
    """Returns KEY, VALUES and `window_stories` of each hour that a changed mention reaches.

    With the stories i of the window, their relevance r (1 where the vendor gives none), score s and age t in hours:

    - `stories`: how many are of the hour itself;
    - `mean_sentiment` = sum(r_i · s_i) / sum(r_i) over those; null where there are none, or none is relevant;
    - `decayed_sentiment` = sum(w_i · s_i) / sum(w_i) over the window, w_i = r_i · 2^(-t_i / HALF_LIFE_HOURS): the
      exponentially weighted mean of irregular observations (Müller, Specially Weighted Moving Averages with Repeated
      Application of the EMA Operator, Olsen 1991), cut off after WINDOW_HOURS; null where none is relevant.

    Scores are between -1 (bearish) and 1 (bullish). `window_stories` is 0 for an hour that has lost its last story.

    Args:
        mentions: Layout `schemas.MENTIONS`: the changed ones, and of their symbols all others less than WINDOW_HOURS
            before or after them.
    """
    hour_start = F.date_trunc("hour", F.col("published_at") - F.expr("INTERVAL 1 MICROSECOND"))
    relevance = F.coalesce("relevance", F.lit(1.0))
    hours_old = F.explode(F.sequence(F.lit(0), F.lit(WINDOW_HOURS - 1))).alias("hours_old")
    by_hour = mentions.select("*", hour_start.alias("hour_start"), relevance.alias("weight"), hours_old).withColumn(
        "hour_end", F.col("hour_start") + F.make_dt_interval(hours=F.col("hours_old") + 1)
    )
    age = (F.unix_seconds("hour_end") - F.unix_seconds("published_at")) / F.lit(_HOUR_SECONDS)
    decayed_weight = F.col("weight") * F.pow(F.lit(2.0), -age / F.lit(float(HALF_LIFE_HOURS)))
    story = F.struct(
        "published_at", "article_id", "sentiment", "weight", decayed_weight.alias("decayed_weight"), "hours_old"
    )
    counted = F.collect_list(F.when(~F.col("is_removed"), story))
    windows = by_hour.groupBy(*KEY).agg(
        F.max("is_changed").alias("is_affected"),
        # By time of publication: the order of addition.
        F.array_sort(counted).alias("window"),
    )
    own_hour = F.filter("window", lambda each: each["hours_old"] == 0)
    return windows.where("is_affected").select(
        *KEY,
        F.size(own_hour).alias("stories"),
        _weighted_mean(own_hour, "weight").alias("mean_sentiment"),
        _weighted_mean(F.col("window"), "decayed_weight").alias("decayed_sentiment"),
        F.size("window").alias("window_stories"),
    )


def _weighted_mean(stories: Column, weight: str) -> Column:
    total = _sum(F.transform(stories, lambda each: each[weight] * each["sentiment"]))
    weights = _sum(F.transform(stories, lambda each: each[weight]))
    return F.when(weights > 0, total / weights)


def _sum(numbers: Column) -> Column:
    return F.aggregate(numbers, F.lit(0.0), lambda total, number: total + number)

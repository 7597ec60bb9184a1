"""How a text sounds, for articles that come without a vendor's score."""

from __future__ import annotations

import functools

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer


def compound_score(headline: str, summary: str) -> float:
    """The compound score of VADER over `headline. summary`: -1 (negative) to 1 (positive), in steps of 0.0001.

    Source: Hutto & Gilbert, VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text
    (ICWSM 2014). Its lexicon is of everyday English: it knows "good" and "fears", not "beats estimates".
    """
    return float(_analyzer().polarity_scores(f"{headline}. {summary}")["compound"])


@functools.cache
def _analyzer() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()

"""NEWS_SENTIMENT: made-up articles, fixed by the seed, whose tone follows what the price did the day before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from simulator import vendor_messages
from simulator.instruments import Instrument
from simulator.noise import key_of, level, mixed, normal, uniform
from simulator.rendering import Answer, json_answer
from simulator.request import Request
from simulator.sessions import number_of

TOPICS = (
    "blockchain",
    "earnings",
    "economy_fiscal",
    "economy_macro",
    "economy_monetary",
    "energy_transportation",
    "finance",
    "financial_markets",
    "ipo",
    "life_sciences",
    "manufacturing",
    "mergers_and_acquisitions",
    "real_estate",
    "retail_wholesale",
    "technology",
)

_DEFAULT_LIMIT = 50
_MAXIMUM_LIMIT = 1000
_REACH = dt.timedelta(days=60)
_PUBLISHERS = ("Benzinga", "MarketBeat", "TipRanks", "Investing.com", "Business Wire", "FinancialContent", "Invezz")
_AUTHORS = ("Dana Whitfield", "Jonas Keller", "Priya Raman", "Marta Oliveira", "Sam Okafor", "Newsroom")
_GOOD = ("Climbs After Upbeat Outlook", "Draws Fresh Buying From Funds", "Raised To Buy At A Large Broker")
_EVEN = ("Holds Steady As Traders Wait", "In Focus Ahead Of The Week", "What The Options Market Says")
_POOR = ("Slips As Sellers Take Over", "Cut To Hold On Valuation", "Faces Questions Over Its Next Quarter")
_SUMMARIES = {
    "up": "{name} moved higher as investors took a friendlier view of its prospects. Analysts point to steady demand.",
    "even": "{name} traded close to its recent average. Observers see few reasons for a larger move for now.",
    "down": "{name} lost ground as investors turned careful. Analysts mention slower orders and a demanding price.",
}


@dataclass(frozen=True)
class Subject:
    """Something that is written about: its ticker at the vendor, its name and the price factor that sets its tone."""

    ticker: str
    name: str
    factor: str
    topics: tuple[str, ...]
    articles: int


@dataclass(frozen=True)
class Article:
    """An article and its form at Alpha Vantage."""

    published: dt.datetime
    content: dict[str, Any]

    @property
    def relevance(self) -> float:
        """How much it is about its first ticker."""
        return float(self.content["ticker_sentiment"][0]["relevance_score"])

    def is_about(self, tickers: Iterable[str], topics: Iterable[str] = ()) -> bool:
        """Whether it names all of `tickers` and covers all of `topics`."""
        named = {entry["ticker"] for entry in self.content["ticker_sentiment"]}
        covered = {entry["topic"] for entry in self.content["topics"]}
        return named.issuperset(tickers) and covered.issuperset(topics)


def news_sentiment(request: Request) -> Answer:
    """Answers NEWS_SENTIMENT: articles that name all of `tickers` and cover all of `topics`."""
    subjects = subjects_of(tuple(request.market.instruments.values()))
    tickers = _list(request, "tickers", {subject.ticker for subject in subjects} | {"FOREX:USD"}, str.upper)
    topics = _list(request, "topics", set(TOPICS), str.lower)
    sort = request.parameters.get("sort", "").upper() or "LATEST"
    limit = request.parameters.get("limit", "") or str(_DEFAULT_LIMIT)
    if sort not in ("LATEST", "EARLIEST", "RELEVANCE") or not limit.isascii() or not limit.isdigit() or limit == "0":
        raise vendor_messages.bad_news_call()
    to = min(_time(request, "time_to") or request.now, request.now)
    since = _time(request, "time_from") or to - _REACH
    if since > to:
        raise vendor_messages.bad_news_call()

    published = articles_between(request.seed, subjects, since, to, newest_first=sort == "LATEST")
    found: Iterator[Article] = (article for article in published if article.is_about(tickers, topics))
    wanted = min(int(limit), _MAXIMUM_LIMIT)
    if sort == "RELEVANCE":
        found = iter(sorted(found, key=lambda article: -article.relevance))
    feed = [article.content for article in islice(found, wanted)]
    if not feed:
        raise vendor_messages.no_articles()
    return json_answer(
        {
            "items": str(len(feed)),
            "sentiment_score_definition": "x <= -0.35: Bearish; -0.35 < x <= -0.15: Somewhat-Bearish; "
            "-0.15 < x < 0.15: Neutral; 0.15 <= x < 0.35: Somewhat_Bullish; x >= 0.35: Bullish",
            "relevance_score_definition": "0 < x <= 1, with a higher score indicating higher relevance.",
            "feed": feed,
        }
    )


def _list(request: Request, name: str, known: set[str], cased: Callable[[str], str]) -> list[str]:
    values = [cased(value.strip()) for value in request.parameters.get(name, "").split(",") if value.strip()]
    if not known.issuperset(values):
        raise vendor_messages.bad_news_call()
    return values


def _time(request: Request, name: str) -> dt.datetime | None:
    text = request.parameters.get(name, "").strip()
    if not text:
        return None
    for form in ("%Y%m%dT%H%M", "%Y%m%dT%H%M%S"):
        try:
            return dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC)
        except ValueError:
            continue
    raise vendor_messages.bad_news_call()


@lru_cache(maxsize=16)
def subjects_of(instruments: tuple[Instrument, ...]) -> tuple[Subject, ...]:
    """Returns what is written about: every share, and every coin once."""
    subjects = {}
    for instrument in instruments:
        if instrument.kind == "equity":
            ticker, name = instrument.symbol, instrument.name
            subject = Subject(ticker, name, f"share/{ticker}", ("financial_markets", "earnings", "technology"), 5)
        else:
            ticker, name = f"CRYPTO:{instrument.coin}", instrument.coin_name
            subject = Subject(ticker, name, f"coin/{instrument.coin}", ("blockchain", "financial_markets"), 4)
        subjects[ticker] = subject
    return tuple(subjects.values())


def articles_between(
    seed: int, subjects: tuple[Subject, ...], since: dt.datetime, to: dt.datetime, *, newest_first: bool = False
) -> Iterator[Article]:
    """Yields the articles that were published from `since` to `to`."""
    days = [since.date() + dt.timedelta(days=index) for index in range((to.date() - since.date()).days + 1)]
    for day in reversed(days) if newest_first else days:
        articles = _articles_of(seed, subjects, day)
        for article in reversed(articles) if newest_first else articles:
            if since <= article.published <= to:
                yield article


@lru_cache(maxsize=512)
def _articles_of(seed: int, subjects: tuple[Subject, ...], day: dt.date) -> tuple[Article, ...]:
    articles = []
    for subject in subjects:
        key = key_of(seed, "news", subject.ticker, day)
        busy = subject.articles * (0.4 if day.weekday() >= 5 else 1.0)
        for index in range(round(busy * 2 * uniform(key))):
            articles.append(_article(seed, subject, subjects, day, mixed(key, 100 + index)))
    return tuple(sorted(articles, key=lambda article: (article.published, article.content["url"])))


def _article(seed: int, subject: Subject, subjects: tuple[Subject, ...], day: dt.date, key: int) -> Article:
    seconds = int(uniform(key, 0) * 86_400)
    published = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(seconds=seconds)
    score = _tone(seed, subject, day, key)
    publisher = _PUBLISHERS[mixed(key, 1) % len(_PUBLISHERS)]
    turn, endings = ("up", _GOOD) if score >= 0.15 else ("down", _POOR) if score <= -0.15 else ("even", _EVEN)
    title = f"{subject.name} {endings[mixed(key, 2) % len(endings)]}"
    named = [(subject.ticker, 0.7 + 0.3 * uniform(key, 3), score)]
    for index, other in enumerate(subjects):
        if other is not subject and uniform(key, 20 + index) < 0.15:
            relevance = 0.1 + 0.5 * uniform(key, 60 + index)
            named.append((other.ticker, relevance, _tone(seed, other, day, mixed(key, 100 + index))))
    if subject.ticker.startswith("CRYPTO:"):
        named.append(("FOREX:USD", 0.2, 0.0))
    covered = [topic for index, topic in enumerate(subject.topics) if not index or uniform(key, 6 + index) < 0.5]
    slug = "-".join(title.lower().replace(".", "").replace("&", "and").split())
    site = publisher.lower().replace(" ", "").replace(".com", "")
    content = {
        "title": title,
        "url": f"https://www.{site}.example/{day:%Y/%m/%d}/{slug}-{key:016x}",
        "time_published": f"{published:%Y%m%dT%H%M%S}",
        "authors": [_AUTHORS[mixed(key, 4) % len(_AUTHORS)]],
        "summary": _SUMMARIES[turn].format(name=subject.name),
        "banner_image": f"https://www.{site}.example/images/{key % 997}.png",
        "source": publisher,
        "category_within_source": "General",
        "source_domain": publisher,
        "topics": [
            {"topic": topic, "relevance_score": f"{0.5 + 0.5 * uniform(key, 10 + index):.6f}"}
            for index, topic in enumerate(covered)
        ],
        "overall_sentiment_score": round(0.9 * score, 6),
        "overall_sentiment_label": _label(round(0.9 * score, 6)),
        "ticker_sentiment": [
            {
                "ticker": ticker,
                "relevance_score": f"{relevance:.6f}",
                "ticker_sentiment_score": f"{tone:.6f}",
                "ticker_sentiment_label": _label(round(tone, 6)),
            }
            for ticker, relevance, tone in named
        ],
    }
    return Article(published, content)


def _tone(seed: int, subject: Subject, day: dt.date, key: int) -> float:
    # Writers know yesterday's move, not today's: a forecast from news must not win by looking ahead.
    place, factor = number_of(day), key_of(seed, subject.factor)
    move = level(factor, place) - level(factor, place - 1)
    return max(-0.95, min(0.95, 0.08 + 0.16 * move + 0.18 * normal(key, 50)))


def _label(score: float) -> str:
    if score <= -0.35:
        return "Bearish"
    if score <= -0.15:
        return "Somewhat-Bearish"
    if score < 0.15:
        return "Neutral"
    return "Somewhat-Bullish" if score < 0.35 else "Bullish"

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from marketpulse.config import Instrument
from marketpulse.redaction import Redactor
from marketpulse.sources.alpha_vantage import choose_output_size, months_between, parse_bars
from marketpulse.sources.answers import keep_finished
from marketpulse.sources.errors import (
    BadApiKey,
    DailyBudgetExhausted,
    MalformedAnswer,
    PremiumOnly,
    RateLimited,
    SampleData,
    UnknownSymbol,
    VendorError,
    VendorRefused,
)
from pydantic import SecretStr

ANSWERS = Path(__file__).parent / "answers"
CAPTURES = Path(__file__).parents[4] / "shared" / "data" / "alpha_vantage"
KEY = "CANARY-KEY-0001"
MSFT = Instrument(symbol="MSFT", name="Microsoft", kind="equity", calendar="XNYS", currency="USD", tick=Decimal("0.01"))
BTCUSD = Instrument(
    symbol="BTCUSD", name="Bitcoin", kind="crypto", calendar="24/7", currency="USD", tick=Decimal("0.01")
)


def parse(body: bytes, instrument: Instrument = MSFT) -> list[tuple[datetime, tuple[str, ...]]]:
    bars = parse_bars(body, "alpha_vantage", instrument, Redactor(SecretStr(KEY)))
    assert {(bar.source, bar.symbol, bar.interval) for bar in bars} <= {("alpha_vantage", instrument.symbol, "1min")}
    return [(bar.ts, bar.values) for bar in bars]


def equity_answer(*times: str) -> bytes:
    document = json.loads((ANSWERS / "equity.json").read_text())
    row = document["Time Series (1min)"]["2026-05-15 19:58:00"]
    document["Time Series (1min)"] = dict.fromkeys(times, row)
    return json.dumps(document).encode()


def test_equity_bars_are_utc_oldest_first_and_printed_as_the_vendor_printed_them() -> None:
    bars = parse((ANSWERS / "equity.json").read_bytes())

    assert bars == [
        (datetime(2026, 5, 15, 8, 0, tzinfo=UTC), ("419.10", "419.10", "418.90", "419.00", "12")),
        (datetime(2026, 5, 15, 13, 30, tzinfo=UTC), ("420.1", "420.5000", "420.0001", "420.25", "152003")),
        (datetime(2026, 5, 15, 23, 58, tzinfo=UTC), ("421.8000", "421.95", "421.7", "421.9", "27")),
        (datetime(2026, 5, 15, 23, 59, tzinfo=UTC), ("421.9000", "421.9300", "421.8500", "421.9000", "1102")),
    ]


def test_crypto_numbers_without_quotes_keep_their_digits() -> None:
    bars = parse((ANSWERS / "crypto.json").read_bytes(), BTCUSD)

    assert [values[-1] for _, values in bars] == ["12", "1.20030000"]
    assert bars[0][0] == datetime(2026, 5, 17, 11, 1, tzinfo=UTC)


def test_an_answer_without_rows_is_no_bars() -> None:
    assert parse((ANSWERS / "no_bars.json").read_bytes()) == []


@pytest.mark.parametrize(
    ("answer", "error", "retryable"),
    [
        ("burst.json", RateLimited, True),
        ("frequency_note.json", RateLimited, True),
        ("call_volume.json", RateLimited, True),
        ("daily_budget.json", DailyBudgetExhausted, False),
        ("premium_only.json", PremiumOnly, False),
        ("demo_key.json", BadApiKey, False),
        ("bad_key.json", BadApiKey, False),
        ("unknown_symbol.json", UnknownSymbol, False),
        ("new_words.json", VendorRefused, False),
        ("sample_rows.json", SampleData, False),
        ("maintenance.html", MalformedAnswer, True),
        ("cut_off.json", MalformedAnswer, True),
        ("unexpected_shape.json", MalformedAnswer, True),
        ("empty.json", MalformedAnswer, True),
        ("list.json", MalformedAnswer, True),
        ("other_symbol.json", MalformedAnswer, True),
        ("other_interval.json", MalformedAnswer, True),
        ("unknown_zone.json", MalformedAnswer, True),
        ("missing_field.json", MalformedAnswer, True),
        ("null_price.json", MalformedAnswer, True),
        ("odd_second.json", MalformedAnswer, True),
        ("skipped_hour.json", MalformedAnswer, True),
    ],
)
def test_every_answer_that_is_no_data_has_a_name(answer: str, error: type[VendorError], retryable: bool) -> None:
    with pytest.raises(VendorError) as caught:
        parse((ANSWERS / answer).read_bytes())

    assert type(caught.value) is error
    assert caught.value.retryable is retryable
    assert "MSFT" in str(caught.value)
    assert "Next: " in str(caught.value)


def test_the_key_that_the_vendor_repeats_is_redacted() -> None:
    body = (ANSWERS / "daily_budget.json").read_bytes()
    assert KEY.encode() in body

    with pytest.raises(DailyBudgetExhausted) as caught:
        parse(body)

    assert KEY not in str(caught.value)
    assert "API key as ***" in str(caught.value)


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-03-06 19:59:00", datetime(2026, 3, 7, 0, 59, tzinfo=UTC)),
        ("2026-03-09 04:00:00", datetime(2026, 3, 9, 8, 0, tzinfo=UTC)),
        ("2026-10-30 19:59:00", datetime(2026, 10, 30, 23, 59, tzinfo=UTC)),
        ("2026-11-02 04:00:00", datetime(2026, 11, 2, 9, 0, tzinfo=UTC)),
        # Happened twice: read as the first, still in summer time.
        ("2026-11-01 01:30:00", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
    ],
)
def test_clock_changes(local: str, utc: datetime) -> None:
    assert [ts for ts, _ in parse(equity_answer(local))] == [utc]


def test_a_bar_whose_minute_is_not_over_is_left_out() -> None:
    body = equity_answer("2026-05-15 12:00:00", "2026-05-15 12:01:00")
    bars = parse_bars(body, "alpha_vantage", MSFT, Redactor(None))
    over = datetime(2026, 5, 15, 16, 2, 0, tzinfo=UTC)

    assert len(keep_finished(bars, over)) == 2
    assert [bar.ts.minute for bar in keep_finished(bars, over - timedelta(microseconds=1))] == [0]


@pytest.mark.parametrize(
    ("instrument", "minutes_behind", "size"),
    [
        (BTCUSD, 1, "compact"),
        (BTCUSD, 100, "compact"),
        (BTCUSD, 101, "full"),
        (MSFT, 100, "compact"),
        # A night without bars: the answer tells whether it reaches back.
        (MSFT, 60 * 60, "compact"),
    ],
)
def test_output_size(instrument: Instrument, minutes_behind: int, size: str) -> None:
    now = datetime(2026, 5, 15, 16, 2, tzinfo=UTC)

    assert choose_output_size(instrument, now - timedelta(minutes=minutes_behind), now) == size


@pytest.mark.parametrize(("minutes_between_polls", "size"), [(100, "compact"), (101, "full")])
def test_polls_further_apart_than_a_compact_answer_reaches_do_not_ask_twice(
    minutes_between_polls: float, size: str
) -> None:
    now = datetime(2026, 5, 15, 16, 2, tzinfo=UTC)

    assert choose_output_size(MSFT, now - timedelta(minutes=102), now, minutes_between_polls) == size
    assert choose_output_size(MSFT, now - timedelta(minutes=90), now, minutes_between_polls) == "compact"


def test_a_first_fetch_is_full() -> None:
    assert choose_output_size(MSFT, None, datetime(2026, 5, 15, tzinfo=UTC)) == "full"


@pytest.mark.skipif(not CAPTURES.exists(), reason="the captured answers are not on this machine")
def test_a_real_sample_answer_is_refused() -> None:
    with pytest.raises(SampleData, match="ARTIFICIAL"):
        parse((CAPTURES / "REALTIME_BULK_QUOTES_505ed5cc.json").read_bytes())


@pytest.mark.skipif(not CAPTURES.exists(), reason="the captured answers are not on this machine")
@pytest.mark.parametrize("name", ["TIME_SERIES_INTRADAY_3dbdcdc7.csv", "NEWS_SENTIMENT_37784e1e.json"])
def test_real_answers_of_another_kind_are_malformed(name: str) -> None:
    with pytest.raises(MalformedAnswer):
        parse((CAPTURES / name).read_bytes())


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-05-15T08:00+00:00", "2026-05-16T00:00+00:00", ["2026-05"]),
        # In New York it is still May.
        ("2026-06-01T00:30+00:00", "2026-06-01T03:59+00:00", ["2026-05"]),
        ("2026-05-31T20:00+00:00", "2026-06-01T04:01+00:00", ["2026-05", "2026-06"]),
        ("2025-11-30T20:00+00:00", "2026-01-02T00:00+00:00", ["2025-11", "2025-12", "2026-01"]),
    ],
)
def test_history_is_asked_for_by_the_months_of_the_exchange(start: str, end: str, months: list[str]) -> None:
    assert months_between(datetime.fromisoformat(start), datetime.fromisoformat(end)) == months

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from marketpulse.bars import Bar
from marketpulse.csv_bars import RefusedLine, UnusableFile, read_bars

SHARED = Path(__file__).parents[4] / "shared" / "data" / "bars"
NOW = datetime(2026, 5, 15, 20, 0, tzinfo=UTC)
HEADER = "symbol,ts_utc,open,high,low,close,volume\n"
GOOD = "BTCUSD,2018-04-04T00:00:00Z,6060,6060,6048.83,6049.68,6.72374365\n"


def read(
    path: Path, *, symbol: str | None = None, zone: str | None = None, known: tuple[str, ...] = ("BTCUSD", "MSFT")
) -> tuple[list[Bar], list[RefusedLine]]:
    refused: list[RefusedLine] = []
    bars = list(
        read_bars(
            path,
            source="import",
            symbol=symbol,
            zone=ZoneInfo(zone) if zone else None,
            known_symbols=known,
            now=NOW,
            refuse=refused.append,
        )
    )
    return bars, refused


def write(folder: Path, text: str) -> Path:
    path = folder / "bars.csv"
    path.write_text(text)
    return path


def test_values_are_taken_as_printed(tmp_path: Path) -> None:
    bars, refused = read(write(tmp_path, HEADER + GOOD))

    ts = datetime(2018, 4, 4, tzinfo=UTC)
    assert bars == [Bar("import", "BTCUSD", "1min", ts, "6060", "6060", "6048.83", "6049.68", "6.72374365")]
    assert refused == []


@pytest.mark.parametrize("name", ["bars.csv.gz", "bars.download"])
def test_gzip_is_recognised_by_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress((HEADER + GOOD).encode()))

    assert len(read(path)[0]) == 1


def test_columns_may_be_in_any_order_and_case_with_others_beside_them(tmp_path: Path) -> None:
    text = "\ufeffVolume,Close,Low,High,Open,note,TIME\n1102,218.75,218.75,218.79,218.79,x,2020-12-18 20:00:00\n"

    (bar,), refused = read(write(tmp_path, text), symbol="MSFT", zone="America/New_York")

    assert (bar.symbol, bar.ts, bar.values) == (
        "MSFT",
        datetime(2020, 12, 19, 1, 0, tzinfo=UTC),
        ("218.79", "218.79", "218.75", "218.75", "1102"),
    )
    assert refused == []


def test_an_offset_in_the_time_wins_over_the_zone(tmp_path: Path) -> None:
    text = "time,open,high,low,close,volume\n2020-12-18T20:00:00+01:00,1,1,1,1,0\n"

    assert read(write(tmp_path, text), symbol="MSFT", zone="America/New_York")[0][0].ts.hour == 19
    assert read(write(tmp_path, text), symbol="MSFT")[0][0].ts.hour == 19


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("BTCUSD,2018-04-04T00:00:00Z,6060,6060,6048.83,6049.68", "6 fields instead of 7"),
        ("BTCUSD,2018-04-04T00:00:00Z,6060,6060,6048.83,6049.68,1,2", "8 fields instead of 7"),
        ("TSLA,2018-04-04T00:00:00Z,1,1,1,1,1", "unknown symbol 'TSLA': add it to config/instruments.yml"),
        ("btcusd,2018-04-04T00:00:00Z,1,1,1,1,1", "unknown symbol 'btcusd'"),
        ("BTCUSD,yesterday,1,1,1,1,1", "'yesterday' is not a time"),
        ("BTCUSD,2018-04-04T00:00:30Z,1,1,1,1,1", "is not a whole minute"),
        ("BTCUSD,2026-05-15T20:06:00Z,1,1,1,1,1", "2026-05-15T20:06:00Z lies in the future"),
        ("BTCUSD,2018-04-04T00:00:00Z,NaN,1,1,1,1", "open 'NaN' is not a plain decimal"),
        ("BTCUSD,2018-04-04T00:00:00Z,-1,1,1,1,1", "open '-1' is not a plain decimal"),
        ("BTCUSD,2018-04-04T00:00:00Z,1,1e3,1,1,1", "high '1e3' is not a plain decimal"),
        ("BTCUSD,2018-04-04T00:00:00Z,1,1,0.00,1,1", "low 0.00 is not above zero"),
        ("BTCUSD,2018-04-04T00:00:00Z,1,1,1,1.123456789,1", "close '1.123456789' is not a plain decimal"),
        ("BTCUSD,2018-04-04T00:00:00Z,1,1,1,1234567890123,1", "close '1234567890123' is not"),
        ("BTCUSD,2018-04-04T00:00:00Z,1,1,1,1,", "volume '' is not a plain decimal"),
        ("BTCUSD,2018-04-04T00:00:00Z,1,1,1,1,-3", "volume '-3' is not"),
        ("BTCUSD,2018-04-04T00:00:00Z,3,2,1,1,1", "open 3 and close 1 do not lie between low 1 and high 2"),
        ("BTCUSD,2018-04-04T00:00:00Z,1,1,2,1,1", "do not lie between low 2 and high 1"),
        ("BTCUSD,2018-04-04T00:00:00Z,\u0661,1,1,1,1", "open '\u0661' is not a plain decimal"),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_reason_and_the_rest_goes_in(
    tmp_path: Path, line: str, reason: str
) -> None:
    bars, refused = read(write(tmp_path, HEADER + GOOD + line + "\n\n" + GOOD))

    assert len(bars) == 2
    ((number, text),) = [(one.number, one.reason) for one in refused]
    assert number == 3
    assert reason in text


def test_a_line_of_bytes_that_are_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes((HEADER + GOOD).encode() + b"BTCUSD,2018-04-04T00:00:00Z,\xff\x00,1,1,1,1\n" + GOOD.encode())

    bars, refused = read(path)

    assert len(bars) == 2
    assert [line.number for line in refused] == [3]


def test_clock_changes_are_refused_by_line(tmp_path: Path) -> None:
    lines = "".join(f"{time},1,1,1,1,1\n" for time in ("2020-11-01 00:59", "2020-11-01 01:30", "2020-03-08 02:30"))
    path = write(tmp_path, "time,open,high,low,close,volume\n" + lines)

    bars, refused = read(path, symbol="MSFT", zone="America/New_York")

    assert [bar.ts for bar in bars] == [datetime(2020, 11, 1, 4, 59, tzinfo=UTC)]
    assert "happened twice" in refused[0].reason
    assert "with an offset or in UTC" in refused[0].reason
    assert "never happened" in refused[1].reason


@pytest.mark.parametrize(
    ("text", "symbol", "message"),
    [
        ("", None, "is empty"),
        ("symbol,ts_utc,open,high,low,volume\n", None, "no column close; its header is"),
        ("symbol,date,open,high,low,close,volume\n", None, "no column ts_utc"),
        ("time,open,high,low,close,volume\n", None, "has no column symbol.*SYMBOL=MSFT"),
        (HEADER, "MSFT", "has a column symbol.*leave out SYMBOL"),
        ("time,open,high,low,close,volume\n2020-12-18 20:00:00,1,1,1,1,1\n", "MSFT", "says no time zone.*TZ=America"),
    ],
)
def test_a_file_that_does_not_fit_says_what_to_change(
    tmp_path: Path, text: str, symbol: str | None, message: str
) -> None:
    with pytest.raises(UnusableFile, match=message):
        read(write(tmp_path, text), symbol=symbol)


def test_a_missing_file_and_a_cut_off_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match="No such file"):
        read(tmp_path / "none.csv")
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress((HEADER + GOOD * 100).encode())[:-20])
    with pytest.raises(UnusableFile, match=r"cut\.csv\.gz: .*complete"):
        read(cut)


@pytest.mark.skipif(not SHARED.exists(), reason="the captured bars are not on this machine")
def test_real_crypto_bars() -> None:
    path = SHARED / "coinbase_1min.csv.gz"
    bars, refused = read(path, known=("BTCEUR", "BTCUSD", "ETHUSD", "LTCUSD"))

    assert refused == []
    assert len(bars) == 25_302
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()[1:]
    assert lines == [f"{bar.symbol},{bar.ts:%Y-%m-%dT%H:%M:%SZ},{','.join(bar.values)}" for bar in bars]


@pytest.mark.skipif(not SHARED.exists(), reason="the captured bars are not on this machine")
def test_real_equity_bars_newest_first_in_new_york_time() -> None:
    bars, refused = read(SHARED / "msft_1min_2020.csv", symbol="MSFT", zone="America/New_York")

    assert refused == []
    assert len(bars) == 11_190
    assert bars[0].ts == datetime(2020, 12, 19, 1, 0, tzinfo=UTC)
    assert [bar.ts for bar in bars] == sorted((bar.ts for bar in bars), reverse=True)

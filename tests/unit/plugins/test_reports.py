"""Parameters, questions and dashboards as code: what is wrong is refused with file, line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from marketpulse.reports.catalogue import Catalogue, load_catalogue
from marketpulse.reports.located import ReportError
from marketpulse.reports.parameters import Parameter, Value, WrongValue

REPOSITORY = Path(__file__).parents[3]
PARAMETERS = """\
symbol: {title: Symbol, type: text, default: MSFT, choices_from: closes}
days: {title: Days back, type: integer, default: 30, minimum: 1, maximum: 90}
level: {title: Level, type: number, default: 0.95, choices: [0.95, 0.99]}
"""
QUESTION = """\
-- title: Closes
-- description: >-
--   By session, in the currency
--   of the instrument.
-- owner: analysts
-- chart: line
-- columns:
--   session: {title: Session, unit: date}
--   close: {title: Close, unit: price}
--   symbol: {title: Symbol}
-- x: session
-- y: [close]
-- parameters: [symbol, days]
SELECT session, close, symbol
  FROM reports.bars_session
 WHERE symbol LIKE %(symbol)s || '%%' AND symbol <> '{}'
   AND session > current_date - %(days)s::integer;
"""
DASHBOARD = """\
title: Prices
description: What things cost.
owner: analysts
position: 1
filters: [symbol, days]
tabs:
  - title: All
    cards:
      - {question: closes, column: 0, row: 0, width: 12, height: 8}
      - {question: closes, column: 12, row: 0, width: 12, height: 8}
      - question: closes
        column: 0
        row: 8
        width: 24
        height: 4
"""
FILES = {
    "parameters.yml": PARAMETERS,
    "questions/closes.sql": QUESTION,
    "dashboards/prices.yml": DASHBOARD,
}


def load(root: Path, file: str = "", old: str = "", new: str = "") -> Catalogue:
    """The reports above with one change in a file."""
    for name, text in FILES.items():
        path = root / "reports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert name != file or old in text
        path.write_text(text.replace(old, new, 1) if name == file else text)
    return load_catalogue(root)


def test_what_is_right_is_loaded(tmp_path: Path) -> None:
    catalogue = load(tmp_path)
    question = catalogue.questions["closes"]

    assert question.description == "By session, in the currency of the instrument."
    assert list(question.columns) == ["session", "close", "symbol"]
    assert (question.x, question.y, question.columns["close"].unit) == ("session", ("close",), "price")
    assert question.first_line == 14
    assert [card.row for card in catalogue.dashboards["prices"].tabs[0].cards] == [0, 0, 8]


def test_placeholders_become_what_the_one_who_asks_wants(tmp_path: Path) -> None:
    statement = load(tmp_path).questions["closes"].statement(lambda name: "{{" + name + "}}")

    assert statement.splitlines()[2:] == [
        " WHERE symbol LIKE {{symbol}} || '%' AND symbol <> '{}'",
        "   AND session > current_date - {{days}}::integer",
    ]


def test_the_reports_of_the_repository_are_right() -> None:
    catalogue = load_catalogue(REPOSITORY)
    placed = [card.question for board in catalogue.dashboards.values() for tab in board.tabs for card in tab.cards]

    assert list(catalogue.dashboards) == [
        "market_now",
        "symbol",
        "portfolio_and_risk",
        "sentiment",
        "forecasts",
        "data_quality",
    ]
    assert set(placed) == catalogue.questions.keys()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Symbol", "title: ''", r":1: title: String should have at least 1 character.*correct title"),
        ("type: integer", "type: whole", r":2: type: Input should be 'text', 'integer' or 'number'"),
        ("default: 30", "default: 100", r":2: 100 is not a value of days: .*a number from 1 to 90"),
        ("default: 30", "default: 30.5", r":2: 30\.5 is not a value of days"),
        ("default: MSFT", "default: 5", r":1: 5 is not of type text"),
        ("[0.95, 0.99]", "[0.9, 0.99]", r":3: 0\.95 is not a value of level: .*one of 0\.9, 0\.99"),
        ("choices_from: closes", "choices_from: opens", r":1: there is no question reports/questions/opens\.sql"),
        ("minimum: 1", "minimum: 1, least: 1", r":2: least: Extra inputs.*remove the key or correct its name"),
        ("title: Symbol", "name: x, title: Symbol", r":1: name is not said here.*remove the key"),
        ("symbol: {", "symbol: [", r":1: is not valid YAML"),
        ("symbol: {", "Symbol: {", r":1: name: String should match pattern"),
        ("days: {", "symbol: {", r":2: symbol is said twice"),
        (
            "symbol: {title: Symbol, type: text, default: MSFT, choices_from: closes}",
            "symbol: 5",
            r":1: is not a mapping",
        ),
    ],
)
def test_wrong_parameters_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ReportError, match=r"^reports/parameters\.yml:\d+: .*\. Fix: ") as caught:
        load(tmp_path, "parameters.yml", old, new)
    caught.match(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("chart: line", "chart: pie", r":6: chart: Input should be 'table', .*'heatmap'"),
        ("-- owner: analysts\n", "", r":1: owner: Field required"),
        ("unit: price", "unit: dollars", r":9: columns\.close\.unit: Input should be 'text'"),
        ("y: [close]", "y: [closes]", r":12: closes is not among the columns.*list it there"),
        ("x: session", "x: day", r":11: day is not among the columns"),
        ("-- x: session\n", "", r":6: a line needs x"),
        ("y: [close]", "y: []", r":6: a line needs y"),
        ("chart: line", "chart: table", r":11: a table has no x"),
        ("chart: line", "chart: heatmap", r":6: a heatmap needs series"),
        ("chart: line", "chart: combo", r":6: a combo needs bars"),
        ("chart: line\n", "chart: candlestick\n", r":7: a candlestick needs open, high, low"),
        ("y: [close]", "y: [close, session]\n-- series: symbol", r":12: there is room for one column only"),
        ("[symbol, days]", "[symbol, hours, days]", r":13: unknown parameter hours.*parameters\.yml"),
        ("[symbol, days]", "[days]", r":16: unknown parameter symbol.*list it under parameters"),
        ("[symbol, days]", "[symbol, days, level]", r":13: level changes nothing"),
        ("'%%'", "'%'", r":16: a % alone means nothing.*write %%"),
        ("title: Closes", "title: Closes: all", r":1: is not valid YAML"),
        ("-- x: session", "-- x: session\n-- x: close", r":12: x is said twice"),
        (QUESTION, "SELECT 1", r":1: is not a mapping.*give it the keys title, description"),
        (QUESTION[QUESTION.index("SELECT") :], "", r":1: sql: String should have at least 1 character"),
    ],
)
def test_wrong_questions_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ReportError, match=r"^reports/questions/closes\.sql:\d+: .*\. Fix: ") as caught:
        load(tmp_path, "questions/closes.sql", old, new)
    caught.match(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{question: closes, column: 12", "{question: opens, column: 12", r":10: there is no question opens"),
        ("column: 12", "column: 11", r":10: closes lies on closes.*move one of the two"),
        ("row: 8", "row: 7", r":11: closes lies on closes"),
        ("column: 12", "column: 13", r":10: closes reaches over the right edge.*within 24"),
        (
            "        width: 24\n",
            "        width: 25\n",
            r":14: tabs\.0\.cards\.2\.width: Input should be less than or equal",
        ),
        ("        height: 4\n", "", r":11: tabs\.0\.cards\.2\.height: Field required"),
        ("[symbol, days]", "[days]", r":9: closes wants symbol, which is no filter.*add symbol to filters"),
        ("[symbol, days]", "[symbol, days, level]", r":5: level filters no card"),
        ("[symbol, days]", "[symbol, days, hours]", r":5: unknown parameter hours"),
        ("position: 1", "position: first", r":4: position: Input should be a valid integer"),
        ("title: All", "title: All\n    color: red", r":8: tabs\.0\.color: Extra inputs"),
        (DASHBOARD[DASHBOARD.index("tabs:") :], "tabs: []", r":6: tabs: .*at least 1 item"),
        (DASHBOARD, "", r":1: is not a mapping"),
    ],
)
def test_wrong_dashboards_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ReportError, match=r"^reports/dashboards/prices\.yml:\d+: .*\. Fix: ") as caught:
        load(tmp_path, "dashboards/prices.yml", old, new)
    caught.match(message)


def parameter(name: str) -> Parameter:
    return load_catalogue(REPOSITORY).parameters[name]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("symbol", "BRK.B", "BRK.B"), ("days", "7", 7), ("confidence", "0.99", 0.99), ("hours", "168", 168)],
)
def test_what_a_reader_writes_becomes_a_value(name: str, text: str, value: Value) -> None:
    found = parameter(name).value_of(text)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("symbol", ""),
        ("symbol", "A" * 65),
        ("symbol", "A\x00B"),
        ("symbol", "A\nB"),
        ("days", "0"),
        ("days", "-1"),
        ("days", "9999999"),
        ("days", "1; DROP"),
        ("days", "1.5"),
        ("days", "9" * 5000),
        ("confidence", "0.5"),
        ("confidence", "nan"),
    ],
)
def test_what_a_parameter_does_not_take_is_refused(name: str, text: str) -> None:
    with pytest.raises(WrongValue, match=r"this is no value of it\. Next: choose "):
        parameter(name).value_of(text)

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from marketpulse.config import ConfigError, load_instruments
from marketpulse.portfolios import Portfolio, load_portfolios

REPOSITORY = Path(__file__).parents[3]
GOOD: dict[str, Any] = {
    "id": "mine",
    "name": "Mine",
    "currency": "USD",
    "benchmark": "MSFT",
    "holdings": [
        {"from": date(2026, 1, 5), "cash": 100.5, "shares": {"MSFT": 10, "BTCUSD": "0.25"}},
        {"from": date(2026, 2, 2), "shares": {}},
    ],
}


def load(root: Path, *portfolios: Any) -> dict[str, Portfolio]:
    (root / "config").mkdir()
    (root / "config/portfolios.yml").write_text(yaml.safe_dump({"portfolios": list(portfolios)}))
    return load_portfolios(load_instruments(REPOSITORY), root)


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The good portfolio with another value at a place."""
    portfolio: dict[str, Any] = yaml.safe_load(yaml.safe_dump(GOOD))
    place: Any = portfolio
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return portfolio


def test_the_configuration_of_the_repository_is_valid() -> None:
    portfolios = load_portfolios(load_instruments(REPOSITORY), REPOSITORY)

    assert list(portfolios) == ["us_shares", "coins"]
    assert portfolios["coins"].holdings[0].shares["BTCUSD"] == Decimal("1.5")


def test_amounts_are_exact_and_holdings_keep_their_order(tmp_path: Path) -> None:
    first, second = load(tmp_path, GOOD)["mine"].holdings

    assert (first.valid_from, first.cash) == (date(2026, 1, 5), Decimal("100.5"))
    assert first.shares == {"MSFT": Decimal(10), "BTCUSD": Decimal("0.25")}
    assert (second.cash, second.shares) == (Decimal(0), {})


def test_a_short_position_is_allowed_where_it_is_said(tmp_path: Path) -> None:
    short = changed("holdings", 0, "shares", to={"MSFT": -3}) | {"short": True}

    assert load(tmp_path, short)["mine"].holdings[0].shares == {"MSFT": Decimal(-3)}


@pytest.mark.parametrize(
    ("portfolio", "message"),
    [
        ("mine", r"portfolios\[0\] \(None\): .*Fix: give it the keys id, name"),
        (changed("id", to="My Money"), r"\(My Money\)\.id: .*pattern.*Fix: give id a value"),
        (changed("benchmarks", to="MSFT"), r"\(mine\)\.benchmarks: Extra inputs.*correct its name"),
        (changed("benchmark", to="TSM"), r"\.benchmark: unknown symbol TSM.*add it to config/instruments\.yml"),
        (
            changed("benchmark", to="BTCEUR"),
            r"\.benchmark: BTCEUR is in EUR, the portfolio in USD, and noth",
        ),
        (changed("holdings", to=[]), r"\(mine\)\.holdings: .*at least 1 item"),
        (changed("holdings", to={"MSFT": 1}), r"\(mine\)\.holdings: Input should be a valid tuple"),
        (changed("holdings", 1, to={"shares": {}}), r"holdings\[1\]\.from: Field required.*Fix: give from a value"),
        (changed("holdings", 1, "from", to="soon"), r"holdings\[1\]\.from: Input should be a valid date"),
        (changed("holdings", 1, "on", to=1), r"holdings\[1\]\.on: Extra inputs.*correct its name"),
        (changed("holdings", 1, "from", to=date(2026, 1, 5)), r"holdings: dates are not in ascending order.*sort them"),
        (changed("holdings", 0, "shares", to={"tsla": 1}), r"holdings\[0\]\.shares\.tsla.*pattern"),
        (changed("holdings", 0, "shares", to={"TSM": 1}), r"holdings\[0\]\.shares\.TSM: unknown symbol TSM.*add it to"),
        (
            changed("holdings", 0, "shares", to={"BTCEUR": 1}),
            r"shares\.BTCEUR: BTCEUR is in EUR.*Fix: keep it in a portfolio of EUR",
        ),
        (changed("holdings", 0, "shares", to={"MSFT": -1}), r"shares\.MSFT: is negative.*Fix: set short: true"),
        (changed("holdings", 0, "shares", to={"MSFT": 0}), r"shares\.MSFT: is zero.*Fix: leave the symbol out"),
        (changed("holdings", 0, "cash", to="much"), r"holdings\[0\]\.cash: .*valid decimal"),
        (changed("holdings", 0, "cash", to="0.000000001"), r"holdings\[0\]\.cash: .*8 decimal places"),
    ],
)
def test_errors_name_file_key_and_fix(tmp_path: Path, portfolio: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=r"config/portfolios\.yml: portfolios\[0\].*Fix: ") as caught:
        load(tmp_path, portfolio)
    caught.match(message)


def test_a_portfolio_is_listed_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"portfolios\[1\] \(mine\): is listed twice.*remove one"):
        load(tmp_path, GOOD, GOOD)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config/portfolios\.yml: portfolios: no such file"):
        load_portfolios(load_instruments(REPOSITORY), tmp_path)

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from marketpulse.config import Instrument, load_instruments
from marketpulse.sync_instruments import InstrumentInUse, main, sync_instruments
from marketpulse.warehouse import connect

ORCL = Instrument(symbol="ORCL", name="Oracle", kind="equity", calendar="XNYS", currency="USD", tick=Decimal("0.01"))


def stored() -> list[str]:
    with connect(statement_seconds=5, lock_seconds=5) as connection:
        return [symbol for (symbol,) in connection.execute("SELECT symbol FROM market.instruments ORDER BY 1")]


def test_the_table_follows_the_file(task_environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    configured = load_instruments()
    with connect(statement_seconds=5, lock_seconds=5) as connection:
        sync_instruments(connection, configured)
        assert sync_instruments(connection, configured) == (0, 0)
        assert sync_instruments(connection, {**configured, "ORCL": ORCL}) == (1, 0)
        renamed = ORCL.model_copy(update={"name": "Oracle Corp."})
        assert sync_instruments(connection, {**configured, "ORCL": renamed}) == (1, 0)
        assert stored() == sorted([*configured, "ORCL"])

    assert main() == 0
    assert capsys.readouterr().out.startswith(f"{len(configured)} instruments: 0 added or changed, 1 deleted\n")
    assert stored() == sorted(configured)


def test_an_instrument_with_bars_is_not_removed(task_environment: dict[str, str]) -> None:
    configured = load_instruments()
    with connect(statement_seconds=5, lock_seconds=5) as connection:
        sync_instruments(connection, {**configured, "ORCL": ORCL})
        connection.execute(
            "INSERT INTO market.bars_1m VALUES ('ORCL', 'import', %s, 1, 1, 1, 1, 1, now())",
            (datetime(2026, 5, 15, tzinfo=UTC),),
        )

        with pytest.raises(InstrumentInUse, match=r"config/instruments\.yml: ORCL is missing.*list it again"):
            sync_instruments(connection, configured)

    assert "ORCL" in stored()

"""What a vendor is asked for, by config/sources.yml, it gives."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from marketpulse.config import IMPORT_ONLY, ConfigError, Data, enabled_sources, load_instruments, load_sources
from marketpulse.sources.protocol import ActionSource, BarSource, NewsSource, QuoteSource, Source, open_source

from tests.unit.plugins.vendor_server import Grants

KINDS: Mapping[Data, type[Source]] = {
    "bars": BarSource,
    "actions": ActionSource,
    "news": NewsSource,
    "quotes": QuoteSource,
}
VENDORS = {
    name: source
    for name, source in load_sources(load_instruments(), environ={}).items()
    if source.adapter != IMPORT_ONLY
}


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_gives_what_it_is_asked_for_and_nothing_that_it_gives_is_forgotten(name: str) -> None:
    given = set()
    for data, kind in KINDS.items():
        try:
            source = open_source(VENDORS[name], kind, budget=Grants())
        except ConfigError:
            continue
        asyncio.run(source.close())
        given.add(data)

    assert given == set(VENDORS[name].data)


def test_a_vendor_that_does_not_give_it_is_refused_with_the_fix() -> None:
    with pytest.raises(ConfigError, match=r"sources\.coinbase\.data: .* coinbase is no NewsSource\. Fix: leave"):
        open_source(VENDORS["coinbase"], NewsSource, budget=Grants())


def test_only_who_is_enabled_and_gives_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINBASE_ENABLED", "true")

    assert enabled_sources("bars") == ["alpha_vantage", "coinbase"]
    assert enabled_sources("news") == ["alpha_vantage"]
    monkeypatch.setenv("ALPHA_VANTAGE_ENABLED", "false")
    assert enabled_sources("news") == []

from __future__ import annotations

import logging

from hypothesis import given
from hypothesis import strategies as st
from marketpulse.redaction import Redactor, silence_request_logs
from pydantic import SecretStr


def test_plain_and_encoded_keys_are_masked() -> None:
    redact = Redactor(SecretStr("a/b+c"))

    assert redact("key a/b+c, url ?apikey=a%2Fb%2Bc&x=1") == "key ***, url ?apikey=***&x=1"


def test_no_key_changes_nothing() -> None:
    assert Redactor(None)("text") == "text"
    assert Redactor(SecretStr(""))("text") == "text"


@given(before=st.text(), after=st.text())
def test_a_key_anywhere_is_masked(before: str, after: str) -> None:
    assert "CANARY-KEY-0001" not in Redactor(SecretStr("CANARY-KEY-0001"))(f"{before}CANARY-KEY-0001{after}")


def test_http_libraries_do_not_log_addresses() -> None:
    silence_request_logs()

    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpcore.http11").isEnabledFor(logging.INFO)

"""PostgreSQL and Kafka as the stack starts them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from marketpulse_stack.errors import TopicMismatchError
from marketpulse_stack.kafka import TOPICS, ensure_topics
from marketpulse_stack.settings import load_settings


def test_migrated_database_is_reached_without_a_password_in_any_variable(stack_environment: dict[str, str]) -> None:
    lines = Path(stack_environment["PGPASSFILE"]).read_text().splitlines()
    (password,) = [line.rsplit(":", 1)[1] for line in lines if ":marketpulse_loader:" in line]
    assert not [name for name, value in stack_environment.items() if password in value]
    dsn = stack_environment["MARKETPULSE_WAREHOUSE_DSN"]
    with psycopg.connect(dsn, passfile=stack_environment["PGPASSFILE"]) as connection:
        query = "SELECT current_user, current_setting('timezone'), count(*) FROM market.bars_1m"
        row = connection.execute(query).fetchone()
    assert row == ("marketpulse_loader", "UTC", 0)


def test_topics_are_created_as_the_contracts_need_them(stack_environment: dict[str, str]) -> None:
    admin = AdminClient({"bootstrap.servers": stack_environment["MARKETPULSE_KAFKA_BOOTSTRAP"]})
    topics = admin.list_topics(timeout=10).topics
    assert {name: len(topics[name].partitions) for name in ("market.bars.v1", "market.bars.backfill.v1")} == {
        "market.bars.v1": 2,
        "market.bars.backfill.v1": 2,
    }
    resource = ConfigResource(ResourceType.TOPIC, "market.bars.backfill.v1")
    settings = admin.describe_configs([resource])[resource].result(10)
    assert settings["message.timestamp.type"].value == "LogAppendTime"
    assert settings["max.message.bytes"].value == "8388608"
    assert settings["retention.ms"].value == str(30 * 24 * 3600 * 1000)


def test_topic_with_another_configuration_is_reported_and_left_alone(stack_environment: dict[str, str]) -> None:
    settings = load_settings(stack_environment)
    assert ensure_topics(settings) == []
    admin = AdminClient({"bootstrap.servers": stack_environment["MARKETPULSE_KAFKA_BOOTSTRAP"]})

    def set_retention(milliseconds: str) -> None:
        entry = ConfigEntry("retention.ms", milliseconds, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, "market.bars.v1", incremental_configs=[entry])
        for altered in admin.incremental_alter_configs([resource]).values():
            altered.result(10)

    set_retention("1000")
    try:
        with pytest.raises(TopicMismatchError, match=r"market\.bars\.v1: retention\.ms is 1000, not 604800000"):
            ensure_topics(settings)
    finally:
        set_retention(TOPICS["market.bars.v1"]["retention.ms"])
    assert ensure_topics(settings) == []

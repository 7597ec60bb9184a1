"""Kafka: one KRaft node on loopback, and the topics of the contracts."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from marketpulse_stack.commands import run_logged
from marketpulse_stack.errors import TopicMismatchError
from marketpulse_stack.settings import Settings

PROBE_SECONDS = 3.0
REQUEST_SECONDS = 20.0
MAX_MESSAGE_BYTES = 8388608
DAY_MS = 24 * 60 * 60 * 1000
PARTITIONS = 2
# Of the version in deploy/local/kafka/pom.xml.
EXPORTER_JAR = "jmx_prometheus_javaagent-1.0.1.jar"

_COMMON = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(MAX_MESSAGE_BYTES)}
TOPICS: Mapping[str, Mapping[str, str]] = {
    "market.bars.v1": {**_COMMON, "retention.ms": str(7 * DAY_MS)},
    "market.bars.backfill.v1": {**_COMMON, "retention.ms": str(30 * DAY_MS)},
    "market.actions.v1": {**_COMMON, "retention.ms": str(30 * DAY_MS)},
    "market.news.v1": {**_COMMON, "retention.ms": str(30 * DAY_MS)},
}


def _data_folder(settings: Settings) -> Path:
    return settings.home / "kafka"


def _java(settings: Settings, main: str, *, heap: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    logging = settings.root / "deploy" / "local" / "kafka" / "log4j2.xml"
    class_path = str(settings.tools / "jars" / "kafka" / "*")
    return (
        "java", f"-Xms{heap}", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={logging}", *options, "-cp", class_path, main,
    )  # fmt: skip


def server_command(settings: Settings) -> tuple[str, ...]:
    """The broker and controller in one process, which serves its own metrics to Prometheus."""
    exporter = settings.tools / "jars" / "kafka" / EXPORTER_JAR
    rules = settings.root / "monitoring" / "kafka" / "jmx-exporter.yml"
    agent = f"-javaagent:{exporter}=127.0.0.1:{settings.ports.kafka_exporter}:{rules}"
    java = _java(settings, "kafka.Kafka", heap="384m", options=(agent,))
    return (*java, str(settings.run / "kafka.properties"))


def write_configuration(settings: Settings) -> None:
    """Renders server.properties."""
    ports = settings.ports
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{ports.kafka_controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{ports.kafka},CONTROLLER://127.0.0.1:{ports.kafka_controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{ports.kafka}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(_data_folder(settings)),
        "auto.create.topics.enable": "false",
        "num.partitions": str(PARTITIONS),
        "message.max.bytes": str(MAX_MESSAGE_BYTES),
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        # The default of 128 MB would take a third of the heap.
        "log.cleaner.dedupe.buffer.size": "8388608",
    }
    lines = "".join(f"{key}={value}\n" for key, value in properties.items())
    (settings.run / "kafka.properties").write_text(lines)


def format_storage(settings: Settings, environment: Mapping[str, str]) -> None:
    """Prepares the data folder, once.

    Raises:
        StepFailedError: The storage tool failed.
    """
    if (_data_folder(settings) / "meta.properties").exists():
        return
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    run_logged(
        "format Kafka's storage",
        [
            *_java(settings, "kafka.tools.StorageTool", heap="128m"), "format",
            f"--cluster-id={cluster_id}", "--config", str(settings.run / "kafka.properties"), "--ignore-formatted",
        ],
        log=settings.logs / "setup-kafka-format.log",
        environment=environment,
        fix="Read the lines above; `make clean && make up` starts from nothing.",
        timeout=60,
        cwd=settings.home,
    )  # fmt: skip


def _admin(settings: Settings) -> AdminClient:
    # log_level 0: a refused connection is the probe's answer, not a line on the user's screen.
    return AdminClient({"bootstrap.servers": f"127.0.0.1:{settings.ports.kafka}", "log_level": 0})


def not_ready(settings: Settings) -> str:
    """Why the broker does not serve metadata, or an empty string."""
    try:
        brokers = _admin(settings).list_topics(timeout=PROBE_SECONDS).brokers
    except KafkaException as error:
        return str(error.args[0].str())
    return "" if brokers else "no broker has joined"


def ensure_topics(settings: Settings) -> list[str]:
    """Creates the topics that are not there; returns their names.

    Raises:
        TopicMismatchError: One is there with another number of partitions or another configuration.
    """
    admin = _admin(settings)
    present = admin.list_topics(timeout=REQUEST_SECONDS).topics
    missing = [name for name in TOPICS if name not in present]
    if missing:
        new = [NewTopic(name, PARTITIONS, replication_factor=1, config=dict(TOPICS[name])) for name in missing]
        for created in admin.create_topics(new, operation_timeout=REQUEST_SECONDS).values():
            created.result(REQUEST_SECONDS)
    differences = []
    for name in TOPICS.keys() - set(missing):
        if len(present[name].partitions) != PARTITIONS:
            differences.append(f"{name} has {len(present[name].partitions)} partitions, not {PARTITIONS}")
        resource = ConfigResource(ResourceType.TOPIC, name)
        actual = admin.describe_configs([resource])[resource].result(REQUEST_SECONDS)
        differences += [
            f"{name}: {key} is {actual[key].value}, not {value}"
            for key, value in TOPICS[name].items()
            if actual[key].value != value
        ]
    if differences:
        raise TopicMismatchError(
            "Kafka's topics are not as the contracts need them.",
            fix="`make clean && make up` starts from nothing; to keep the data, alter the topic by hand.",
            details="\n".join(sorted(differences)),
        )
    return missing

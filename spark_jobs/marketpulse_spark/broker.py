"""What the broker says of the topics: identity and offsets, without a JVM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from marketpulse_spark.errors import TopicMissing

_SECONDS = 15.0


@dataclass(frozen=True)
class TopicState:
    """A topic as the broker has it now.

    Attributes:
        first: First offset that the broker still holds, by partition.
        end: Offset that the next message will get, by partition.
    """

    topic: str
    cluster_id: str
    topic_id: str
    first: dict[int, int]
    end: dict[int, int]


def read_topics(bootstrap: str, topics: Sequence[str]) -> list[TopicState]:
    """Asks the broker for the state of each topic.

    Raises:
        TopicMissing: A topic does not exist.
        confluent_kafka.KafkaException: The broker did not answer in 15 s.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "socket.timeout.ms": int(_SECONDS * 1000)})
    cluster_id = admin.describe_cluster(request_timeout=_SECONDS).result(timeout=_SECONDS).cluster_id
    described = admin.describe_topics(TopicCollection(list(topics)), request_timeout=_SECONDS)
    partitions: dict[str, list[int]] = {}
    ids: dict[str, str] = {}
    for topic, future in described.items():
        if future.exception(timeout=_SECONDS) is not None:
            raise TopicMissing(f"Topic {topic} is not on the broker {bootstrap}: {future.exception()}.")
        description = future.result()
        partitions[topic] = sorted(partition.id for partition in description.partitions)
        ids[topic] = str(description.topic_id)
    first = _offsets(admin, partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    end = _offsets(admin, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    return [
        TopicState(
            topic=topic,
            cluster_id=cluster_id,
            topic_id=ids[topic],
            first={partition: first[topic, partition] for partition in partitions[topic]},
            end={partition: end[topic, partition] for partition in partitions[topic]},
        )
        for topic in topics
    ]


def _offsets(admin: AdminClient, partitions: dict[str, list[int]], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    asked = {TopicPartition(topic, number): spec for topic, numbers in partitions.items() for number in numbers}
    answers = admin.list_offsets(asked, request_timeout=_SECONDS)
    return {(place.topic, place.partition): future.result(timeout=_SECONDS).offset for place, future in answers.items()}

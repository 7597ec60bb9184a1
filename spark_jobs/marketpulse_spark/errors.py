"""Everything that stops a load on purpose. Each message says what happened and what to do next."""

from __future__ import annotations


class LoadRefused(Exception):
    """The load must not go on until a person has decided. The runbook is named by `runbook`."""

    runbook = "docs/runbooks/load-refused.md"

    def __str__(self) -> str:
        return f"{super().__str__()} See {self.runbook}."


class TopicMissing(LoadRefused):
    """A topic that the dataset reads is not on the broker."""


class TopicRecreated(LoadRefused):
    """The topic on the broker is not the one that the ledger counts: deleted and created again."""


class ClusterChanged(LoadRefused):
    """The broker belongs to another cluster than the one that the ledger counts."""


class TopicTruncated(LoadRefused):
    """The topic ends before the ledger's next offset: messages that were loaded are gone from Kafka."""


class RetentionPassedLedger(LoadRefused):
    """Kafka has deleted messages that were never loaded."""


class PartitionsDiffer(LoadRefused):
    """Topics that are loaded together have unequal partition counts, so one key has two partitions."""


class SessionsUnknown(Exception):
    """`market.sessions` is too short: nobody knows the session that a forecast is for, or that a bar is of."""


class DatasetLocked(Exception):
    """Another loader of the same dataset is at work. Nothing to mend: the next run finds its result."""


class LedgerMoved(Exception):
    """Another loader committed this range or a part of it. This one wrote nothing."""


class DetectionOvertaken(Exception):
    """Another detection has begun since. What this one found may be of older bars, and it wrote no more of it."""


class RangeIncomplete(Exception):
    """Kafka returned other offsets than the planned range. Nothing was written; the next run tries again."""


class KeyElsewhere(Exception):
    """A symbol came from a partition that is not its own. Its range was not written; the driver loads it by itself."""

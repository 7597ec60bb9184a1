"""What can go wrong with the stack, each with what to do next."""

from __future__ import annotations


class StackError(Exception):
    """A failure that the person at the keyboard can act on.

    Args:
        message: What happened, in one sentence.
        fix: What to do next: a command or a setting.
        details: Lines that help to understand it, mostly the end of a log.
    """

    def __init__(self, message: str, *, fix: str, details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.details = details

    def __str__(self) -> str:
        indented = "".join(f"\n    {line}" for line in self.details.splitlines())
        return f"{self.message}{indented}\n  Fix: {self.fix}"


class InvalidSettingError(StackError):
    """A variable of .env or of the environment has a value that cannot be used."""


class PortInUseError(StackError):
    """A port that a service needs is taken by somebody else."""


class NotEnoughDiskError(StackError):
    """The disk is too full to install or to run."""


class MissingPrerequisiteError(StackError):
    """A program that has to come from the system is not there."""


class InstallationError(StackError):
    """A download or build failed."""


class StepFailedError(StackError):
    """A set-up command ended with an error."""


class ServiceFailedError(StackError):
    """A service did not become ready."""


class AlreadyRunningError(StackError):
    """Another `make up` works on the same state folder."""


class TopicMismatchError(StackError):
    """A Kafka topic is there but not as the contracts need it."""

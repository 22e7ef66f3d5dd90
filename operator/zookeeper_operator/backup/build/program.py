"""What a Job is built from: values, so that builders read nothing else."""

from dataclasses import dataclass

from zookeeper_operator.archive.retention import RetentionRule
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.security.phase import Phase


@dataclass(frozen=True)
class Program:
    """The image of the operator, which the agent runs in."""

    image: str
    pull_policy: str = "IfNotPresent"


@dataclass(frozen=True)
class Order:
    """One attempt of a backup.

    Attributes:
        backup: The backup.
        attempt: 1 for the first one.
        ensemble: The ensemble that is backed up.
        membership: Its members as pods start from them.
        phase: What its members speak.
        program: Where the agent comes from.
        retention: Of the schedule that the backup belongs to; None keeps everything.
    """

    backup: Backup
    attempt: int
    ensemble: Ensemble
    membership: Membership
    phase: Phase
    program: Program
    retention: RetentionRule | None = None

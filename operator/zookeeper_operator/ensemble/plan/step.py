"""What each concern of the plan answers: a verdict for the status, and perhaps one thing to do."""

from dataclasses import dataclass

from zookeeper_operator.ensemble.actions import Action
from zookeeper_operator.ensemble.build.membership import Membership
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.judge.quorum import Quorum
from zookeeper_operator.ensemble.observed import Observed


@dataclass(frozen=True)
class Verdict:
    """The state of one concern: `True` is well, `None` is not known. `message` is a full sentence."""

    state: bool | None
    reason: str
    message: str


@dataclass(frozen=True)
class Step:
    """One concern's answer: how things stand, and the actions that would move them on."""

    verdict: Verdict
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class Situation:
    """What was observed, and what follows from it before anything is decided.

    `membership` is what `zk-membership` has to hold now; `founded` whether the ensemble has ever had a
    quorum, after which nobody may found it again.
    """

    observed: Observed
    quorum: Quorum
    membership: Membership
    founded: bool

    @property
    def ensemble(self) -> Ensemble:
        """The ensemble looked at."""
        return self.observed.ensemble

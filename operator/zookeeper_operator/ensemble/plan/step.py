"""What each concern of the plan is given, and what it answers."""

from dataclasses import dataclass, field

from zookeeper_operator.ensemble.actions import Action
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.ensemble.judge.quorum import Quorum
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.security.certificates import Certificates
from zookeeper_operator.ensemble.security.users import NO_USERS, Users
from zookeeper_operator.ensemble.security.walk import Walk
from zookeeper_operator.ensemble.target import Target


@dataclass(frozen=True)
class Verdict:
    """The state of one concern: `True` is healthy, `None` is not known. `message` is a full sentence."""

    state: bool | None
    reason: str
    message: str


@dataclass(frozen=True)
class Step:
    """One concern's answer: how it stands, and the actions that bring it closer to the spec.

    A verdict that is not True normally keeps the ensemble from being settled (`awaited`), and is what
    the plan says next when there is nothing to do (`announced`). A concern clears them for a state that
    nothing waits for.
    """

    verdict: Verdict
    actions: tuple[Action, ...] = ()
    awaited: bool = True
    announced: bool = True


@dataclass(frozen=True)
class Recovery:
    """A recovery on one survivor that a person has asked for; with `refused`, why it is not carried out."""

    survivor: int
    refused: Verdict | None = None


@dataclass(frozen=True)
class Situation:
    """What was observed, and what follows from it before anything is decided.

    `target` is what is wanted, with the membership that `zk-membership` must hold now; `founded` says whether
    the ensemble has ever had a quorum, after which it must not be founded again; `leftovers` are what a
    deleted ensemble of the same name has left, for which the founding waits; `problems` are what makes the
    spec unusable; `warnings` are what a person should know of it, and stop nothing; `certificates` are what
    the members mount, `users` who may log in, `walk` is the phase that they are in and the one that templates
    must have now; `recovery` is what a person has asked for while there is no quorum.
    """

    observed: Observed
    quorum: Quorum
    target: Target
    founded: bool
    leftovers: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    certificates: Certificates = field(default_factory=Certificates)
    users: Users = NO_USERS
    walk: Walk = field(default_factory=Walk)
    recovery: Recovery | None = None

    @property
    def membership(self) -> Membership:
        """What `zk-membership` must hold now."""
        return self.target.membership

    @property
    def ensemble(self) -> Ensemble:
        """The ensemble the plan is for."""
        return self.observed.ensemble

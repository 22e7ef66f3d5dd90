"""Whether a step was committed: read back, whatever the call answered."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from kazoo.exceptions import (
    BadVersionError,
    ConnectionLoss,
    NewConfigNoQuorumError,
    NoAuthError,
    ReconfigInProcessError,
)
from kazoo.handlers.threading import KazooTimeoutError

from zookeeper_operator.zookeeper.protocol import (
    ConfigurationChangedError,
    EnsembleUnreachableError,
    ReconfigureRefusedError,
)
from zookeeper_operator.zookeeper.reconfig import Step, read_config, reconfigure
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server
from zookeeper_operator.zookeeper.session import Deadline, Session

BEFORE = CommittedConfig(0x100000000, tuple(Server(i, f"zk-{i}") for i in (1, 2, 3)))
AFTER = CommittedConfig(0x100000005, BEFORE.servers[:2])
STEP = Step(joining=(), leaving=(3,), from_version=BEFORE.version)


class Result:
    """What kazoo returns for a call under way."""

    def __init__(self, value: Any = None, error: Exception | None = None) -> None:
        self._value, self._error = value, error

    def get(self, timeout: float) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class Ensemble:
    """Commits a step or not, and answers the call in whatever way it is made to."""

    def __init__(
        self,
        *,
        commits: CommittedConfig = BEFORE,
        answer: Exception | None = None,
        lost: bool = False,
    ) -> None:
        self.committed = BEFORE
        self._commits = commits
        self._answer = answer
        self._lost = lost
        self._readable = True

    @contextlib.contextmanager
    def open_session(self) -> Iterator[Session]:
        yield self

    def reconfig_async(self, joining: str | None, *_: Any) -> Result:
        self.committed = self._commits
        self._readable = not self._lost
        return Result(error=self._answer)

    def sync_async(self, path: str) -> Result:
        return Result() if self._readable else Result(error=ConnectionLoss())

    def get_async(self, path: str) -> Result:
        lines = [*(s.line() for s in self.committed.servers), f"version={self.committed.version:x}"]
        return Result(("\n".join(lines).encode(), None))


def run(ensemble: Ensemble, step: Step = STEP, seconds: float = 60) -> CommittedConfig:
    return reconfigure(ensemble.open_session, Deadline(seconds), step)


@pytest.mark.parametrize(
    "answer",
    [None, ConnectionLoss(), KazooTimeoutError(), BadVersionError(), ReconfigInProcessError()],
    ids=repr,
)
def test_a_committed_step_has_succeeded_whatever_was_answered(answer: Exception | None) -> None:
    assert run(Ensemble(commits=AFTER, answer=answer)) == AFTER


@pytest.mark.parametrize("answer", [None, BadVersionError(), ReconfigInProcessError()], ids=repr)
def test_another_configuration_means_that_somebody_else_came_first(
    answer: Exception | None,
) -> None:
    other = replace(BEFORE, version=0x200000000)
    with pytest.raises(ConfigurationChangedError, match="committed is version 200000000"):
        run(Ensemble(commits=other, answer=answer))


def test_a_lost_call_that_committed_nothing_is_no_success() -> None:
    with pytest.raises(EnsembleUnreachableError, match="not reconfigured") as failed:
        run(Ensemble(answer=ConnectionLoss()))
    assert not isinstance(failed.value, ConfigurationChangedError)


@pytest.mark.parametrize(
    ("answer", "why", "transient"),
    [
        (NewConfigNoQuorumError(), "no quorum of the new configuration", True),
        (NoAuthError(), "the super user's password is not accepted", False),
    ],
)
def test_a_refusal_leaves_nothing_open(answer: Exception, why: str, *, transient: bool) -> None:
    with pytest.raises(ReconfigureRefusedError, match=why) as refused:
        run(Ensemble(answer=answer, lost=True))
    assert refused.value.transient is transient


def test_an_outcome_that_cannot_be_read_back_is_not_known() -> None:
    with pytest.raises(EnsembleUnreachableError, match=r"outcome .* is not known \(answer: ok\)"):
        run(Ensemble(commits=AFTER, lost=True), seconds=0.3)


def test_a_member_that_is_there_already_has_joined_only_as_it_should() -> None:
    voter = Server(4, "zk-4")
    step = Step(joining=(voter,), leaving=(), from_version=0)
    with_voter = replace(BEFORE, servers=(*BEFORE.servers, voter))
    with_observer = replace(BEFORE, servers=(*BEFORE.servers, replace(voter, role="observer")))
    assert step.done_in(with_voter)
    assert not step.done_in(with_observer)
    assert not step.done_in(BEFORE)


def test_a_configuration_that_is_not_understood_is_unknown() -> None:
    ensemble = Ensemble()
    ensemble.committed = replace(BEFORE, servers=(Server(1, "a b:c"),))
    with pytest.raises(EnsembleUnreachableError, match="is not understood: not a server line"):
        read_config(ensemble.open_session, Deadline(60))

"""How long a call may take."""

import threading

import pytest

from zookeeper_operator.zookeeper.protocol import EnsembleUnreachableError
from zookeeper_operator.zookeeper.session import Deadline


def test_a_deadline_ends_with_its_time() -> None:
    deadline = Deadline(60)
    assert not deadline.over
    assert 59 < deadline.left() <= 60
    expired = Deadline(0)
    assert expired.over
    with pytest.raises(EnsembleUnreachableError, match="no answer within 0 s"):
        expired.left()


def test_a_deadline_ends_when_nobody_waits_any_more() -> None:
    given_up = threading.Event()
    deadline = Deadline(60, given_up)
    given_up.set()
    assert deadline.over
    with pytest.raises(EnsembleUnreachableError, match="no answer within 60 s"):
        deadline.left()

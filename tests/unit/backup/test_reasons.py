"""Every word that a pod of a backup may leave has an explanation."""

import pytest

from zookeeper_operator.api.backup_reasons import BACKUP_REASONS
from zookeeper_operator.archive.errors import Reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_the_agent_is_in_the_table(reason: Reason) -> None:
    assert reason.value in BACKUP_REASONS

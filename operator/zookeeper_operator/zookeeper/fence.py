"""One transaction that a majority commits, after which everything is old that was acknowledged before it.

Everything here blocks: call it in a thread.
"""

from typing import Final

from zookeeper_operator.zookeeper.protocol import EnsembleUnreachableError
from zookeeper_operator.zookeeper.reconfig import OpenSession
from zookeeper_operator.zookeeper.session import FAILURES, Deadline

# Below /zookeeper, where no application has anything. Numbered, so that one that is left of a session that
# has not expired yet is in nobody's way.
_PATH: Final = "/zookeeper/fence-"


def write_fence(open_session: OpenSession, deadline: Deadline) -> int:
    """The zxid of an ephemeral znode that was committed, and that has gone again with its session.

    Raises:
        EnsembleUnreachableError: it is not known to be committed.
    """
    with open_session() as session:
        try:
            _, stat = session.create_async(
                _PATH, b"", ephemeral=True, sequence=True, include_data=True
            ).get(timeout=deadline.left())
        except FAILURES as error:
            raise EnsembleUnreachableError(
                f"no znode could be written: {type(error).__name__}"
            ) from error
        return int(stat.czxid)

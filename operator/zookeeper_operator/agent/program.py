"""`python -m zookeeper_operator.agent COMMAND`: run it and leave its result, or why there is none."""

import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import FrameType
from typing import Final

from zookeeper_operator.agent import mounts
from zookeeper_operator.agent.back_up import back_up
from zookeeper_operator.agent.mounted import Mounted
from zookeeper_operator.agent.prune import prune
from zookeeper_operator.agent.restore import restore
from zookeeper_operator.agent.result import Failure, termination_message
from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.archive.errors import ArchiveError, Reason

_LOG: Final = logging.getLogger("zookeeper_operator.agent")
_USAGE: Final = 2

COMMANDS: Final[Mapping[str, Callable[[Mounted], ApiModel]]] = {
    "back-up": lambda mounted: back_up(mounted, _now),
    "restore": restore,
    "prune": lambda mounted: prune(mounted, _now),
}


def run(command: str, mounted: Mounted) -> int:
    """Run one command; return the exit code."""
    try:
        result = COMMANDS[command](mounted)
    except ArchiveError as error:
        _LOG.error("%s: %s", error.reason, error)
        _leave(mounted, Failure(reason=error.reason, message=error.message))
        return 1
    except Exception as error:  # noqa: BLE001 -- the pod's status must say so, whatever it is
        _LOG.exception("a defect of the agent")
        _leave(
            mounted,
            Failure(
                reason=Reason.UNEXPECTED, message=f"{type(error).__name__}: {error}; see the log"
            ),
        )
        return 1
    text = _leave(mounted, result)
    _LOG.info("done: %s", text)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; return the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or given[0] not in COMMANDS:
        sys.stderr.write(f"usage: python -m zookeeper_operator.agent {' | '.join(COMMANDS)}\n")
        return _USAGE
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    signal.signal(signal.SIGTERM, _end)
    return run(given[0], Mounted.from_environment())


def _now() -> datetime:
    return datetime.now(UTC)


def _end(number: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C: what is being prepared is removed on the way out."""
    raise SystemExit(128 + number)


def _leave(mounted: Mounted, value: ApiModel) -> str:
    text = termination_message(value)
    try:
        mounted.path(mounts.TERMINATION_LOG).write_text(text, encoding="ascii")
    except OSError as error:
        _LOG.warning("the result cannot be left in %s: %s", mounts.TERMINATION_LOG, error)
    return text

"""A limit for what one reconcile may compute at a stretch, so that it cannot hold up every other key.

asyncio limits what waits; what computes lets nothing else run, and no timeout of the event loop ends it.
So a timer of the operating system, which counts the CPU time of this process, interrupts a stretch between
two awaits that takes too long. It costs two system calls for each stretch, and nothing else.

It ends what runs as Python code. A single operation on huge values is not interrupted: whatever a user can
write must be bounded before it is computed with (`kube.quantity`, `api.ensemble`).
"""

import signal
import threading
import types
from collections.abc import Coroutine, Generator
from typing import Any, Final, TypeVar

from zookeeper_operator.control.controller import OverrunError

T = TypeVar("T")

_TIMER: Final = signal.ITIMER_VIRTUAL


def can_limit() -> bool:
    """Whether this thread is the one that signals interrupt."""
    return threading.current_thread() is threading.main_thread()


async def limited(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Await a coroutine that may compute for so many CPU seconds between two awaits.

    Only the coroutine itself is limited, not tasks that it starts. Only for the main thread.

    Raises:
        OverrunError: it computed for longer; raised inside the coroutine, where it was at that moment.
    """
    before = signal.signal(signal.SIGVTALRM, _interrupt)
    assert before in {signal.SIG_DFL, signal.SIG_IGN, _interrupt}, "SIGVTALRM is used by another"
    return await _in_limited_steps(work, seconds)


@types.coroutine
def _in_limited_steps(work: Coroutine[Any, Any, T], seconds: float) -> Generator[Any, Any, T]:
    resume, value = work.send, None
    while True:
        try:
            waits_for = _step(resume, value, seconds)
        except StopIteration as ended:
            result: T = ended.value
            return result
        try:
            resume, value = work.send, (yield waits_for)
        except BaseException as error:  # noqa: BLE001 -- of any kind, it belongs to the coroutine
            resume, value = work.throw, error


def _step(resume: Any, value: Any, seconds: float) -> Any:
    signal.setitimer(_TIMER, seconds)
    try:
        return resume(value)
    finally:
        signal.setitimer(_TIMER, 0)


def _interrupt(_number: int, _frame: object) -> None:
    raise OverrunError

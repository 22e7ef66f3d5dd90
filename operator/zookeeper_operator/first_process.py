"""What must be done at once in a program that can be the first process of a container.

That process has no default action for a signal: one that comes before the program handles it is lost. The
kubelet sends SIGTERM once, and kills the container when the grace period is over; until then an operator that
was told to end would take the Lease and work. Reading the program takes a second, and many on a busy node, so
this module imports nothing that takes time.
"""

import os
import signal
from types import FrameType


def end_on_sigterm() -> None:
    """Let SIGTERM end this process at once, until the program handles it in its own way."""
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)

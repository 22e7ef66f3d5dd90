"""Whether a member can live in the memory it is given.

One rule: a member needs a heap it can start with, and room beside the heap. From both follows the least
memory limit for each `spec.jvm.heapPercent`, and the message names exactly the limit from which on the spec
is accepted.
"""

from collections.abc import Iterator
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble.build.pod import MEBIBYTE, heap_mebibytes
from zookeeper_operator.ensemble.judge.live_template import has_memory
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.kube.quantity import parse_quantity

# With less a JVM spends its time on garbage collection. An idle member was measured with 100 MiB resident,
# of which the heap is a third.
_LEAST_HEAP: Final = 64
# Code, metaspace, threads and buffers of a member under load: with less it is killed while its heap is not
# full.
_LEAST_BESIDE: Final = 100
_STEP: Final = 32


def least_limit(heap_percent: int) -> int:
    """The least memory limit in MiB, in steps people write."""
    heap = _LEAST_HEAP * 100 / max(heap_percent, 1)
    beside = _LEAST_BESIDE * 100 / max(100 - heap_percent, 1)
    return int(-(-max(heap, beside) // _STEP)) * _STEP


def memory_problems(observed: Observed) -> Iterator[Problem]:
    """A memory limit that is too small for the heap, or for what is beside it."""
    spec = observed.ensemble.spec
    heap, size = heap_mebibytes(spec), _limit_mebibytes(spec)
    needed = least_limit(spec.jvm.heap_percent)
    if heap >= _LEAST_HEAP and (size is None or size >= needed):
        return
    limit = spec.resources.limits.get("memory")
    where = "limits" if limit is not None else "requests"
    given = limit if limit is not None else spec.resources.requests.get("memory")
    yield Problem(
        reasons.MEMORY_TOO_SMALL,
        f"spec.resources.{where}.memory {given} is too little: of it {heap} MiB "
        f"({spec.jvm.heap_percent} %) are heap, and a member needs {_LEAST_HEAP} MiB of heap and "
        f"{_LEAST_BESIDE} MiB beside it; raise it to {needed}Mi or more",
        carried=heap > 0 and has_memory(observed, limit, heap),
    )


def _limit_mebibytes(spec: EnsembleSpec) -> int | None:
    """The memory limit; None if there is none, 0 if it cannot be read."""
    limit = spec.resources.limits.get("memory")
    if limit is None:
        return None
    try:
        return parse_quantity(limit) // MEBIBYTE
    except ValueError:
        return 0

"""Whether a member can live in the memory it is given.

Two rules. A member needs a heap it can start with, and room beside the heap: from both follows the least
memory limit for each `spec.jvm.heapPercent`, and the message names exactly the limit from which on the spec
is accepted. And the heap must have room for more than the znodes that the members hold now: that stops
nothing, and is reported before the members end for it.
"""

import math
from collections.abc import Iterator
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.api.conditions import SPEC_VALID, find_written
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
# What a znode takes beside its data and its path, measured on 3.9.5 after a full collection: 297 bytes with
# 10 bytes of data, 316 with 1000.
_ZNODE_BYTES: Final = 300
# What a server without znodes has on its heap: 13 MiB were measured, without a provider of metrics.
_SERVER_BYTES: Final = 20 * MEBIBYTE
# So many of the last writes are kept once more, for members that come back.
_RECENT_WRITES: Final = 500
# The collector of small containers keeps a third of the heap for what is young: with 1.5 times of what stays
# nothing is left for writes under way. A member was seen to run out of heap at 1.8 times.
_LEAST_FACTOR: Final = 2
_ADVISED_FACTOR: Final = 3
# What has been reported is over only when the znodes fit with room to spare, not at the next that is deleted.
_HYSTERESIS: Final = 1.1
_ROUGHLY: Final = 1.25
"""Sizes in the message are rounded up to powers of this, or each write would change the status."""


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


def heap_warnings(observed: Observed) -> Iterator[Problem]:
    """A heap that the znodes of the members fill by more than half.

    While no member says how many it holds, what was reported before stays.
    """
    spec, written = observed.ensemble.spec, find_written(observed.ensemble.status, SPEC_VALID)
    reported = written.get("reason") == reasons.HEAP_TOO_SMALL
    held = _held_mebibytes(observed)
    if held is None:
        if reported:
            yield Problem(reasons.HEAP_TOO_SMALL, written["message"].partition("; ")[0])
        return
    heap = heap_mebibytes(spec)
    if held * _LEAST_FACTOR * (_HYSTERESIS if reported else 1) <= heap:
        return
    roughly = _roughly(held)
    advised = roughly * _ADVISED_FACTOR * 100 // spec.jvm.heap_percent // _STEP * _STEP + _STEP
    yield Problem(
        reasons.HEAP_TOO_SMALL,
        f"znodes fill up to {roughly} MiB of the members' heap of {heap} MiB, and a burst of writes can "
        f"exhaust it: raise spec.resources.limits.memory to {advised}Mi or more, or delete znodes",
    )


def _held_mebibytes(observed: Observed) -> float | None:
    """What is taken of the heap of the member that has most znodes; None if none says how many."""
    sizes = [
        _held_bytes(answer.tree_bytes, answer.znodes)
        for answer in observed.answers.values()
        if answer.tree_bytes is not None and answer.znodes is not None
    ]
    return max(sizes) / MEBIBYTE if sizes else None


def _held_bytes(tree: int, znodes: int) -> float:
    """The server, its znodes, and its last writes, which are taken to be as large as the znodes are."""
    recent = tree * min(_RECENT_WRITES, znodes) / max(znodes, 1)
    return _SERVER_BYTES + tree + znodes * _ZNODE_BYTES + recent


def _roughly(mebibytes: float) -> int:
    """The size, rounded up so that it seldom changes."""
    steps = math.ceil(math.log(max(mebibytes, 1), _ROUGHLY))
    return math.ceil(_ROUGHLY**steps)


def _limit_mebibytes(spec: EnsembleSpec) -> int | None:
    """The memory limit; None if there is none, 0 if it cannot be read."""
    limit = spec.resources.limits.get("memory")
    if limit is None:
        return None
    try:
        return parse_quantity(limit) // MEBIBYTE
    except ValueError:
        return 0

"""Cases that run side by side, each on an ensemble of its own, where time is not what is tested.

Most of the time a case waits: for a kubelet, a JVM, an election. The first test that asks for its
case starts them, two at a time; every test then waits for its own and fails by itself.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from e2e.ensembles import Ensemble
from e2e.places import Places

AT_A_TIME: Final = int(os.environ.get("E2E_AT_A_TIME", "2"))
"""With more, two cores have no time left for anything but probes."""

Case = Callable[[Ensemble], None]
"""A case: creates the ensemble whose handle it is given, and does everything else."""


class Aside:
    """The running cases of a module."""

    def __init__(self, places: Places, pool: ThreadPoolExecutor, cases: Sequence[Case]) -> None:
        self._places = places
        self._pool = pool
        self._futures = {case.__name__: self._start(case) for case in cases}

    def _start(self, case: Case) -> "Future[None]":
        ensemble = Ensemble(self._places.cluster, self._places.lasting_namespace())
        return self._pool.submit(_run, case, ensemble)

    def result(self, case: Case) -> None:
        """Wait for a case, and raise what it has raised. Asked for a second time, it runs a second time."""
        future = self._futures.pop(case.__name__, None) or self._start(case)
        future.result()


def _run(case: Case, ensemble: Ensemble) -> None:
    try:
        case(ensemble)
    except BaseException as error:
        error.add_note(ensemble.cluster.diagnose(ensemble.namespace))
        raise


@contextmanager
def side_by_side(places: Places, cases: Sequence[Case]) -> Iterator[Aside]:
    """Start all cases, each in a namespace that lasts as long as the module."""
    with ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="case") as pool:
        yield Aside(places, pool, cases)

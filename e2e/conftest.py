"""The e2e suite: the operator installed by its chart on the kind cluster of `make cluster`, and nowhere else.

Processes of pytest-xdist can share it: the tests of a file stay together, as do those that need what exists
only once. Tests marked `alone` run when nothing else runs.

Only here is a failed test run again, once, and the report says so: a real cluster on a small machine has
transient failures. `E2E_KEEP=1` keeps the namespaces of tests that failed, `E2E_AS_IS=1` uses the operator as
it is installed and runs nothing twice, for a quick check; `E2E_PATIENCE=3` waits three times as long for
everything, on a busy machine.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final

import pytest
from e2e.api import ApiError
from e2e.cluster import PATIENCE, Cluster, run
from e2e.ensembles import Ensemble
from e2e.places import LABEL, RUN, Operator, Places
from e2e.prometheus import Prometheus
from e2e.tested import note
from filelock import FileLock
from kubernetes.config import ConfigException
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT: Final = Path(__file__).parents[1]
TEST_SECONDS: Final = 420
AS_IS: Final = bool(os.environ.get("E2E_AS_IS"))
TOGETHER: Final = {"test_external": "ports of this machine", "test_pages": "ports of this machine"}
"""Files that need something which only one of them can have at a time."""

_reran: list[str] = []

# As for the other tests: a loop that asyncio makes on the quiet is closed by nobody.
asyncio.set_event_loop(None)


# ---- how tests are run ----


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are collected here: they need the cluster, have a limit, may be run once more.

    Long tests come first, so that nothing waits for them in the end.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TEST_SECONDS * PATIENCE))
            on_cluster = "cluster" in getattr(item, "fixturenames", ())
            if on_cluster and not AS_IS:
                item.add_marker(pytest.mark.flaky(reruns=1))
    slow = {_place(item.nodeid) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: _place(item.nodeid) not in slow)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Have one process run all tests of a place, one after the other."""
    return _ByPlace(config, log)


class _ByPlace(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        return _place(nodeid)


def _place(nodeid: str) -> str:
    stem = Path(nodeid.partition("::")[0]).stem
    return TOGETHER.get(stem, stem)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the state of the cluster to the report of a failure."""
    report = yield
    if report.failed and call.when in {"setup", "call"}:
        places = getattr(item, "funcargs", {}).get("places")
        if isinstance(places, Places):
            for namespace in places.in_use():
                diagnosis = places.cluster.diagnose(namespace)
                report.sections.append((f"namespace {namespace}", diagnosis))
            places.give_up()
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember which tests were run again, and why."""
    outcome: str = report.outcome
    if outcome == "rerun":  # pytest-rerunfailures adds it
        _reran.append(report.nodeid)
        print(f"\n\n!!!! FAILED AND RUN AGAIN: {report.nodeid}\n{report.longreprtext}\n")
        for title, text in report.sections:
            print(f"!!!! {title}\n{text}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report which tests were run again."""
    if _reran:
        terminalreporter.section("run again because the first try failed", red=True, bold=True)
        for name in _reran:
            terminalreporter.line(name, red=True)


# ---- the cluster and the operator ----


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """The kubectl and helm of `make cluster`, before any other."""
    script = f'eval "$({ROOT / "e2e/kind/cluster.sh"} env)"; echo "$PATH"'
    os.environ["PATH"] = run("bash", "-c", script).stdout.strip()


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The kind cluster of `make cluster`, and no other."""
    found = Cluster(f"kind-{os.environ.get('CLUSTER', 'zookeeper-operator')}")
    try:
        version = json.loads(found.raw("/version"))["gitVersion"]
    except (ApiError, ConfigException) as error:
        pytest.exit(f"there is no cluster to test on; run `make cluster`: {error}", returncode=2)
    note("make e2e", "Kubernetes", version)
    if not AS_IS:
        leftover = f"{LABEL},{LABEL}!={RUN}"
        found.kubectl("delete", "namespace", f"--selector={leftover}", "--wait=false")
    return found


@pytest.fixture(scope="session")
def operator(cluster: Cluster) -> Operator:
    """The operator of this checkout, installed by the chart."""
    found = Operator(cluster)
    if AS_IS:
        found.wait_working()
        return found
    with FileLock(Path(tempfile.gettempdir()) / "zookeeper-operator-e2e-install.lock"):
        found.install(ROOT)
        found.wait_working()
    return found


# ---- places to work in ----


@pytest.fixture(scope="module")
def module_places(
    cluster: Cluster, operator: Operator, request: pytest.FixtureRequest
) -> Iterator[Places]:
    """What the tests of a module have in common."""
    del operator  # it must be there
    name = request.path.stem.removeprefix("test_").replace("_", "-")
    places = Places(cluster, name)
    yield places
    places.end()


@pytest.fixture
def places(module_places: Places) -> Iterator[Places]:
    """Where a test works: namespaces and ensembles on demand."""
    yield module_places
    module_places.end_test()


@pytest.fixture
def new_ensemble(places: Places) -> Callable[..., Ensemble]:
    """Creates an ensemble for this test alone and waits until it serves."""
    return places.ensemble


@pytest.fixture
def three(places: Places) -> Ensemble:
    """Three members that serve, shared by the tests of a module."""
    return places.shared(replicas=3)


@pytest.fixture(scope="module")
def prometheus(cluster: Cluster) -> Iterator[Prometheus]:
    """A Prometheus of the module's own."""
    found = Prometheus(cluster)
    found.install()
    yield found
    found.remove()


@pytest.fixture
def scraped(places: Places, operator: Operator, prometheus: Prometheus) -> Ensemble:
    """An ensemble that Prometheus has seen to serve."""
    del operator
    ensemble = places.ensemble()
    prometheus.wait_seen(ensemble)
    return ensemble


@pytest.fixture
def one(places: Places) -> Ensemble:
    """One member that serves, shared by the tests of a module."""
    return places.shared(replicas=1)

"""`make bench`: what an ensemble of the operator costs its clients, beside a plain StatefulSet.

Both run on the same kind cluster, one after the other, through the same steps under the same writers: create,
rolling restart, the leader's pod killed, its packets dropped; ours also through 3, 5, 3; and the rolling
restart once more while CoreDNS caches the cluster's names. Prints one table of medians and ratios, in
Markdown.

    RUNS=5 make bench          # default 3
    BENCH_ONLY=ours make bench # for a quick look at one side
"""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from e2e.changes import kubectl_rollout_restart, scale, vanished
from e2e.cluster import Cluster, run, wait_until
from e2e.dns import cached_names
from e2e.ensembles import Ensemble, manifest
from e2e.places import Operator
from e2e.plain import host, plain_manifests
from e2e.writer.handle import CountingWriter, Result, counting

ROOT: Final = Path(__file__).parents[1]
RUNS: Final = int(os.environ.get("RUNS", "3"))
ONLY: Final = os.environ.get("BENCH_ONLY", "")
MEMBERS: Final = (1, 2, 3)
POLL_SECONDS: Final = 0.2
ACT_SECONDS: Final = 300
PAUSE_SECONDS: Final = 5.0
"""Between two steps, so that one does not affect the other."""

Figures = dict[str, float]


# ---- what is measured ----


class Subject(Protocol):
    """One way to run three members."""

    name: str

    def create(self) -> None:
        """Apply it, and wait until it is ready."""

    def is_whole(self) -> bool:
        """Whether all three members serve and nothing is left to do."""

    def restart(self) -> None:
        """Ask for a rolling restart."""

    def hosts(self) -> list[str]:
        """The clients' addresses of the members."""


def pods_of(cluster: Cluster, namespace: str) -> dict[str, tuple[str, bool]]:
    """UID and readiness of every pod that must stay."""
    return {
        pod["metadata"]["name"]: (pod["metadata"]["uid"], _is_ready(pod))
        for pod in cluster.list("pods", namespace)
        if not pod["metadata"].get("deletionTimestamp")
        and not pod["metadata"]["name"].startswith("writer")
    }


def all_ready(pods: dict[str, tuple[str, bool]]) -> bool:
    """Whether every member has a pod, and all of them are ready."""
    return len(pods) == len(MEMBERS) and all(ready for _, ready in pods.values())


def _is_ready(pod: dict[str, object]) -> bool:
    status = pod["status"]
    assert isinstance(status, dict)
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()
    )


def _wait(cluster: Cluster, namespace: str, what: str, condition: str) -> None:
    cluster.kubectl(
        *("--namespace", namespace, "wait", what, f"--for={condition}"),
        f"--timeout={ACT_SECONDS}s",
        timeout=ACT_SECONDS + 10,
    )


@dataclass
class Plain:
    """A plain StatefulSet."""

    cluster: Cluster
    namespace: str
    name: str = "plain"

    def create(self) -> None:
        """Apply it, and wait until its pods are ready."""
        self.cluster.apply(*plain_manifests(self.namespace))
        _wait(self.cluster, self.namespace, "statefulset/zk", "jsonpath={.status.readyReplicas}=3")

    def is_whole(self) -> bool:
        """Whether all pods are ready."""
        return all_ready(pods_of(self.cluster, self.namespace))

    def restart(self) -> None:
        """`kubectl rollout restart`."""
        kubectl_rollout_restart(Ensemble(self.cluster, self.namespace))

    def hosts(self) -> list[str]:
        """The names of the pods."""
        return [f"{host(self.namespace, member)}:2181" for member in MEMBERS]


@dataclass
class Ours:
    """An ensemble run by the operator."""

    cluster: Cluster
    namespace: str
    name: str = "ours"
    ensemble: Ensemble = field(init=False)

    def __post_init__(self) -> None:
        self.ensemble = Ensemble(self.cluster, self.namespace)

    def create(self) -> None:
        """Apply it, and wait until it reports Ready, which is more than that its pods are ready."""
        self.cluster.apply(manifest(self.namespace, jvm={}))  # as the plain one
        _wait(self.cluster, self.namespace, "zke/zk", "condition=Ready")

    def is_whole(self) -> bool:
        """Whether the status says that nothing is left to do."""
        return self.ensemble.is_settled()

    def restart(self) -> None:
        """`kubectl rollout restart`."""
        kubectl_rollout_restart(self.ensemble)

    def hosts(self) -> list[str]:
        """The members' own Services."""
        return [self.ensemble.host(member) for member in MEMBERS]


# ---- the steps ----


@dataclass
class Act:
    """A span of time in which something was done."""

    begin: float
    end: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin


@contextmanager
def act() -> Iterator[Act]:
    """Measure the time of a block."""
    span = Act(time.time())
    yield span
    span.end = time.time()
    time.sleep(PAUSE_SECONDS)


def roll(cluster: Cluster, namespace: str, subject: Subject) -> Act:
    """Restart every member, and wait until all are back."""
    before = {uid for uid, _ in pods_of(cluster, namespace).values()}

    def rolled() -> bool:
        now = pods_of(cluster, namespace)
        fresh = not before & {uid for uid, _ in now.values()}
        return fresh and all_ready(now) and subject.is_whole()

    with act() as span:
        subject.restart()
        wait_until(
            f"{subject.name}: rolled",
            rolled,
            seconds=ACT_SECONDS,
            every=POLL_SECONDS,
            seen=lambda: pods_of(cluster, namespace),
        )
    return span


def find_leader(cluster: Cluster, namespace: str, *, but: str = "") -> str:
    """The pod whose member says that it leads; empty if none does."""
    for pod in (f"zk-{member}" for member in MEMBERS if f"zk-{member}" != but):
        said = json.loads(cluster.http(namespace, pod, 8080, "commands/leader"))
        if said.get("is_leader"):
            return pod
    return ""


def kill(cluster: Cluster, namespace: str, subject: Subject) -> Act:
    """Delete the leader's pod by force, and wait until it is back."""
    leader = find_leader(cluster, namespace)
    old, _ = pods_of(cluster, namespace)[leader]

    def back() -> bool:
        # The status may still be the old one: first the pods must be as expected.
        now = pods_of(cluster, namespace)
        return all_ready(now) and now[leader][0] != old and subject.is_whole()

    with act() as span:
        cluster.delete("pod", leader, namespace, "--force", "--grace-period=0")
        wait_until(f"{subject.name}: whole again", back, seconds=ACT_SECONDS, every=POLL_SECONDS)
    return span


def vanish(cluster: Cluster, namespace: str, subject: Subject) -> Act:
    """Drop every packet of the leader's pod until another one leads, and wait until it is back."""
    leader = find_leader(cluster, namespace)
    pod = cluster.get("pod", leader, namespace)
    assert pod is not None
    with act() as span:
        with vanished(cluster, pod):
            wait_until(
                f"{subject.name}: another one leads",
                lambda: find_leader(cluster, namespace, but=leader),
                seconds=ACT_SECONDS,
                every=POLL_SECONDS,
            )
            time.sleep(PAUSE_SECONDS)
        wait_until(f"{subject.name}: whole again", subject.is_whole, seconds=ACT_SECONDS)
    return span


def scale_up_and_down(ours: Ours) -> Act:
    """3 to 5 to 3."""
    with act() as span:
        for replicas in (5, 3):
            scale(ours.ensemble, replicas)
            wait_until(
                f"{replicas} voters",
                lambda replicas=replicas: (  # type: ignore[misc]  # mypy cannot infer it
                    ours.is_whole() and ours.ensemble.status()["quorum"]["voters"] == replicas
                ),
                seconds=ACT_SECONDS,
                every=POLL_SECONDS,
            )
    return span


def gaps(result: Result, span: Act, what: str) -> Figures:
    """What clients experienced in a span of time."""
    since, until = span.begin, span.end + PAUSE_SECONDS
    inside = [e for e in result.elections if since < e["at"] <= until]
    return {
        f"{what}: time": span.seconds,
        f"{what}: longest gap of the ensemble": result.longest_gap(since=since, until=until),
        f"{what}: longest gap of a multi-host client": result.longest_gap(
            "multiHost", since=since, until=until
        ),
        f"{what}: elections": len(inside),
    }


def measure(cluster: Cluster, namespace: str, subject: Subject, *, cached: bool) -> Figures:
    """Run one subject through all steps."""
    since = time.monotonic()
    subject.create()
    figures: Figures = {} if cached else {"create: time to ready": time.monotonic() - since}
    hosts = subject.hosts()

    def writers(name: str) -> AbstractContextManager[CountingWriter]:
        return counting(cluster, namespace, name=name, everyone=",".join(hosts), pinned=hosts)

    with writers("writer") as writer:
        time.sleep(PAUSE_SECONDS)
        spans = {"roll with cached names" if cached else "roll": roll(cluster, namespace, subject)}
        if not cached:
            spans["leader killed"] = kill(cluster, namespace, subject)
            if isinstance(subject, Ours):
                spans["3 → 5 → 3"] = scale_up_and_down(subject)
        result = writer.stop()
    for what, span in spans.items():
        figures |= gaps(result, span, what)
    where = "with cached names: " if cached else ""
    figures[f"{where}sessions lost"] = result.multi_host_sessions_lost
    figures[f"{where}acknowledged writes lost"] = result.lost
    figures[f"{where}writes acknowledged"] = result.acknowledged
    if not cached:
        # Apart from the rest: a client that knows only the vanished member must lose its session.
        with writers("writer-of-vanished") as writer:
            time.sleep(PAUSE_SECONDS)
            span = vanish(cluster, namespace, subject)
            result = writer.stop()
        figures |= gaps(result, span, "leader vanished")
        figures["leader vanished: acknowledged writes lost"] = result.lost
    return figures


@contextmanager
def namespace_for(cluster: Cluster, name: str) -> Iterator[str]:
    """A namespace under the strictest Pod Security standard, gone afterwards."""
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        }
    )
    try:
        yield name
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=true", timeout=180)


def run_once(cluster: Cluster, number: int, *, cached: bool) -> dict[str, Figures]:
    """Both subjects, one after the other; which one is first changes from run to run."""
    makers: list[Callable[[Cluster, str], Subject]] = [Plain, Ours]
    found = {}
    for make in makers if number % 2 else makers[::-1]:
        name = make.__name__.lower()
        if ONLY in {"", name}:
            with namespace_for(
                cluster, f"bench-{name}-{number}{'-dns' if cached else ''}"
            ) as namespace:
                found[name] = measure(cluster, namespace, make(cluster, namespace), cached=cached)
            print(f"run {number}, {name}: {json.dumps(found[name])}", file=sys.stderr, flush=True)
    return found


# ---- the table ----

Goal = Callable[[float, float, float], bool]
"""Whether the goal is met, by our typical figure, the plain one's, and our worst."""


def _at_most(limit: float, *, times_plain: bool = False) -> Goal:
    def met(ours: float, plain: float, _worst: float) -> bool:
        return ours <= limit * (plain if times_plain else 1)

    return met


def _short_gap(ours: float, plain: float, worst: float) -> bool:
    return ours <= 0.35 and worst <= 0.7 and ours <= 0.10 * plain


GOALS: Final[dict[str, tuple[str, Goal]]] = {
    "create: time to ready": ("≤ 1.10 x", _at_most(1.10, times_plain=True)),
    "roll: time": ("≤ 1.2 x", _at_most(1.2, times_plain=True)),
    "roll: longest gap of the ensemble": ("≤ 0.10 x, ≤ 0.35 s (≤ 0.7 s)", _short_gap),
    "roll: elections": ("1", _at_most(1)),
    "leader killed: longest gap of the ensemble": ("≤ 1.3 s", _at_most(1.3)),
    "leader vanished: longest gap of the ensemble": ("≤ 15 s", _at_most(15)),
    "leader vanished: acknowledged writes lost": ("0", _at_most(0)),
    "3 → 5 → 3: longest gap of the ensemble": ("≤ 0.5 s", _at_most(0.5)),
    "roll with cached names: time": ("≤ 1.2 x", _at_most(1.2, times_plain=True)),
    "roll with cached names: elections": ("1", _at_most(1)),
    "sessions lost": ("0", _at_most(0)),
    "acknowledged writes lost": ("0", _at_most(0)),
    "with cached names: sessions lost": ("0", _at_most(0)),
    "with cached names: acknowledged writes lost": ("0", _at_most(0)),
}
SUMMED: Final = ("lost", "writes acknowledged")


def table(runs: list[dict[str, Figures]]) -> Iterator[str]:
    """One line for each figure: medians (worst), ratio, goal. Losses are summed over all runs."""
    yield "| | plain StatefulSet | ensemble of the operator | ratio | goal | |"
    yield "| --- | ---: | ---: | ---: | --- | --- |"
    figures = list(
        dict.fromkeys(what for r in runs for name in ("ours", "plain") for what in r.get(name, ()))
    )
    for what in figures:
        plain, ours = (_values(runs, name, what) for name in ("plain", "ours"))
        summed = what.endswith(SUMMED)
        typical = sum if summed else statistics.median
        ratio = "-"
        if plain and ours and not summed and typical(plain):
            ratio = f"{typical(ours) / typical(plain):.2f}"
        goal, met = GOALS.get(what, ("", None))
        verdict = ""
        if met is not None and ours:
            fits = met(typical(ours), typical(plain) if plain else float("inf"), max(ours))
            verdict = "met" if fits else "**missed**"
        yield (
            f"| {what} | {_cell(plain, what)} | {_cell(ours, what)} | {ratio} | {goal} | {verdict} |"
        )


def _values(runs: list[dict[str, Figures]], name: str, what: str) -> list[float]:
    return [run[name][what] for run in runs if what in run.get(name, {})]


def _cell(values: list[float], what: str) -> str:
    if not values:
        return "-"
    if what.endswith(SUMMED):
        return f"{sum(values):.0f}"
    if what.endswith("elections"):
        return f"{statistics.median(values):g} ({max(values):g})"
    return f"{statistics.median(values):.2f} s ({max(values):.2f} s)"


def describe_machine(cluster: Cluster) -> str:
    """The machine and what runs on it, in a sentence."""
    memory = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1]) / 1024**2
    version = json.loads(cluster.raw("/version"))["gitVersion"]
    nodes = len(cluster.list("nodes"))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, Kubernetes {version} "
        f"by kind with {nodes} node{'s' if nodes > 1 else ''}; load average {load}"
    )


def main() -> int:
    """Run everything and print the table."""
    script = f'eval "$({ROOT / "e2e/kind/cluster.sh"} env)"; echo "$PATH"'
    os.environ["PATH"] = run("bash", "-c", script).stdout.strip()
    cluster = Cluster(f"kind-{os.environ.get('CLUSTER', 'zookeeper-operator')}")
    operator = Operator(cluster)
    if not os.environ.get("E2E_AS_IS"):
        operator.install(ROOT)
    operator.wait_working()
    before = describe_machine(cluster)
    runs = [run_once(cluster, number, cached=False) for number in range(1, RUNS + 1)]
    with cached_names(cluster):
        runs += [run_once(cluster, number, cached=True) for number in range(1, RUNS + 1)]
    print(f"Before: {before}. After: {describe_machine(cluster)}. Runs: {RUNS}; medians (worst).\n")
    print("\n".join(table(runs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

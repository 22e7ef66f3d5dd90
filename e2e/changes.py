"""What people and faults do to a running ensemble: roll, scale, freeze, cut off; and what tests observe.

Used by the tests of rollouts, scaling and observers. Nothing here decides whether a test has passed but
`Kept`, which is what every change must keep.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from e2e.api import ApiError
from e2e.cluster import Cluster, Object, WaitError, wait_until
from e2e.ensembles import Ensemble
from e2e.writer.handle import CountingWriter, Result, counting

ROLL_SECONDS = 180
"""For a rollout to end, on a machine that is busy with other things."""


# ---- what people do ----


def ask_for_restart(ensemble: Ensemble) -> None:
    """A roll, by the ensemble's annotation."""
    ensemble.cluster.patch(
        "zke",
        ensemble.name,
        ensemble.namespace,
        {"metadata": {"annotations": {"zookeeper.ensemble.dev/restartedAt": str(time.time())}}},
    )


def kubectl_rollout_restart(ensemble: Ensemble) -> None:
    """`kubectl rollout restart`, as for any StatefulSet."""
    ensemble.cluster.kubectl(
        *("--namespace", ensemble.namespace, "rollout", "restart"), f"statefulset/{ensemble.name}"
    )


def scale(ensemble: Ensemble, replicas: int) -> None:
    """`kubectl scale`."""
    ensemble.cluster.kubectl(
        *("--namespace", ensemble.namespace, "scale", f"zke/{ensemble.name}"),
        f"--replicas={replicas}",
    )


# ---- what is observed ----


def wait_rolled(
    ensemble: Ensemble, before: dict[str, str], *, seconds: float = ROLL_SECONDS
) -> None:
    """Wait until every pod is another one than before, and everything has settled."""

    def all_new() -> bool:
        now = ensemble.pod_uids()
        return now.keys() >= before.keys() and not set(before.values()) & set(now.values())

    wait_until(
        f"every pod of {ensemble.namespace}/{ensemble.name} was restarted",
        all_new,
        seconds=seconds,
        seen=lambda: (ensemble.status().get("nextAction"), ensemble.pod_uids()),
    )
    ensemble.wait_settled(seconds=seconds)


def wait_restarts(ensemble: Ensemble, before: dict[str, str], count: int) -> set[str]:
    """Wait until so many pods are other ones than before; their names."""

    def found() -> set[str]:
        now = ensemble.pod_uids()
        changed = {name for name, uid in before.items() if now.get(name) not in {None, uid}}
        return changed if len(changed) >= count else set()

    return wait_until(f"{count} pods were restarted", found, seconds=90, every=0.2)


def wait_voters(ensemble: Ensemble, count: int, *, seconds: float = 150) -> None:
    """Wait until so many members vote, and everything has settled."""
    ensemble.wait_settled(seconds=seconds)
    status = ensemble.status()
    assert status["quorum"]["voters"] == count, status["quorum"]
    pods = count + status.get("observers", 0)
    wait_until("whoever has left is gone", lambda: len(ensemble.pods()) == pods, seconds=60)


def committed(ensemble: Ensemble, *, member: int = 1) -> tuple[list[str], str]:
    """The server lines and the version that the ensemble itself has committed."""
    said = ensemble.read("/zookeeper/config", member=member)
    lines = sorted(re.findall(r"^server\.\d+=\S+$", said, re.MULTILINE))
    version = re.search(r"^version=([0-9a-f]+)$", said, re.MULTILINE)
    assert version, said
    return lines, version[1]


def published(ensemble: Ensemble) -> tuple[list[str], str]:
    """The server lines and the version that pods start from."""
    found = ensemble.cluster.get("configmap", f"{ensemble.name}-membership", ensemble.namespace)
    assert found is not None
    return sorted(found["data"]["ZOO_SERVERS"].split()), found["data"]["configVersion"]


def check_published(ensemble: Ensemble, *, member: int = 1) -> None:
    """What pods start from is what the ensemble has committed."""
    assert published(ensemble) == committed(ensemble, member=member)


def serves(ensemble: Ensemble, member: int) -> bool:
    """Whether a member serves, by its own answer."""
    try:
        return ensemble.admin(member, "ruok").get("error") is None
    except (ApiError, ValueError):
        return False


def leads(ensemble: Ensemble, member: int) -> bool:
    """Whether a member answers that it leads."""
    try:
        return bool(ensemble.admin(member, "leader").get("is_leader"))
    except (ApiError, ValueError):
        return False


# ---- clients ----


@contextmanager
def writing(
    ensemble: Ensemble,
    *,
    everyone: Iterable[int],
    pinned: Iterable[int] = (),
    interval: float = 0.05,
    user: str = "",
    passwords: str = "",
) -> Iterator[CountingWriter]:
    """A counting writer whose multi-host client knows all these members, also those that are added later.

    It logs in as `user`, whose password is in the Secret `passwords` under this name, if there is one.
    """
    login = [f"--login=/login/{user}"] if user else []
    with counting(
        ensemble.cluster,
        ensemble.namespace,
        name=f"{ensemble.name}-writer",
        everyone=",".join(map(ensemble.host, everyone)),
        pinned=list(map(ensemble.host, pinned)),
        options=[f"--interval={interval}", "--roles-interval=0.5", *login],
        passwords=passwords,
    ) as writer:
        yield writer


@dataclass(frozen=True)
class Kept:
    """The state before a change, to compare with the state after it."""

    ensemble: Ensemble
    epoch: int
    pods: dict[str, str]

    @classmethod
    def before(cls, ensemble: Ensemble) -> "Kept":
        """Observe an ensemble that has settled."""
        return cls(ensemble, ensemble.wait_settled()["leader"]["epoch"], ensemble.pod_uids())

    def elections(self) -> int:
        """How many leaders were elected since."""
        epoch: int = self.ensemble.status()["leader"]["epoch"]
        return epoch - self.epoch

    def check_clients(self, result: Result) -> None:
        """No acknowledged write was lost, and no session of the client that knows all members.

        One that knows a single member loses its session when that is away for longer than 30 s.
        """
        print(result)
        assert result.acknowledged > 0
        assert result.lost == 0, result.raw["lostNames"]
        assert result.multi_host_sessions_lost == 0

    def check_untouched(self, members: Iterable[int]) -> None:
        """These members run in the pods they ran in, and never started again."""
        now, restarts = self.ensemble.pod_uids(), self.ensemble.restarts()
        for name in map(self.ensemble.pod_name, members):
            assert now[name] == self.pods[name], f"{name} was replaced"
            assert restarts[name] == 0, f"{name} was started again"


# ---- faults ----


@contextmanager
def frozen(ensemble: Ensemble, *members: int) -> Iterator[None]:
    """Freeze these members; they break no connection and answer nothing."""
    pods = [ensemble.pod(member) for member in members]
    try:
        for member in members:
            ensemble.signal(member, "STOP")
        yield
    finally:
        for pod in filter(None, pods):
            now = ensemble.cluster.get("pod", pod["metadata"]["name"], ensemble.namespace)
            if now is not None and now["metadata"]["uid"] == pod["metadata"]["uid"]:
                ensemble.cluster.signal(now, "CONT")


@contextmanager
def cut_off(ensemble: Ensemble, member: int, *others: int) -> Iterator[None]:
    """Drop every packet between a member and others, without an answer or a reset."""
    first, *rest = (ensemble.pod(m) for m in (member, *others))
    assert first is not None
    address = first["status"]["podIP"]
    rules: list[tuple[str, ...]] = []
    for pod in rest:
        assert pod is not None
        for one, other in (
            (address, pod["status"]["podIP"]),
            (pod["status"]["podIP"], address),
        ):
            rules.append(("--source", one, "--destination", other))
    with dropping(ensemble.cluster, first["spec"]["nodeName"], rules):
        yield


@contextmanager
def left_behind(ensemble: Ensemble, follower: int) -> Iterator[None]:
    """Drop what the leader sends to a follower; with a large `syncLimit` it serves on, and falls behind."""
    leading, following = ensemble.pod(ensemble.leader()), ensemble.pod(follower)
    assert leading is not None
    assert following is not None
    rule = (
        *("--protocol", "tcp", "--source", leading["status"]["podIP"], "--source-port", "2888"),
        *("--destination", following["status"]["podIP"]),
    )
    with dropping(ensemble.cluster, following["spec"]["nodeName"], [rule]):
        yield


@contextmanager
def vanished(cluster: Cluster, pod: Object) -> Iterator[None]:
    """Drop every packet of a pod, as if its node had lost its power."""
    address = pod["status"]["podIP"]
    rules = [("--source", address), ("--destination", address)]
    with dropping(cluster, pod["spec"]["nodeName"], rules):
        yield


@contextmanager
def dropping(cluster: Cluster, node: str, rules: Iterable[tuple[str, ...]]) -> Iterator[None]:
    """Make a node drop what it would forward, by these rules."""
    done: list[tuple[str, ...]] = []
    try:
        for rule in rules:
            cluster.on_node(node, "iptables", "-w", "-I", "FORWARD", *rule, "-j", "DROP")
            done.append(rule)
        yield
    finally:
        for rule in done:
            cluster.on_node(node, "iptables", "-w", "-D", "FORWARD", *rule, "-j", "DROP")


def kill_leader(ensemble: Ensemble) -> int:
    """End the leader's pod abruptly, as a dying node does; return which member it was."""
    leader = ensemble.leader()
    ensemble.cluster.delete(
        "pod", ensemble.pod_name(leader), ensemble.namespace, "--force", "--grace-period=0"
    )
    return leader


def happens(what: str, look: Callable[[], object], *, seconds: float) -> bool:
    """Whether something comes true within a time."""
    try:
        wait_until(what, look, seconds=seconds)
    except WaitError:
        return False
    return True

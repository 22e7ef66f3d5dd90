"""The ways back from disasters, on real volumes: one survivor, and a subtree that was deleted by mistake."""

import json
import os
import sys
from pathlib import Path

import pytest
from e2e.cluster import CommandError, run, wait_until
from e2e.ensembles import Ensemble
from e2e.places import Places

from zookeeper_operator.zookeeper.snapshot.content import OPEN
from zookeeper_operator.zookeeper.snapshot.records import (
    Header,
    Node,
    Stat,
    to_record,
    to_sessions,
)
from zookeeper_operator.zookeeper.snapshot.writer import SnapshotWriter

pytestmark = pytest.mark.chaos

VOTERS = (1, 2, 3)


@pytest.fixture(autouse=True)
def _plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let kubectl find the plugin of this checkout."""
    here = Path(sys.executable).parent
    assert (here / "kubectl-zk").exists(), "install the checkout into this environment"
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{here}")


def zk(ensemble: Ensemble, *arguments: str, seconds: float = 60) -> str:
    where = ("--context", ensemble.cluster.context, "--namespace", ensemble.namespace)
    return run("kubectl", "zk", arguments[0], *where, *arguments[1:], timeout=seconds).stdout


def lose(ensemble: Ensemble, *members: int) -> None:
    """Members lose their volumes for good, and come back with new, empty ones."""
    old = {ensemble.claim(m)["metadata"]["uid"] for m in members}
    inside = ("--namespace", ensemble.namespace)
    claims = [f"data-{ensemble.pod_name(m)}" for m in members]
    ensemble.cluster.kubectl(*inside, "delete", "pvc", "--wait=false", *claims)
    pods = [ensemble.pod_name(m) for m in members]
    ensemble.cluster.kubectl(*inside, "delete", "pod", "--wait=false", *pods)
    wait_until(
        "new claims",
        lambda: not {ensemble.claim(m)["metadata"]["uid"] for m in members} & old,
        seconds=120,
    )
    wait_until("the old volumes are gone", lambda: not former_volumes(ensemble, old), seconds=120)


def former_volumes(ensemble: Ensemble, claims: set[str]) -> list[str]:
    """The PersistentVolumes of these claims, by UID."""
    return [
        volume["metadata"]["name"]
        for volume in ensemble.cluster.list("persistentvolumes")
        if (volume["spec"].get("claimRef") or {}).get("uid") in claims
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "survivor", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (2, 3))]
)
def test_one_survivor_becomes_the_whole_ensemble(places: Places, survivor: int) -> None:
    ensemble = places.ensemble()
    ensemble.write("/app", "kept")
    others = [n for n in VOTERS if n != survivor]
    lose(ensemble, *others)
    ensemble.wait_condition("QuorumHealthy", "False", "VolumeLost")

    # Nothing is done unasked, nor before it is accepted that data may be lost.
    with pytest.raises(CommandError) as refused:
        zk(ensemble, "recover", "zk", "--survivor", str(survivor))
    assert "is lost" in refused.value.output or "two minutes" in refused.value.output
    with pytest.raises(CommandError) as empty:
        zk(ensemble, "recover", "zk", "--survivor", str(others[0]), "--accept-data-loss")
    assert "holds no data" in empty.value.output

    told = zk(
        *(ensemble, "recover", "zk", "--survivor", str(survivor), "--accept-data-loss"), seconds=600
    )
    assert "serves again" in told
    ensemble.wait_settled(seconds=300)
    assert [ensemble.read("/app", member=n) for n in VOTERS] == ["kept"] * 3
    membership = ensemble.cluster.get("configmap", "zk-membership", ensemble.namespace)
    assert membership is not None
    assert "restart" not in membership["data"]
    annotations = ensemble.body()["metadata"].get("annotations") or {}
    assert "zookeeper.ensemble.dev/recover" not in annotations


@pytest.mark.slow
def test_a_member_whose_claim_is_still_there_may_return(places: Places) -> None:
    """Its pod is gone, and its claim is the one that holds its data: nothing is recovered without it."""
    ensemble = places.ensemble()
    lose(ensemble, 3)
    ensemble.wait_settled(seconds=300)
    for member in (2, 3):
        ensemble.signal(member, "STOP")
    wait_until(
        "the quorum is lost",
        lambda: ensemble.condition("QuorumHealthy")["status"] == "False",
        seconds=180,
    )
    with pytest.raises(CommandError) as refused:
        zk(ensemble, "recover", "zk", "--survivor", "1", "--accept-data-loss")
    assert "may hold its data" in refused.value.output
    for member in (2, 3):
        ensemble.signal(member, "CONT")
    ensemble.wait_settled(seconds=300)


def snapshot(path: Path, data: dict[str, bytes]) -> Path:
    """A snapshot with these znodes."""
    stat = Stat(1, 1, 0, 0, 0, 0, 0, 0, 1)
    with path.open("wb") as file:
        writer = SnapshotWriter(file.write, Header(to_sessions({}), {1: OPEN}))
        for name, content in {"/": b"", **data}.items():
            writer.add(to_record(Node(name, content, 1, stat)))
        writer.finish(1)
    return path


def test_a_subtree_that_was_deleted_comes_back_while_clients_go_on(
    places: Places, tmp_path: Path
) -> None:
    ensemble = places.ensemble()
    data = {"/app": b"top", "/app/many": b""}
    data |= {f"/app/many/{n:03}": b"x" * n for n in range(250)}
    backup = str(snapshot(tmp_path / "snapshot.1", data))
    ensemble.write("/other", "newer")
    restore = ("restore", "zk", "--from", backup, "--path", "/app")

    # The root, an ancestor, is compared as well.
    looked = json.loads(zk(ensemble, *restore, "--dry-run", "-o", "json"))
    assert looked["counts"] == {"same": 1, "created": 252}
    assert json.loads(zk(ensemble, *restore, "-o", "json"))["counts"] == {"same": 1, "created": 252}
    again = json.loads(zk(ensemble, *restore, "-o", "json"))
    assert again["counts"] == {"same": 253}
    assert ensemble.read("/other") == "newer"
    equal = zk(ensemble, "diff", backup, "--ensemble", "zk", "--path", "/app")
    assert "are equal" in equal

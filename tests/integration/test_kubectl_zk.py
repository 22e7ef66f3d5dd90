"""`kubectl zk` against a real API server: what it says of edits, rights and Events. No operator runs."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from tests.integration.commands import Call, caller
from tests.integration.control_plane import NOBODY, ControlPlane
from tests.integration.rights import grant
from tests.integration.waiting import until

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.backups import SCHEDULES
from zookeeper_operator.kube.api import RESOURCES, KubeError, Object, Resource
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.settings import Settings

ENSEMBLE = names.ENSEMBLES
POD = RESOURCES["Pod"]
NODE = Resource("v1", "Node", "nodes", namespaced=False)
NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
CRD = Resource(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
FILES = Path(__file__).parents[2] / "crds"


def definition(plural: str = names.PLURAL) -> Object:
    found: Object = yaml.safe_load((FILES / f"{plural}.yaml").read_text(encoding="utf-8"))
    return found


async def is_served(kube: KubeClient) -> bool:
    return not await kube.preflight([ENSEMBLE, SCHEDULES])


@pytest.fixture
def installed(control_plane: ControlPlane) -> None:
    """The CRDs, served."""

    async def install() -> None:
        async with await connect(Settings(kubeconfig=str(control_plane.kubeconfig))) as kube:
            for file in FILES.iterdir():
                await kube.apply(CRD, definition(file.stem))
            await until(lambda: is_served(kube))

    asyncio.run(install())


@pytest.fixture
async def namespace(kube: KubeClient) -> AsyncIterator[str]:
    name = f"cli-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    created = await kube.create(NAMESPACE, body)
    yield name
    await kube.delete(NAMESPACE, "", name, uid=created["metadata"]["uid"])


@pytest.fixture
def kubectl(control_plane_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubectl of the same build as the API server, and no other."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kubectl").symlink_to(control_plane_tools / "kube")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def call(control_plane: ControlPlane, kubectl: None) -> Call:
    """The command, as admin."""
    return caller(control_plane.kubeconfig)


@pytest.fixture
def nobody(control_plane: ControlPlane, kubectl: None) -> Call:
    """The command, as somebody without any right."""
    path = control_plane.directory / "nobody.kubeconfig"
    control_plane.write_kubeconfig(path, NOBODY)
    return caller(path)


def manifest(spec: dict[str, Any], name: str = "zk", **metadata: Any) -> Object:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


def said(result: Result) -> str:
    """The one line on standard error of a command that failed."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.strip()


# ---- what is not there ----


async def test_no_crd(call: Call, kube: KubeClient) -> None:
    body = definition()
    live = await kube.get(CRD, None, body["metadata"]["name"])
    if live is not None:
        await kube.delete(CRD, "", body["metadata"]["name"], uid=live["metadata"]["uid"])

    async def unknown() -> bool:
        try:
            await kube.list(ENSEMBLE, None)
        except KubeError as error:
            return error.status == 404
        return False

    await until(unknown)
    for command in ("status", "leader", "plan", "shell", "tree", "events"):
        line = said(await asyncio.to_thread(call, command))
        assert line.startswith(f"Error: the cluster does not know {names.PLURAL}.{names.GROUP};")
    line = said(await asyncio.to_thread(call, "plan", edit=manifest({})))
    assert "install the operator's CRD" in line


async def test_no_ensemble_or_several(
    installed: None, call: Call, kube: KubeClient, namespace: str
) -> None:
    where = ("--namespace", namespace)
    line = said(await asyncio.to_thread(call, "status", *where))
    assert line.startswith(f"Error: there is no ensemble in namespace {namespace}")
    await kube.create(ENSEMBLE, manifest({}, "one", namespace=namespace))
    line = said(await asyncio.to_thread(call, "leader", "two", *where))
    assert line.endswith(f"no ensemble two in namespace {namespace}; there are: one")
    await kube.create(ENSEMBLE, manifest({}, "two", namespace=namespace))
    line = said(await asyncio.to_thread(call, "leader", *where))
    assert line.endswith("has several ensembles, name one of them: one, two")
    listed = await asyncio.to_thread(call, "status", *where)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["NAME", "one", "two"]


async def test_an_ensemble_that_nobody_operates(
    installed: None, call: Call, kube: KubeClient, namespace: str
) -> None:
    await kube.create(ENSEMBLE, manifest({}, namespace=namespace))
    where = ("--namespace", namespace)
    screen = await asyncio.to_thread(call, "status", *where)
    assert screen.exit_code == 0
    assert "the operator has not written a status yet; is it running?" in screen.stdout
    assert said(await asyncio.to_thread(call, "leader", *where)).startswith(
        "Error: no member leads zk"
    )
    assert said(await asyncio.to_thread(call, "shell", *where)) == "Error: no member of zk is ready"
    now = await asyncio.to_thread(call, "plan", *where)
    assert now.stdout.startswith(f"{namespace}/zk: starts 3 members")


# ---- edits ----


async def test_an_edit_is_looked_at_and_not_made(
    installed: None, call: Call, kube: KubeClient, namespace: str
) -> None:
    where = ("--namespace", namespace)
    new = await asyncio.to_thread(call, "plan", *where, edit=manifest({"replicas": 5}))
    assert new.exit_code == 0
    assert new.stdout.startswith(f"{namespace}/zk: founds an ensemble of 5 members")
    assert await kube.list(ENSEMBLE, namespace) == []

    made = await kube.create(ENSEMBLE, manifest({"replicas": 3}, namespace=namespace))
    edit = manifest({"replicas": 5, "config": {"snapCount": 5000}})
    found = await asyncio.to_thread(call, "plan", *where, "-o", "json", edit=edit)
    assert found.exit_code == 0
    value = json.loads(found.stdout)
    assert value["changes"] == [
        {"path": "spec.config.snapCount", "old": "(not set)", "new": "5000"},
        {"path": "spec.replicas", "old": "3", "new": "5"},
    ]
    assert await kube.get(ENSEMBLE, namespace, "zk") == made


async def test_the_namespace_of_the_manifest_counts(
    installed: None, call: Call, kube: KubeClient, namespace: str
) -> None:
    edit = manifest({}, namespace=namespace)
    found = await asyncio.to_thread(call, "plan", "--namespace", "default", edit=edit)
    assert found.stdout.startswith(f"{namespace}/zk: founds")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"replicas": 4}, "set allowEvenReplicas: true"),
        ({"storage": {"data": {"size": "1Gi"}}}, "volumes cannot shrink"),
        ({"observers": {"replicas": 101}}, "must be 0 to 100"),
        ({"replica": 5}, 'unknown field "spec.replica"'),
    ],
    ids=["rule", "rule-against-the-live-one", "schema", "unknown-field"],
)
async def test_what_the_api_server_refuses_is_told_as_refused(
    spec: dict[str, Any], reason: str, call: Call, kube: KubeClient, namespace: str
) -> None:
    live = manifest({"storage": {"data": {"size": "5Gi"}}}, namespace=namespace)
    await kube.create(ENSEMBLE, live)
    refused = await asyncio.to_thread(call, "plan", "--namespace", namespace, edit=manifest(spec))
    assert refused.exit_code == 1
    headline, *why = refused.stdout.splitlines()
    assert headline == f"{namespace}/zk: would be refused"
    assert reason in " ".join(why)
    assert "Invalid value: {" not in refused.stdout


async def test_a_conflict_of_a_server_side_apply_is_told_as_refused(
    installed: None, call: Call, kube: KubeClient, namespace: str
) -> None:
    await kube.apply(ENSEMBLE, manifest({"replicas": 3}, namespace=namespace))
    where = ("--namespace", namespace, "--server-side")
    refused = await asyncio.to_thread(call, "plan", *where, edit=manifest({"replicas": 5}))
    assert refused.exit_code == 1
    assert "Apply failed with 1 conflict" in refused.stdout
    mine = await asyncio.to_thread(call, "plan", *where, edit=manifest({"version": "3.9.3"}))
    assert [line.split()[0] for line in mine.stdout.splitlines() if "3.9.3" in line] == [
        "spec.version"
    ]


async def test_what_the_operator_would_not_act_on_is_told_as_refused(
    installed: None, call: Call, namespace: str
) -> None:
    edit = manifest({"podTemplate": {"spec": {"hostNetwork": "yes"}}})
    refused = await asyncio.to_thread(call, "plan", "--namespace", namespace, edit=edit)
    assert refused.exit_code == 1
    assert refused.stdout.startswith(f"{namespace}/zk: would be accepted, but not acted on\n  ")


async def test_a_warning_of_the_edited_spec_is_a_remark(
    installed: None, call: Call, namespace: str
) -> None:
    edit = manifest({"config": {"tikTime": "2000"}})
    foreseen = await asyncio.to_thread(call, "plan", "--namespace", namespace, edit=edit)
    assert "did you mean tickTime?" in foreseen.stdout


# ---- rights ----


async def test_who_may_do_nothing_is_told_what_is_missing(
    installed: None, nobody: Call, kube: KubeClient, namespace: str
) -> None:
    await kube.create(ENSEMBLE, manifest({}, namespace=namespace))
    kind = f"{names.PLURAL}.{names.GROUP}"
    for command in ("status", "leader", "shell", "events", "plan"):
        line = said(await asyncio.to_thread(nobody, command, "zk", "--namespace", namespace))
        assert line == (
            f'Error: a right is missing: "nobody" may not get {kind} in namespace {namespace}'
        )
    line = said(await asyncio.to_thread(nobody, "status", "--namespace", namespace))
    assert line.endswith(f'"nobody" may not list {kind} in namespace {namespace}')


async def allow_nobody(kube: KubeClient, namespace: str, *rules: Object) -> None:
    await grant(kube, namespace, "nobody", rules)


async def test_who_may_only_look_at_ensembles_sees_what_the_operator_wrote(
    installed: None, nobody: Call, kube: KubeClient, namespace: str
) -> None:
    await kube.create(ENSEMBLE, manifest({}, namespace=namespace))
    await allow_nobody(
        kube,
        namespace,
        {"apiGroups": [names.GROUP], "resources": [names.PLURAL], "verbs": ["get", "list"]},
    )
    where = ("--namespace", namespace)

    async def shown() -> bool:
        return (await asyncio.to_thread(nobody, "status", *where)).exit_code == 0

    await until(shown)
    screen = await asyncio.to_thread(nobody, "status", *where)
    assert 'as last written by the operator: a right is missing: "nobody" may not' in screen.stdout


async def test_who_may_look_but_not_edit_gets_a_forecast_with_a_remark(
    installed: None, nobody: Call, kube: KubeClient, namespace: str
) -> None:
    await kube.create(ENSEMBLE, manifest({"replicas": 3}, namespace=namespace))
    await allow_nobody(
        kube, namespace, {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}
    )
    where = ("--namespace", namespace)

    async def planned() -> bool:
        found = await asyncio.to_thread(nobody, "plan", *where, edit=manifest({"replicas": 5}))
        return found.exit_code == 0

    await until(planned)
    found = await asyncio.to_thread(nobody, "plan", *where, edit=manifest({"replicas": 5}))
    assert "starts 5 members" in found.stdout
    assert (
        "The API server was not asked whether it would accept the edit: a right is missing: "
        f'"nobody" may not patch {names.PLURAL}.{names.GROUP} in namespace {namespace}'
    ) in found.stdout


async def test_a_token_that_is_not_accepted(
    installed: None, control_plane: ControlPlane, kubectl: None
) -> None:
    path = control_plane.directory / "stranger.kubeconfig"
    control_plane.write_kubeconfig(path, "stranger")
    line = said(await asyncio.to_thread(caller(path), "status"))
    assert line == "Error: the cluster does not accept these credentials; sign in again"


# ---- a member ----


@pytest.fixture
async def member(kube: KubeClient, namespace: str) -> AsyncIterator[None]:
    """A pod of an ensemble that KWOK says is ready."""
    many = {"cpu": "4", "memory": "8Gi", "pods": "100"}
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{namespace}"},
        "status": {"allocatable": many, "capacity": many},
    }
    made = await kube.create(NODE, node)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": namespace,
            "name": "zk-1",
            "labels": {names.LABEL_ENSEMBLE: "zk"},
        },
        "spec": {
            "nodeName": f"node-{namespace}",
            "containers": [{"name": names.CONTAINER, "image": "zookeeper"}],
        },
    }
    created = await kube.create(POD, pod)

    async def ready() -> bool:
        live = await kube.get(POD, namespace, "zk-1") or {}
        states = {c["type"]: c["status"] for c in live["status"].get("conditions", ())}
        return states.get("Ready") == "True"

    await until(ready)
    yield
    await kube.delete(POD, namespace, "zk-1", uid=created["metadata"]["uid"])
    await kube.delete(NODE, "", f"node-{namespace}", uid=made["metadata"]["uid"])


@pytest.mark.usefixtures("installed", "member")
async def test_a_tree_needs_the_right_to_forward_ports(
    nobody: Call, call: Call, kube: KubeClient, namespace: str
) -> None:
    await kube.create(ENSEMBLE, manifest({}, namespace=namespace))
    await allow_nobody(
        kube, namespace, {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}
    )
    where = ("--namespace", namespace)
    line = said(await asyncio.to_thread(nobody, "tree", "/", *where))
    assert line == (
        f"Error: a right is missing: to create pods/portforward in namespace {namespace}, which "
        "leads to the members from here"
    )
    line = said(await asyncio.to_thread(call, "tree", "/", *where))
    assert line == "Error: zk-1: it accepts no client session"


# ---- Events ----


async def test_events(installed: None, call: Call, kube: KubeClient, namespace: str) -> None:
    made = await kube.create(ENSEMBLE, manifest({}, namespace=namespace))
    where = ("--namespace", namespace)
    none = await asyncio.to_thread(call, "events", *where)
    assert (none.exit_code, none.stdout) == (0, "")
    assert none.stderr.startswith("no Events")
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for number, reason in enumerate(("Founded", "LeaderChanged")):
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "name": f"zk.{number}"},
            "involvedObject": {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "namespace": namespace,
                "name": "zk",
                "uid": made["metadata"]["uid"],
            },
            "type": "Normal",
            "reason": reason,
            "message": f"it says {reason}",
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": number + 1,
        }
        await kube.create(RESOURCES["Event"], event)
    screen = await asyncio.to_thread(call, "events", "zk", *where)
    assert [line.split()[2] for line in screen.stdout.splitlines()] == [
        "REASON",
        "Founded",
        "LeaderChanged",
    ]
    assert screen.stdout.endswith("it says LeaderChanged (2 times)\n")
    values = json.loads((await asyncio.to_thread(call, "events", *where, "-o", "json")).stdout)
    assert [(v["reason"], v["time"], v["count"]) for v in values] == [
        ("Founded", at, 1),
        ("LeaderChanged", at, 2),
    ]

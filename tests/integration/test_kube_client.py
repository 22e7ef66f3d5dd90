"""`KubeClient` and the Lease against a real API server."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from tests.integration.control_plane import NOBODY, SERVER, ControlPlane
from tests.integration.waiting import until

from zookeeper_operator.control.lease import ConflictError, LeaseRecord
from zookeeper_operator.control.lease_store import KubeLeaseStore
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import RESOURCES, KubeError, NamespaceEndingError, Resource
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.kube.events import EventRecorder, ObjectReference
from zookeeper_operator.settings import Settings

CONFIG_MAP = RESOURCES["ConfigMap"]
SERVICE = RESOURCES["Service"]
NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
UNKNOWN = Resource("zookeeper.ensemble.dev/v1alpha9", "Nothing", "nothings")


@pytest.fixture
async def namespace(kube: KubeClient) -> AsyncIterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    created = await kube.create(NAMESPACE, body)
    yield name
    await kube.delete(NAMESPACE, "", name, uid=created["metadata"]["uid"])


def _config_map(namespace: str, name: str = "one", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": "test"}},
        "data": data,
    }


async def test_apply_creates_changes_and_leaves_alone(kube: KubeClient, namespace: str) -> None:
    created = await kube.apply(CONFIG_MAP, _config_map(namespace, a="1", b="2"))
    assert created["data"] == {"a": "1", "b": "2"}
    assert created["metadata"]["uid"]
    managers = {entry["manager"] for entry in created["metadata"]["managedFields"]}
    assert managers == {names.FIELD_MANAGER}

    same = await kube.apply(CONFIG_MAP, _config_map(namespace, a="1", b="2"))
    assert same["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]

    changed = await kube.apply(CONFIG_MAP, _config_map(namespace, a="3"))
    assert changed["data"] == {"a": "3"}  # what we applied before and do not any more is gone
    assert await kube.get(CONFIG_MAP, namespace, "one") == changed


async def test_metadata_comes_without_the_content(kube: KubeClient, namespace: str) -> None:
    created = await kube.create(CONFIG_MAP, _config_map(namespace, "one", a="1"))
    found = await kube.get_metadata(CONFIG_MAP, namespace, "one")
    assert found is not None
    assert found["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]
    assert "data" not in found
    assert await kube.get_metadata(CONFIG_MAP, namespace, "absent") is None


async def test_a_namespace_that_is_being_deleted_says_so(kube: KubeClient, namespace: str) -> None:
    held = _config_map(namespace)
    held["metadata"]["finalizers"] = ["example.org/held"]
    created = await kube.create(CONFIG_MAP, held)
    body = await kube.get(NAMESPACE, None, namespace)
    assert body is not None
    await kube.delete(NAMESPACE, "", namespace, uid=body["metadata"]["uid"])
    with pytest.raises(NamespaceEndingError):
        await kube.apply(CONFIG_MAP, _config_map(namespace, "two"))
    with pytest.raises(NamespaceEndingError):
        await kube.create(CONFIG_MAP, _config_map(namespace, "three"))
    created["metadata"]["finalizers"] = []
    await kube.merge_patch(CONFIG_MAP, created)


async def test_apply_takes_a_field_from_another_manager(kube: KubeClient, namespace: str) -> None:
    await kube.create(CONFIG_MAP, _config_map(namespace, a="theirs", b="theirs"))
    applied = await kube.apply(CONFIG_MAP, _config_map(namespace, a="ours"))
    assert applied["data"] == {"a": "ours", "b": "theirs"}


async def test_apply_takes_back_a_list_item_whose_key_was_changed(
    kube: KubeClient, namespace: str
) -> None:
    """The key of a Service's port is its number: changed by hand, it is another item of the same name."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": "one"},
        "spec": {"ports": [{"name": "client", "port": 2181}], "selector": {"a": "b"}},
    }
    await kube.apply(RESOURCES["Service"], service)
    by_hand = {**service, "spec": {"ports": [{"name": "client", "port": 2182}]}}
    await kube.merge_patch(RESOURCES["Service"], by_hand)
    applied = await kube.apply(RESOURCES["Service"], service)
    assert [(p["name"], p["port"]) for p in applied["spec"]["ports"]] == [("client", 2181)]
    assert await kube.apply(RESOURCES["Service"], service) == applied


async def test_apply_takes_back_an_update_strategy_that_was_changed(
    kube: KubeClient, namespace: str
) -> None:
    """Taken away by hand, it becomes the default with settings that OnDelete must not have."""
    labels = {"app": "one"}
    statefulset = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"namespace": namespace, "name": "one"},
        "spec": {
            "serviceName": "one",
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "OnDelete"},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "one", "image": "one"}]},
            },
        },
    }
    await kube.apply(RESOURCES["StatefulSet"], statefulset)
    by_hand = {**statefulset, "spec": {"updateStrategy": {"type": None}}}
    changed = await kube.merge_patch(RESOURCES["StatefulSet"], by_hand)
    assert changed["spec"]["updateStrategy"]["type"] == "RollingUpdate"
    applied = await kube.apply(RESOURCES["StatefulSet"], statefulset)
    assert applied["spec"]["updateStrategy"] == {"type": "OnDelete"}


async def test_apply_of_what_is_invalid_is_refused(kube: KubeClient, namespace: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": "one"},
        "spec": {"ports": [{"name": "client", "port": 0}]},
    }
    with pytest.raises(KubeError, match="port") as refused:
        await kube.apply(RESOURCES["Service"], service)
    assert refused.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_status_is_applied_apart_from_the_spec(kube: KubeClient, namespace: str) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": "one"},
        "spec": {"containers": [{"name": "one", "image": "one"}], "schedulerName": "nobody"},
    }
    created = await _create_pod(kube, pod)
    status = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": "one"},
        "status": {"message": "told"},
    }
    applied = await kube.apply_status(RESOURCES["Pod"], status)
    assert applied["status"]["message"] == "told"
    assert applied["spec"] == created["spec"]


async def test_a_status_and_an_apply_need_the_same_object(kube: KubeClient, namespace: str) -> None:
    """The API server itself takes any UID in a status; what was written about a deleted object is lost."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": "one"},
        "spec": {"containers": [{"name": "one", "image": "one"}], "schedulerName": "nobody"},
    }
    first = (await _create_pod(kube, pod))["metadata"]
    await kube.delete(RESOURCES["Pod"], namespace, "one", uid=first["uid"])
    second = (await _create_pod(kube, pod))["metadata"]
    about = {"namespace": namespace, "name": "one"}
    status = {"status": {"message": "about the first"}}
    for metadata in (
        {**about, "uid": first["uid"]},
        {**about, "uid": first["uid"], "resourceVersion": first["resourceVersion"]},
    ):
        with pytest.raises(KubeError) as refused:
            await kube.apply_status(RESOURCES["Pod"], {**pod, "metadata": metadata, **status})
        assert refused.value.status == 409
    labelled = {**pod, "metadata": {**about, "uid": first["uid"], "labels": {"about": "the-first"}}}
    with pytest.raises(KubeError) as refused:
        await kube.apply(RESOURCES["Pod"], labelled)
    assert refused.value.status == 409

    current = {**pod, "metadata": {**about, "uid": second["uid"]}, "status": {"message": "told"}}
    applied = await kube.apply_status(RESOURCES["Pod"], current)
    assert applied["status"]["message"] == "told"
    assert "labels" not in applied["metadata"]


async def test_absent_objects_are_none_but_absent_kinds_are_errors(
    kube: KubeClient, namespace: str
) -> None:
    assert await kube.get(CONFIG_MAP, namespace, "none") is None
    assert await kube.get(CONFIG_MAP, "no-such-namespace", "none") is None
    for attempt in (kube.get(UNKNOWN, namespace, "none"), kube.list(UNKNOWN, None)):
        with pytest.raises(KubeError) as refused:
            await attempt
        assert refused.value.status == 404


async def test_delete_needs_the_same_object(kube: KubeClient, namespace: str) -> None:
    first = await kube.apply(CONFIG_MAP, _config_map(namespace))
    uid = first["metadata"]["uid"]
    await kube.delete(CONFIG_MAP, namespace, "one", uid=uid)
    assert await kube.get(CONFIG_MAP, namespace, "one") is None
    await kube.delete(CONFIG_MAP, namespace, "one", uid=uid)  # gone is gone

    await kube.apply(CONFIG_MAP, _config_map(namespace))
    with pytest.raises(KubeError) as refused:
        await kube.delete(CONFIG_MAP, namespace, "one", uid=uid)
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    assert await kube.get(CONFIG_MAP, namespace, "one") is not None


@pytest.mark.parametrize("orphan", [False, True])
async def test_delete_takes_the_children_along_unless_told_not_to(
    kube: KubeClient, namespace: str, *, orphan: bool
) -> None:
    owner = await kube.apply(CONFIG_MAP, _config_map(namespace, "owner"))
    child = _config_map(namespace, "child")
    uid = owner["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    child["metadata"]["ownerReferences"] = [reference]
    await kube.apply(CONFIG_MAP, child)

    await kube.delete(CONFIG_MAP, namespace, "owner", uid=uid, orphan=orphan)

    async def gone(name: str) -> bool:
        return await kube.get(CONFIG_MAP, namespace, name) is None

    await until(lambda: gone("owner"))
    if orphan:
        left = await kube.get(CONFIG_MAP, namespace, "child")
        assert left is not None
        assert "ownerReferences" not in left["metadata"]
    else:
        await until(lambda: gone("child"))


async def test_list_reads_every_page_and_names_the_kind(kube: KubeClient, namespace: str) -> None:
    limit = asyncio.Semaphore(20)

    async def create(number: int) -> None:
        async with limit:
            await kube.create(CONFIG_MAP, _config_map(namespace, f"many-{number}"))

    await asyncio.gather(*(create(number) for number in range(1005)))
    found = await kube.list(CONFIG_MAP, namespace, labels="app=test")
    assert {item["metadata"]["name"] for item in found} == {f"many-{n}" for n in range(1005)}
    assert {(item["apiVersion"], item["kind"]) for item in found} == {("v1", "ConfigMap")}
    assert await kube.list(CONFIG_MAP, namespace, labels="app=other") == []
    everywhere = await kube.list(CONFIG_MAP, None, labels="app=test")
    assert len(everywhere) >= 1005


async def test_refusals_carry_reason_and_message(kube: KubeClient, namespace: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": "one"},
        "spec": {"ports": [{"port": 99999}]},
    }
    with pytest.raises(KubeError, match="must be between 1 and 65535") as refused:
        await kube.apply(SERVICE, service)
    assert (refused.value.status, refused.value.reason) == (422, "Invalid")

    await kube.create(CONFIG_MAP, _config_map(namespace))
    with pytest.raises(KubeError) as refused:
        await kube.create(CONFIG_MAP, _config_map(namespace))
    assert (refused.value.status, refused.value.reason) == (409, "AlreadyExists")


async def test_requests_are_counted(control_plane: ControlPlane, namespace: str) -> None:
    seen: list[tuple[str, str, int]] = []

    def count(verb: str, kind: str, status: int, seconds: float) -> None:
        assert 0 < seconds < 10
        seen.append((verb, kind, status))

    settings = Settings(kubeconfig=str(control_plane.kubeconfig))
    async with await connect(settings, on_request=count) as client:
        applied = await client.apply(CONFIG_MAP, _config_map(namespace))
        await client.get(CONFIG_MAP, namespace, "none")
        await client.list(CONFIG_MAP, namespace)
        await client.delete(CONFIG_MAP, namespace, "one", uid=applied["metadata"]["uid"])
    kind = "ConfigMap"
    assert seen == [
        ("apply", kind, 201),
        ("get", kind, 404),
        ("list", kind, 200),
        ("delete", kind, 200),
    ]


async def test_preflight_says_what_is_missing(
    control_plane: ControlPlane, kube: KubeClient, namespace: str
) -> None:
    assert await kube.preflight([CONFIG_MAP, SERVICE]) == []
    (sentence,) = await kube.preflight([UNKNOWN, CONFIG_MAP])
    assert "does not serve nothings of zookeeper.ensemble.dev/v1alpha9" in sentence

    powerless = control_plane.directory / "nobody"
    control_plane.write_kubeconfig(powerless, NOBODY)
    async with await connect(Settings(kubeconfig=str(powerless))) as client:
        (sentence,) = await client.preflight([CONFIG_MAP], [namespace])
        assert f"may not list configmaps in namespace {namespace}" in sentence
        with pytest.raises(KubeError) as refused:
            await client.list(CONFIG_MAP, None)
        assert (refused.value.status, refused.value.reason) == (403, "Forbidden")

    stranger = control_plane.directory / "stranger"
    control_plane.write_kubeconfig(stranger, "no-such-token")
    async with await connect(Settings(kubeconfig=str(stranger))) as client:
        (sentence,) = await client.preflight([CONFIG_MAP])
        assert "does not accept our credentials" in sentence


async def test_credentials_are_those_of_the_kubeconfig(
    control_plane: ControlPlane, kube: KubeClient
) -> None:
    facts = await kube.credentials()
    assert facts.server == SERVER
    assert (facts.scheme, facts.token) == ("Bearer", "admin-token")
    assert facts.ca_path == str(control_plane.directory / "certificates" / "apiserver.crt")
    assert not facts.insecure
    assert facts.expiration > datetime.now(UTC)
    assert "admin-token" not in repr(facts)


async def test_unreachable_server_is_an_error_of_status_0(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = json.loads(control_plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"] = {"server": "https://127.0.0.1:1"}
    (tmp_path / "config").write_text(json.dumps(config))
    async with await connect(Settings(kubeconfig=str(tmp_path / "config"))) as client:
        with pytest.raises(KubeError) as refused:
            await client.get(CONFIG_MAP, "default", "one")
        assert (refused.value.status, refused.value.reason) == (0, "Unreachable")
        (sentence,) = await client.preflight([CONFIG_MAP])
        assert "127.0.0.1:1 cannot be reached" in sentence


async def test_untrusted_server_is_an_error_of_status_0(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = json.loads(control_plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"] = {"server": SERVER}
    (tmp_path / "config").write_text(json.dumps(config))
    async with await connect(Settings(kubeconfig=str(tmp_path / "config"))) as client:
        with pytest.raises(KubeError, match=r"(?i)certificate") as refused:
            await client.get(CONFIG_MAP, "default", "one")
        assert refused.value.status == 0


async def test_an_event_is_written_about_an_object(kube: KubeClient, namespace: str) -> None:
    config_map = await kube.create(CONFIG_MAP, _config_map(namespace))
    about = ObjectReference("v1", "ConfigMap", namespace, "one", config_map["metadata"]["uid"])
    written: list[tuple[str, str]] = []
    recorder = EventRecorder(
        kube, "test", on_event=lambda type_, reason: written.append((type_, reason))
    )
    now = datetime.now(UTC)
    await recorder.record(about, type="Warning", reason="Tested", message="ä" * 5000, now=now)
    elsewhere = replace(about, namespace="no-such-namespace")
    await recorder.record(elsewhere, type="Normal", reason="Lost", message="lost", now=now)
    (event,) = await kube.list(RESOURCES["Event"], namespace)
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "Tested", 1)
    assert event["involvedObject"]["uid"] == about.uid
    assert written == [("Warning", "Tested")]


async def test_lease_is_compared_and_swapped(kube: KubeClient, namespace: str) -> None:
    store = KubeLeaseStore(kube, namespace, "operator")
    assert await store.read() is None
    now = datetime.now(UTC)
    record = LeaseRecord("one", 15, acquire_time=now, renew_time=now, transitions=0)

    first = await store.write(record)
    assert await store.read() == first
    with pytest.raises(ConflictError):
        await store.write(record)  # exists already

    body = {"metadata": {"namespace": namespace, "name": "operator", "labels": {"a": "b"}}}
    await kube.merge_patch(RESOURCES["Lease"], body)
    with pytest.raises(ConflictError):
        await store.write(first)  # outdated
    current = await store.read()
    assert current is not None
    released = await store.write(
        LeaseRecord(
            "",
            1,
            acquire_time=now,
            renew_time=now,
            transitions=3,
            resource_version=current.resource_version,
        )
    )
    assert (released.holder, released.transitions) == ("", 3)
    live = await kube.get(RESOURCES["Lease"], namespace, "operator")
    assert live is not None
    assert live["metadata"]["labels"] == {"a": "b"}

    await kube.delete(RESOURCES["Lease"], namespace, "operator", uid=live["metadata"]["uid"])
    with pytest.raises(ConflictError):
        await store.write(released)  # gone


async def _create_pod(kube: KubeClient, pod: dict[str, Any]) -> dict[str, Any]:
    """Create a pod as soon as its namespace has a service account."""

    async def ready() -> bool:
        accounts = Resource("v1", "ServiceAccount", "serviceaccounts")
        return bool(await kube.list(accounts, pod["metadata"]["namespace"]))

    await until(ready)
    return await kube.create(RESOURCES["Pod"], pod)


async def test_a_label_that_another_manager_has_set_goes_by_two_applies(kube: KubeClient) -> None:
    """As the StatefulSet controller labels claims: an apply without the label would leave it there."""
    label = "app.kubernetes.io/instance"
    claim: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-zk-1", "namespace": "default"},
    }
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {**claim["metadata"], "labels": {label: "zk", "other": "stays"}}
    resource = RESOURCES["PersistentVolumeClaim"]
    made = await kube.create(resource, {**claim, "metadata": metadata, "spec": spec})
    try:
        await kube.apply(resource, claim)
        untouched = await kube.get(resource, "default", "data-zk-1")
        assert untouched is not None
        assert untouched["metadata"]["labels"][label] == "zk"
        await kube.apply(
            resource, {**claim, "metadata": {**claim["metadata"], "labels": {label: ""}}}
        )
        left = await kube.apply(resource, claim)
        assert left["metadata"]["labels"] == {"other": "stays"}
    finally:
        await kube.delete(resource, "default", "data-zk-1", uid=made["metadata"]["uid"])

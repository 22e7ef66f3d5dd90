"""The CRD's rules as a real API server applies them: every case that has to be refused or accepted."""

import asyncio
import copy
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml
from tests.integration.control_plane import ControlPlane
from tests.integration.waiting import until
from tests.unit.api.cases import ACCEPTED, ACCEPTED_NAMES, REFUSED, REFUSED_NAMES

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import read_ensemble
from zookeeper_operator.kube.api import KubeError, Resource
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.process import accept_nested_objects
from zookeeper_operator.settings import Settings

CRD = Resource(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
ENSEMBLE = names.ENSEMBLES
FILE = Path(__file__).parents[2] / "crds" / f"{names.PLURAL}.yaml"


@pytest.fixture(scope="module")
def _installed(control_plane: ControlPlane) -> None:
    async def install() -> None:
        async with await connect(Settings(kubeconfig=str(control_plane.kubeconfig))) as kube:
            definition = yaml.safe_load(FILE.read_text(encoding="utf-8"))
            await kube.apply(CRD, definition)

            async def conditions() -> dict[str, str]:
                live = await kube.get(CRD, None, definition["metadata"]["name"])
                assert live is not None
                found = (live.get("status") or {}).get("conditions") or []  # at first it has none
                return {c["type"]: c["status"] for c in found}

            async def served() -> bool:
                # It is served some seconds before it says that it is established.
                established = (await conditions()).get("Established") == "True"
                return established and not await kube.preflight([ENSEMBLE])

            await until(served)
            assert await conditions() == {"NamesAccepted": "True", "Established": "True"}

    asyncio.run(install())


@pytest.fixture
async def ensembles(_installed: None, kube: KubeClient) -> AsyncIterator["Ensembles"]:
    created = Ensembles(kube)
    yield created
    await created.clear()


class Ensembles:
    """Applies ensembles, and removes them again."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self._uids: dict[str, str] = {}

    async def create(self, spec: dict[str, Any], *, name: str = "zk") -> dict[str, Any]:
        return await self._send(self._kube.create, spec, name)

    async def change(self, spec: dict[str, Any], *, name: str = "zk") -> dict[str, Any]:
        return await self._send(self._kube.apply, spec, name)

    async def _send(
        self,
        send: Callable[[Resource, dict[str, Any]], Awaitable[dict[str, Any]]],
        spec: dict[str, Any],
        name: str,
    ) -> dict[str, Any]:
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"namespace": "default", "name": name},
            "spec": spec,
        }
        applied = await send(ENSEMBLE, body)
        self._uids[name] = applied["metadata"]["uid"]
        return applied

    async def clear(self) -> None:
        for name, uid in self._uids.items():
            await self._kube.delete(ENSEMBLE, "default", name, uid=uid)


@pytest.mark.parametrize(
    ("spec", "old", "message"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED]
)
async def test_refused(
    ensembles: Ensembles, spec: dict[str, Any], old: dict[str, Any] | None, message: str
) -> None:
    if old is not None:
        await ensembles.change(old)
    with pytest.raises(KubeError, match=re.escape(message)) as refused:
        await (ensembles.create(spec) if old is None else ensembles.change(spec))
    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("spec", "old"), [pytest.param(*case[1:], id=case[0]) for case in ACCEPTED]
)
async def test_accepted(
    ensembles: Ensembles, spec: dict[str, Any], old: dict[str, Any] | None
) -> None:
    if old is not None:
        await ensembles.change(old)
    await (ensembles.create(spec) if old is None else ensembles.change(spec))


@pytest.mark.parametrize(("name", "message"), REFUSED_NAMES)
async def test_refused_names(ensembles: Ensembles, name: str, message: str) -> None:
    with pytest.raises(KubeError, match=re.escape(message)) as refused:
        await ensembles.create({}, name=name)
    assert refused.value.status == 422


@pytest.mark.parametrize("name", ACCEPTED_NAMES)
async def test_accepted_names(ensembles: Ensembles, name: str) -> None:
    await ensembles.create({}, name=name)


async def test_a_source_is_forgotten_when_the_adoption_has_ended(
    ensembles: Ensembles, kube: KubeClient
) -> None:
    adopting = {
        "firstMemberId": 11,
        "adopt": {"connectionString": "zookeeper.old.svc:2181", "proceed": "Finish"},
    }
    stored = await ensembles.change(adopting)
    after = {"firstMemberId": 11, "tls": {}}
    with pytest.raises(KubeError, match=re.escape("adopt can be removed when")):
        await ensembles.change(after)
    status = {"adoptedAt": "2026-01-01T00:00:00Z"}
    await kube.apply_status(ENSEMBLE, {**_identity_of(stored), "status": status})
    edited = await ensembles.change(after)
    assert "adopt" not in edited["spec"]
    with pytest.raises(KubeError, match=re.escape("adopt can only be set when")):
        await ensembles.change(adopting)


async def test_a_source_that_was_forgotten_too_early_may_be_named_again(
    ensembles: Ensembles, kube: KubeClient
) -> None:
    stored = await ensembles.change({"firstMemberId": 11})
    status = {"adoption": {"source": ["server.1=old-0.old.demo.svc:2888:3888:participant;2181"]}}
    await kube.apply_status(ENSEMBLE, {**_identity_of(stored), "status": status})
    adopt = {"connectionString": "zookeeper.old.svc:2181", "proceed": "Finish"}
    edited = await ensembles.change({"firstMemberId": 11, "adopt": adopt})
    assert edited["spec"]["adopt"]["proceed"] == "Finish"


Stored = tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]
# Stored under a CRD without the rule: the spec, how it may be edited, how it may not, and the refusal.
RUNNING: dict[str, Stored] = {
    "a-bad-number": (
        {"config": {"tickTime": "banana"}},
        {"config": {"tickTime": "banana", "syncLimit": 6}},
        {"config": {"tickTime": "apple"}},
        "tickTime must be",
    ),
    "a-number-out-of-range": (
        {"config": {"autopurge.snapRetainCount": 1}},
        {"config": {"autopurge.snapRetainCount": 1}, "replicas": 5},
        {"config": {"autopurge.snapRetainCount": 2}},
        "autopurge.snapRetainCount must be",
    ),
    "an-own-port": (
        {"config": {"metricsProvider.httpPort": 8080}},
        {"config": {"metricsProvider.httpPort": 8080, "metricsProvider.className": "x"}},
        {"config": {"metricsProvider.httpPort": 2888}},
        "metricsProvider.httpPort must be",
    ),
    "a-switch": (
        {"config": {"forceSync": "false"}},
        {"config": {"forceSync": "false", "initLimit": 11}},
        {"config": {"forceSync": "off"}},
        "forceSync must be",
    ),
    "an-option": (
        {"jvm": {"options": ["-XX:-ExitOnOutOfMemoryError"]}},
        {"jvm": {"options": ["-XX:-ExitOnOutOfMemoryError", "-XX:+UseZGC"]}},
        {"jvm": {"options": ["-XX:Flags=/data/flags"]}},
        "set the heap by an old name",
    ),
}


@pytest.mark.parametrize("case", RUNNING.values(), ids=RUNNING)
async def test_what_was_stored_before_a_rule_goes_on(
    ensembles: Ensembles, kube: KubeClient, case: Stored
) -> None:
    spec, free, wrong, message = case
    definition = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    try:
        await _serve(kube, _without_ratcheted_rules(definition), ensembles, spec)
    finally:
        await kube.apply(CRD, definition)
    with pytest.raises(KubeError, match=re.escape(message)):
        await _write_until_refused(ensembles, wrong)
    status = {"summary": "Serving", "replicas": 3}
    stored = await ensembles.change(spec)
    written = await kube.apply_status(ENSEMBLE, {**_identity_of(stored), "status": status})
    assert written["status"]["summary"] == "Serving"
    edited = await ensembles.change(free)
    assert edited["metadata"]["generation"] > stored["metadata"]["generation"]
    with pytest.raises(KubeError, match=re.escape(message)):
        await ensembles.change(wrong)


def _without_ratcheted_rules(definition: dict[str, Any]) -> dict[str, Any]:
    """The CRD as it was before the rules that let pass what was there."""
    older = copy.deepcopy(definition)
    schema = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for part in ("config", "jvm"):
        place = schema["properties"][part]
        rules = place["x-kubernetes-validations"]
        place["x-kubernetes-validations"] = [r for r in rules if not r.get("optionalOldSelf")]
        assert len(place["x-kubernetes-validations"]) < len(rules)
    return older


async def _serve(
    kube: KubeClient, definition: dict[str, Any], ensembles: Ensembles, spec: dict[str, Any]
) -> None:
    """Apply a CRD, and store a spec as soon as the API server goes by it."""
    await kube.apply(CRD, definition)

    async def stored() -> bool:
        try:
            await ensembles.change(spec)
        except KubeError:
            return False
        return True

    await until(stored)


async def _write_until_refused(ensembles: Ensembles, wrong: dict[str, Any]) -> None:
    """Write what a rule refuses into another object until the API server goes by the rule.

    Raises:
        KubeError: the refusal.
    """

    async def never() -> bool:
        await ensembles.change({"stopped": True}, name="probe")
        await ensembles.change(wrong, name="probe")
        return False

    await until(never)


def _identity_of(body: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: body["metadata"][key] for key in ("name", "namespace", "uid")}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}


async def test_defaults_are_filled_in(ensembles: Ensembles) -> None:
    assert (await ensembles.create({}))["spec"]["replicas"] == 3


async def test_an_object_nested_as_deeply_as_the_api_server_takes_is_still_listed(
    ensembles: Ensembles, kube: KubeClient
) -> None:
    """It must be no more than an ensemble whose spec cannot be worked on: the others are in the same list."""
    nested: Any = "x"
    for _ in range(3_000):
        nested = {"a": nested}
    before = sys.getrecursionlimit()
    accept_nested_objects()
    try:
        await ensembles.create({"podTemplate": {"spec": nested}}, name="nested")
        await ensembles.create({}, name="plain")
        found = {body["metadata"]["name"]: body for body in await kube.list(ENSEMBLE, "default")}
        assert {"nested", "plain"} <= found.keys()
        with pytest.raises(pydantic.ValidationError, match="nested more than"):
            read_ensemble(found["nested"], cluster_domain="c", operator_namespace="o")
    finally:
        sys.setrecursionlimit(before)

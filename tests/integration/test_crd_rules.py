"""The CRD's rules as a real API server applies them: every case that is to be refused or accepted."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.control_plane import ControlPlane
from tests.integration.waiting import until
from tests.unit.api.cases import ACCEPTED, ACCEPTED_NAMES, REFUSED, REFUSED_NAMES

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import KubeError, Resource
from zookeeper_operator.kube.client import KubeClient, connect
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

            async def served() -> bool:
                return not await kube.preflight([ENSEMBLE])

            await until(served)
            live = await kube.get(CRD, None, definition["metadata"]["name"])
            assert live is not None
            conditions = {c["type"]: c["status"] for c in live["status"]["conditions"]}
            assert conditions == {"NamesAccepted": "True", "Established": "True"}

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


async def test_defaults_are_filled_in(ensembles: Ensembles) -> None:
    assert (await ensembles.create({}))["spec"]["replicas"] == 3

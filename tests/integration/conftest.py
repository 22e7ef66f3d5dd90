"""The servers of the integration tests, one set per session, in a network namespace of our own."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from e2e.browser import find_browser
from tests.integration.control_plane import ControlPlane, find_kubernetes, find_tools
from tests.integration.environments import resolve_environment
from tests.integration.processes import enter_own_network
from tests.integration.s3_server import resolve_moto
from tests.integration.stage import Farm, Stage, open_stage, prepare
from tests.integration.zookeeper_jars import resolve_jars
from tests.integration.zookeeper_servers import ZooKeeperServers

from zookeeper_operator.api.versions import DEFAULT_VERSION
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.settings import Settings


@pytest.fixture(scope="session")
def zookeeper_jars() -> Path:
    return resolve_jars()


@pytest.fixture(scope="session")
def metered_jars() -> Mapping[str, Path]:
    """The jars of a release of each line with its provider for Prometheus, by the line."""
    return {
        "3.9": resolve_jars("3.9.4", metrics=True),
        "3.8": resolve_jars("3.8.3", metrics=True),
    }


@pytest.fixture(scope="session")
def prometheus_tools() -> Path:
    """The folder of `prometheus` and `promtool`."""
    return find_tools("prometheus")


@pytest.fixture(scope="session")
def cert_manager_crds() -> Path:
    """The folder of the resource definitions of cert-manager."""
    return find_tools("cert-manager-crds")


@pytest.fixture(scope="session")
def helm() -> Path:
    return find_tools("helm") / "helm"


@pytest.fixture(scope="session")
def older_zookeeper_jars() -> Path:
    """The jars of the last release of the line before."""
    return resolve_jars("3.8.6")


@pytest.fixture(scope="session")
def middle_zookeeper_jars() -> Path:
    """The jars of the release that is the default."""
    return resolve_jars(DEFAULT_VERSION)


@pytest.fixture(scope="session")
def moto_python() -> Path:
    """The Python of an environment with an S3 server."""
    return resolve_moto()


@pytest.fixture(scope="session")
def grafana_python() -> Path:
    """The Python of an environment with Grafana's own library for dashboards."""
    lock = Path(__file__).parent / "grafana" / "requirements.lock"
    return resolve_environment("grafana", lock)


@pytest.fixture(scope="session")
def jars_by_release() -> Mapping[str, Path]:
    """The jars of the newest releases of each line, by the release."""
    return {release: resolve_jars(release) for release in ("3.8.6", "3.8.7", "3.9.5", "3.9.6")}


@pytest.fixture(scope="session")
def control_plane_tools() -> Path:
    return find_kubernetes()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; installed where that is a Debian and we are root."""
    found = find_browser()
    assert found is not None, "install chromium"
    return found


@pytest.fixture(scope="session", autouse=True)
def _own_network(request: pytest.FixtureRequest) -> None:
    """Fetch what the tests of this session need, then leave the machine's network for good."""
    needed = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    downloads = (
        "zookeeper_jars",
        "older_zookeeper_jars",
        "middle_zookeeper_jars",
        "jars_by_release",
        "metered_jars",
        "moto_python",
        "grafana_python",
        "control_plane_tools",
        "prometheus_tools",
        "helm",
        "cert_manager_crds",
        "chromium",
    )
    for download in downloads:
        if download in needed:
            request.getfixturevalue(download)
    enter_own_network()


@pytest.fixture(scope="session")
def zookeeper(
    zookeeper_jars: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ZooKeeperServers]:
    """The servers; every module founds the ensemble it wants."""
    servers = ZooKeeperServers(
        jars=zookeeper_jars, directory=tmp_path_factory.mktemp("zookeeper", numbered=False)
    )
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def control_plane(
    control_plane_tools: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """A Kubernetes without nodes' machines: API server, controllers, scheduler, pods by KWOK."""
    plane = ControlPlane(
        tools=control_plane_tools,
        directory=tmp_path_factory.mktemp("control-plane", numbered=False),
    )
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
async def kube(control_plane: ControlPlane) -> AsyncIterator[KubeClient]:
    """A client with all rights."""
    client = await connect(Settings(kubeconfig=str(control_plane.kubeconfig)))
    yield client
    await client.close()


@pytest.fixture(scope="session")
def farm(control_plane: ControlPlane) -> Iterator[Farm]:
    """Members for the ensembles of the control plane, which gets nodes, a storage class and our kind."""

    async def prepare_plane() -> None:
        async with await connect(Settings(kubeconfig=str(control_plane.kubeconfig))) as kube:
            await prepare(kube)

    asyncio.run(prepare_plane())
    running = Farm(control_plane)
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def stage(control_plane: ControlPlane, farm: Farm) -> AsyncIterator[Stage]:
    """Namespaces, operators and proxies of one test."""
    async with open_stage(control_plane, farm) as opened:
        yield opened

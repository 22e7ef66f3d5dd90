"""The programs of examples/tls against real servers that require TLS and a certificate of each client."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from kazoo.client import KazooClient
from tests.integration.test_certificates import MEMBERS, SECURE_PORT, Secured, a_leaf, an_authority
from tests.integration.zookeeper_servers import ZooKeeperServers

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "tls"
SECONDS: Final = 120
SERVERS: Final = ",".join(f"127.0.0.{10 + member}:{SECURE_PORT}" for member in MEMBERS)


@pytest.fixture(scope="module")
def secured(
    zookeeper: ZooKeeperServers, zookeeper_jars: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    zookeeper.stop()  # they have the same addresses
    folder = tmp_path_factory.mktemp("tls-clients")
    certificates = folder / "certificates"
    certificates.mkdir()
    found = Secured(ZooKeeperServers(jars=zookeeper_jars, directory=folder), certificates)
    found.mount(found.stores)
    found.found()
    yield found
    found.servers.stop()


@pytest.fixture
def environment(secured: Secured, tmp_path: Path) -> Mapping[str, str]:
    """What the programs are given: a CA, and a certificate of a client in the forms that each wants."""
    pair = a_leaf(secured.authority)
    key, _, chain = pair.pem.partition(b"-----BEGIN CERTIFICATE-----")
    files = {
        "CA": secured.authority.certificate.pem,
        "CERT": b"-----BEGIN CERTIFICATE-----" + chain,
        "KEY": key,
        "KEY_STORE": pair.pem,
    }
    found = {"ZOOKEEPER": SERVERS}
    for name, content in files.items():
        path = tmp_path / name.lower()
        path.write_bytes(content)
        found[name] = str(path)
    return found


def run(command: list[str], environment: Mapping[str, str], *, seconds: float = SECONDS) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds,
    )
    return done.stdout


def test_python(environment: Mapping[str, str]) -> None:
    assert "created /from-python" in run([sys.executable, str(EXAMPLES / "client.py")], environment)


def test_java(environment: Mapping[str, str], zookeeper_jars: Path) -> None:
    command = ["java", "-Xmx128m", "-cp", f"{zookeeper_jars}/*", str(EXAMPLES / "Client.java")]
    assert "created /from-java" in run(command, environment)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_client_without_tls_comes_through_the_tunnel(
    environment: Mapping[str, str], tmp_path: Path, *, trusted: bool
) -> None:
    """If the servers are those that it trusts: otherwise not a byte is sent to them."""
    node = shutil.which("node")
    assert node, "install Node.js"
    if not trusted:
        other = tmp_path / "other"
        other.write_bytes(an_authority().certificate.pem)
        environment = {**environment, "CA": str(other)}
    with subprocess.Popen(
        [node, str(EXAMPLES / "tunnel.js")],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as tunnel:
        try:
            assert tunnel.stdout is not None
            hosts = tunnel.stdout.readline().strip()
            assert len(hosts.split(",")) == len(MEMBERS)
            client = KazooClient(hosts, timeout=5)
            connected = client.start_async()
            assert connected.wait(20 if trusted else 4) is trusted
            if trusted:
                assert client.create("/by-tunnel", b"x", ephemeral=True) == "/by-tunnel"
            client.stop()
            client.close()
        finally:
            tunnel.terminate()

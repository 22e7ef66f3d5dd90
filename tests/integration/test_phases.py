"""The configuration of every phase of TLS, as the operator renders it, on real servers of both lines.

Neighbouring phases form a quorum in any mix, also from a full stop; members two phases apart do not find
each other (3.9). Between neighbours one member at a time is restarted, as a roll does it.
"""

import asyncio
import copy
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from tests.integration.waiting import until
from tests.integration.zookeeper_servers import ZooKeeperServers
from tests.unit.ensemble.build.targets import ensemble, target

from zookeeper_operator.api.versions import KNOWN_VERSIONS
from zookeeper_operator.certificates.authority import Holder, Terms, create_authority, issue
from zookeeper_operator.certificates.certificate import trust_of
from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.certificates.key_store import Stores, build_stores
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.security import CERTIFICATES_DIRECTORY, security_keys
from zookeeper_operator.ensemble.security.phase import Phase
from zookeeper_operator.ensemble.target import build_target
from zookeeper_operator.kube.duration import parse_duration
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.protocol import (
    Access,
    EnsembleUnreachableError,
    Presented,
    SecureAccess,
)
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients
from zookeeper_operator.zookeeper.served import Handshake

MEMBERS: Final = (1, 2, 3)
SECONDS: Final = 180.0
TERMS: Final = Terms(*map(parse_duration, ("87600h", "2160h", "720h")))
HOLDER: Final = Holder("demo", "zk", ("localhost", "127.0.0.11", "127.0.0.12", "127.0.0.13"))


def keys_of(release: str, phase: Phase) -> Mapping[str, str]:
    """What the builder puts into the zoo.cfg of a release in a phase."""
    built = build_target(ensemble(tls={}, version=release), target().membership)
    return security_keys(replace(built, phase=phase))


ALL_KEYS: Final = frozenset(
    key
    for release in KNOWN_VERSIONS
    for quorum in range(4)
    for key in keys_of(release, Phase(quorum, 1))
)


class Walk:
    """Three servers, each with the configuration of a phase."""

    def __init__(self, servers: ZooKeeperServers, folder: Path, release: str) -> None:
        self._release = release
        self.servers = servers
        self._folder = folder
        now = datetime.now(UTC)
        self.authority = create_authority(HOLDER, key=fresh_private_key(), now=now, terms=TERMS)
        key_pair = issue(self.authority, HOLDER, key=fresh_private_key(), now=now, terms=TERMS)
        self.stores = Stores(key_pair, trust_of([self.authority.certificate]))
        for name, content in build_stores(self.stores, live={}, fresh_password="a-pass").items():
            (folder / name).write_bytes(content)

    def as_release(self, servers: ZooKeeperServers, release: str) -> "Walk":
        """The same ensemble as servers of another release, with the same certificates."""
        found = copy.copy(self)
        found.servers, found._release = servers, release
        return found

    def keys(self, phase: Phase) -> Mapping[str, str]:
        """What the builder puts into zoo.cfg, with the folder that the servers read here."""
        return self.localized(keys_of(self._release, phase))

    def localized(self, rendered: Mapping[str, str]) -> Mapping[str, str]:
        """What the builder renders, with the folder of the certificates that the servers read here."""
        return {
            key: value.replace(CERTIFICATES_DIRECTORY, str(self._folder))
            for key, value in rendered.items()
        }

    def found(self, *phases: Phase) -> None:
        """A new ensemble, whose members start in these phases."""
        self.servers.stop()
        lines = [self.servers[n].line() for n in MEMBERS]
        for n, phase in zip(MEMBERS, phases, strict=True):
            self.servers[n].prepare(lines, founder=True, extra=dict(self.keys(phase)))
            self.servers[n].start()

    def _leader(self) -> int:
        """Who leads; on a busy machine an answer may come too late."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for n in MEMBERS:
                if self.servers[n].ask("leader").get("is_leader") is True:
                    return n
        raise TimeoutError("no member says that it leads")

    def roll(self, phase: Phase) -> None:
        """Restart one member after the other, the leader last; all serve after each."""
        leader = self._leader()
        for n in sorted(MEMBERS, key=lambda n: (n == leader, n)):
            self.servers[n].kill()
            self.servers[n].amend(self.keys(phase), without=ALL_KEYS)
            self.servers[n].start()
            self.servers.wait_until_serving(MEMBERS, seconds=SECONDS)


@pytest.fixture(scope="module", params=["3.9.5", "3.8.6"])
def walk(
    request: pytest.FixtureRequest,
    zookeeper: ZooKeeperServers,
    zookeeper_jars: Path,
    older_zookeeper_jars: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Walk]:
    zookeeper.stop()  # they have the same addresses
    jars = {"3.9.5": zookeeper_jars, "3.8.6": older_zookeeper_jars}[request.param]
    folder = tmp_path_factory.mktemp(f"phases-{request.param}")
    certificates = folder / "certificates"
    certificates.mkdir()
    found = Walk(ZooKeeperServers(jars=jars, directory=folder), certificates, request.param)
    yield found
    found.servers.stop()


async def test_an_ensemble_walks_there_and_back_one_member_at_a_time(walk: Walk) -> None:
    walk.found(*[Phase(0, 0)] * 3)
    walk.servers.wait_until_serving(MEMBERS, seconds=SECONDS)
    for quorum in (1, 2, 3):
        walk.roll(Phase(quorum, 1))
        await assert_certificates(walk)
    await assert_a_client_with_tls_is_served(walk)
    for quorum in (2, 1, 0):
        walk.roll(Phase(quorum, 0))


@pytest.mark.parametrize(
    "walk", ["3.9.5", pytest.param("3.8.6", marks=pytest.mark.long)], indirect=True
)
@pytest.mark.parametrize("mix", [(1, 0, 0), (2, 1, 1), (1, 2, 2), (3, 2, 2), (2, 3, 3)])
def test_neighbouring_phases_form_a_quorum_from_a_full_stop(
    walk: Walk, mix: tuple[int, ...]
) -> None:
    walk.found(*(Phase(quorum, 0) for quorum in mix))
    walk.servers.wait_until_serving(MEMBERS, seconds=SECONDS)


@pytest.mark.parametrize("walk", ["3.9.5"], indirect=True)
@pytest.mark.parametrize("mix", [(2, 0, 0), pytest.param((1, 3, 3), marks=pytest.mark.long)])
async def test_a_member_two_phases_apart_does_not_join(walk: Walk, mix: tuple[int, ...]) -> None:
    walk.found(*(Phase(quorum, 0) for quorum in mix))
    walk.servers.wait_until_serving((2, 3), seconds=SECONDS)
    await until(lambda: answers(walk, 1), seconds=SECONDS)
    with pytest.raises(TimeoutError):
        walk.servers.wait_until_serving((1,), seconds=15)


async def answers(walk: Walk, member: int) -> bool:
    """Whether its server is up, with or without a leader."""
    error = walk.servers[member].ask("ruok")["error"]
    return error is None or "not currently serving requests" in error


async def assert_certificates(walk: Walk) -> None:
    """By the handshakes that the operator makes itself. On a busy machine one may take too long."""
    client = ZooKeeperClient(DirectAdmin(), DirectClients())
    ports = dict.fromkeys(MEMBERS, (names.ELECTION_PORT, names.SECURE_CLIENT_PORT))
    addresses = walk.servers.addresses(MEMBERS)
    leaf, authority = walk.stores.key_pair.chain.leaf, walk.authority.certificate
    presented = Presented(walk.stores.key_pair, authority)

    async def are_shown() -> bool:
        shown = await client.shake_hands(addresses, ports)
        return all(one == Handshake(leaf) for of in shown.values() for one in of.values())

    async def are_accepted() -> bool:
        shown = await client.shake_hands(addresses, ports, presented)
        accepted = Handshake(leaf, accepts=True, presented=authority)
        return all(one == accepted for of in shown.values() for one in of.values())

    try:
        await until(are_shown, seconds=SECONDS)
        await until(are_accepted, seconds=SECONDS)
    finally:
        await client.close()


async def assert_a_client_with_tls_is_served(walk: Walk) -> None:
    """One without a certificate, since `clientCertificates` is `None`."""
    pem = walk.authority.certificate.pem.decode("ascii")
    context = ssl.create_default_context(cadata=pem)
    reader, writer = await asyncio.open_connection(
        walk.servers[1].ip, names.SECURE_CLIENT_PORT, ssl=context, server_hostname="localhost"
    )
    writer.write(b"srvr")
    answer = await reader.read(100)
    assert answer, "the words are not allowed here, and are answered all the same"
    writer.transport.abort()


async def test_the_plain_port_moves_by_reconfigurations_that_come_by_tls(walk: Walk) -> None:
    """Here to another port of the member's own address, since all members share the loopback one."""
    walk.found(*[Phase(0, 1)] * 3)
    walk.servers.wait_until_serving(MEMBERS, seconds=SECONDS)
    client = ZooKeeperClient(DirectAdmin(), DirectClients())
    secure = SecureAccess(walk.stores.trust, walk.stores.key_pair)
    access = replace(walk.servers.access(MEMBERS), secure=secure)
    try:
        for port in (2182, names.CLIENT_PORT):
            for n in MEMBERS:
                await until(partial(moves, walk, client, access, n, port), seconds=SECONDS)
            assert {await listens(walk, n, port) for n in MEMBERS} == {True}
            other = 2182 if port == names.CLIENT_PORT else names.CLIENT_PORT
            assert {await listens(walk, n, other) for n in MEMBERS} == {False}
        stranger = create_authority(
            HOLDER, key=fresh_private_key(), now=datetime.now(UTC), terms=TERMS
        )
        untrusting = SecureAccess(trust_of([stranger.certificate]), walk.stores.key_pair)
        with pytest.raises(EnsembleUnreachableError):
            await client.read_config(replace(access, secure=untrusting))
    finally:
        await client.close()


async def moves(
    walk: Walk, client: ZooKeeperClient, access: Access, member: int, port: int
) -> bool:
    """Whether the plain port of a member is moved; on a busy machine a session may take too long."""
    line = replace(walk.servers[member].line(), client=f"{walk.servers[member].ip}:{port}")
    try:
        config = await client.read_config(access)
        if config.server(member) != line:
            config = await client.reconfigure(access, joining=[line], leaving=[], based_on=config)
    except EnsembleUnreachableError:
        return False
    return config.server(member) == line


async def listens(walk: Walk, member: int, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(walk.servers[member].ip, port)
    except ConnectionRefusedError:
        return False
    writer.transport.abort()
    return True

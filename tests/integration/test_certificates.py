"""What the operator makes of certificates, as real servers of both lines take it.

The servers speak TLS alone, among each other and with clients, and ask both for a certificate.
"""

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat
from tests.integration.waiting import until
from tests.integration.zookeeper_servers import ZooKeeperServers
from tests.unit.certificates.issuing import BOTH, Issued, a_ca, issued

from zookeeper_operator.certificates.authority import (
    Authority,
    Holder,
    Terms,
    create_authority,
    issue,
)
from zookeeper_operator.certificates.certificate import Certificate, trust_of
from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.certificates.key_store import (
    KEY_STORE,
    PASSWORD,
    TRUST_STORE,
    Stores,
    build_stores,
)
from zookeeper_operator.certificates.private_key import KeyPair
from zookeeper_operator.certificates.source import Source, read_source
from zookeeper_operator.ensemble import names
from zookeeper_operator.zookeeper.handshake import (
    QUESTION,
    Accepted,
    NotServed,
    Rejected,
    Served,
    Verdict,
    present,
    read_served,
)

MEMBERS: Final = (1, 2, 3)
SECURE_PORT: Final = 2281
PORTS: Final = (SECURE_PORT, names.ELECTION_PORT)
TERMS: Final = Terms(timedelta(days=3650), timedelta(days=90), timedelta(days=30))
HOLDER: Final = Holder(
    "demo",
    "zk",
    ("zk-client.demo.svc", "127.0.0.1", *(f"127.0.0.{10 + member}" for member in MEMBERS)),
)
SECONDS: Final = 20.0
FOUNDING_SECONDS: Final = 120.0
STAYS_OUT_SECONDS: Final = 10.0
FIRST_AND_LATER: Final = ("3.9", pytest.param("3.8", marks=pytest.mark.long))


def an_authority() -> Authority:
    return create_authority(HOLDER, key=fresh_private_key(), now=datetime.now(UTC), terms=TERMS)


def a_leaf(authority: Authority, terms: Terms = TERMS, *, age: timedelta = timedelta(0)) -> KeyPair:
    now = datetime.now(UTC) - age
    return issue(authority, HOLDER, key=fresh_private_key(), now=now, terms=terms)


class Secured:
    """Three servers, and the folder from which all of them read."""

    def __init__(self, servers: ZooKeeperServers, folder: Path) -> None:
        self.servers = servers
        self.authority = an_authority()
        self.stores = Stores(a_leaf(self.authority), trust_of([self.authority.certificate]))
        self._folder = folder
        self._data: dict[str, bytes] = {}

    @property
    def leaf(self) -> Certificate:
        return self.stores.key_pair.chain.leaf

    def mount(self, stores: Stores) -> None:
        """Put what has changed there by one rename each.

        ZooKeeper watches the key store and the trust store apart from each other. When both change at once,
        whoever reads last decides, and may have read the other file before.
        """
        self.stores = stores
        live = self._data
        self._data = build_stores(stores, live=live, fresh_password="a-password")
        for name, content in self._data.items():
            if content != live.get(name):
                scratch = self._folder / f".{name}"
                scratch.write_bytes(content)
                scratch.rename(self._folder / name)

    def config(self, other: Mapping[str, object]) -> dict[str, object]:
        found: dict[str, object] = {
            "serverCnxnFactory": "org.apache.zookeeper.server.NettyServerCnxnFactory",
            "secureClientPort": SECURE_PORT,
            "ssl.clientAuth": "need",
            "client.certReload": "true",
            "portUnification": "false",
            "sslQuorum": "true",
            "sslQuorumReloadCertFiles": "true",
            "fips-mode": "true",
            "4lw.commands.whitelist": "srvr",
        }
        for prefix in ("ssl.", "ssl.quorum."):
            found |= {
                f"{prefix}keyStore.location": self._folder / KEY_STORE,
                f"{prefix}trustStore.location": self._folder / TRUST_STORE,
                f"{prefix}trustStore.passwordPath": self._folder / PASSWORD,
            }
        return found | dict(other)

    def found(
        self, other: Mapping[str, object] | None = None, *, seconds: float = FOUNDING_SECONDS
    ) -> None:
        self.servers.found(MEMBERS, self.config(other or {}), seconds=seconds)

    async def served(self, member: int, port: int) -> Certificate:
        found = await read_served(self.servers[member].ip, port, timeout_seconds=SECONDS)
        assert isinstance(found, Served), found
        return found.chain.leaf

    async def verdict(self, member: int, port: int, key_pair: KeyPair) -> Verdict:
        question = QUESTION if port == SECURE_PORT else b""
        return await present(
            self.servers[member].ip, port, key_pair, question=question, timeout_seconds=SECONDS
        )

    async def wait_until_served(self, leaf: Certificate) -> None:
        """Wait until every member serves it on both ports."""

        async def everywhere() -> bool:
            served = [await self.served(m, port) for m in MEMBERS for port in PORTS]
            return set(served) == {leaf}

        await until(everywhere, seconds=60)

    async def rotate(
        self, stores: Stores, *, after_each: Callable[[], object] = lambda: None
    ) -> None:
        """Go over to another CA: trust both, serve the new certificate, retire the old CA."""
        before = self.stores
        both = before.trust.and_also(stores.trust)
        self.mount(Stores(before.key_pair, both))
        await self.wait_until(Accepted, stores.key_pair)
        after_each()
        self.mount(Stores(stores.key_pair, both))
        await self.wait_until_served(stores.key_pair.chain.leaf)
        await self.wait_until(Accepted, before.key_pair)
        after_each()
        self.mount(stores)
        await self.wait_until(Rejected, before.key_pair)
        await self.wait_until(Accepted, stores.key_pair)
        after_each()

    def a_follower(self) -> int:
        leader, _ = state_of(self.servers)
        return next(n for n in MEMBERS if n != leader)

    def restart_a_follower(self) -> None:
        """Make the members shake hands anew, and wait until all serve."""
        follower = self.a_follower()
        self.servers[follower].kill()
        self.servers[follower].start()
        self.servers.wait_until_serving(MEMBERS, seconds=FOUNDING_SECONDS)

    async def assert_stays_out(self, member: int) -> None:
        """It is up, and does not join the others, which serve."""

        async def is_up() -> bool:
            return "not currently serving" in str(self.servers[member].ask("ruok")["error"])

        await until(is_up, seconds=FOUNDING_SECONDS)
        with pytest.raises(TimeoutError):
            self.servers.wait_until_serving([member], seconds=STAYS_OUT_SECONDS)
        self.servers.wait_until_serving([n for n in MEMBERS if n != member])

    async def wait_until(self, verdict: type[Accepted | Rejected], key_pair: KeyPair) -> None:
        """Wait until every member answers so on both ports."""

        async def everywhere() -> bool:
            found = [await self.verdict(m, port, key_pair) for m in MEMBERS for port in PORTS]
            return all(isinstance(one, verdict) for one in found)

        await until(everywhere, seconds=60)


@pytest.fixture(scope="module", params=["3.9", "3.8"])
def secured(
    request: pytest.FixtureRequest,
    zookeeper: ZooKeeperServers,
    zookeeper_jars: Path,
    older_zookeeper_jars: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Secured]:
    zookeeper.stop()  # they have the same addresses
    jars = {"3.9": zookeeper_jars, "3.8": older_zookeeper_jars}[request.param]
    folder = tmp_path_factory.mktemp(f"secured-{request.param}")
    certificates = folder / "certificates"
    certificates.mkdir()
    found = Secured(ZooKeeperServers(jars=jars, directory=folder), certificates)
    found.mount(found.stores)
    found.found()
    yield found
    found.servers.stop()


async def test_a_client_that_trusts_the_ca_is_served(secured: Secured, tmp_path: Path) -> None:
    context = ssl.create_default_context(cadata=secured.authority.certificate.pem.decode("ascii"))
    file = tmp_path / "client.pem"
    file.write_bytes(a_leaf(secured.authority).pem)
    context.load_cert_chain(file)
    reader, writer = await asyncio.open_connection(
        secured.servers[1].ip, SECURE_PORT, ssl=context, server_hostname="zk-client.demo.svc"
    )
    writer.write(b"srvr")
    assert (await reader.read(100)).startswith(b"Zookeeper version: ")
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_every_port_serves_the_certificate(secured: Secured) -> None:
    for member in MEMBERS:
        for port in PORTS:
            assert await secured.served(member, port) == secured.leaf
    ip = secured.servers[1].ip
    plain = await read_served(ip, names.ADMIN_PORT, timeout_seconds=SECONDS)
    assert isinstance(plain, NotServed)
    assert plain.cause == "plain"
    closed = await read_served(ip, names.CLIENT_PORT, timeout_seconds=SECONDS)
    assert isinstance(closed, NotServed)
    assert closed.cause == "closed", "a plain port takes the first bytes for a length"


@pytest.mark.parametrize("port", PORTS)
async def test_only_a_valid_certificate_of_the_ca_is_accepted(secured: Secured, port: int) -> None:
    own = await secured.verdict(1, port, a_leaf(secured.authority))
    assert isinstance(own, Accepted), own
    foreign = await secured.verdict(1, port, a_leaf(an_authority()))
    assert isinstance(foreign, Rejected), foreign
    short = dataclasses.replace(TERMS, certificate_validity=timedelta(hours=1))
    expired = a_leaf(secured.authority, short, age=timedelta(hours=2))
    late = await secured.verdict(1, port, expired)
    assert isinstance(late, Rejected), late


async def test_a_new_ca_of_the_same_subject_is_taken_over_while_all_serve(
    secured: Secured,
) -> None:
    old, new = source_of(a_ca("CA")), source_of(a_ca("CA"))
    await secured.rotate(Stores(old.key_pair, old.trust))
    before = state_of(secured.servers)

    await secured.rotate(Stores(new.key_pair, new.trust))

    assert state_of(secured.servers) == before, "nobody was elected in between"
    secured.restart_a_follower()


@pytest.mark.long
async def test_a_follower_that_restarts_at_every_stage_of_a_new_ca_joins_again(
    secured: Secured,
) -> None:
    old, new = source_of(a_ca("CA")), source_of(a_ca("CA"))
    await secured.rotate(Stores(old.key_pair, old.trust))
    before = state_of(secured.servers)
    await secured.rotate(Stores(new.key_pair, new.trust), after_each=secured.restart_a_follower)
    assert state_of(secured.servers) == before, "the leader leads, in the same epoch"


@pytest.mark.parametrize("secured", FIRST_AND_LATER, indirect=True)
async def test_a_certificate_that_ends_cuts_off_only_who_restarts_and_a_new_one_needs_no_restart(
    secured: Secured,
) -> None:
    """Connections are not checked again. So the operator restarts no member until it has been replaced."""
    before = state_of(secured.servers)
    authority = an_authority()
    trust = trust_of([authority.certificate])
    await secured.rotate(Stores(a_leaf(authority), trust))
    short = dataclasses.replace(TERMS, certificate_validity=timedelta(hours=1))
    secured.mount(Stores(a_leaf(authority, short, age=timedelta(hours=2)), trust))
    await secured.wait_until_served(secured.leaf)
    await asyncio.sleep(3)
    secured.servers.wait_until_serving(MEMBERS)
    assert state_of(secured.servers) == before, "nothing happens to members that run"
    follower = secured.a_follower()
    secured.servers[follower].kill()
    secured.servers[follower].start()
    await secured.assert_stays_out(follower)

    secured.mount(Stores(a_leaf(authority), trust))

    secured.servers.wait_until_serving(MEMBERS, seconds=60)
    await secured.wait_until_served(secured.leaf)
    assert state_of(secured.servers) == before


@pytest.mark.parametrize("secured", FIRST_AND_LATER, indirect=True)
async def test_a_member_with_a_certificate_that_the_others_refuse_joins_when_its_files_are_right(
    secured: Secured, tmp_path: Path
) -> None:
    """Its election port shows which certificate it has, by which the operator tells why it stays out."""
    before, member = state_of(secured.servers), secured.a_follower()
    server, own = secured.servers[member], tmp_path / KEY_STORE
    foreign = a_leaf(an_authority())
    own.write_bytes(foreign.pem)
    server.kill()
    server.amend(secured.config({"ssl.quorum.keyStore.location": own}))
    server.start()
    try:
        await secured.assert_stays_out(member)
        assert await secured.served(member, names.ELECTION_PORT) == foreign.chain.leaf
        right = tmp_path / "right"
        right.write_bytes(secured.stores.key_pair.pem)
        right.rename(own)
        secured.servers.wait_until_serving(MEMBERS, seconds=60)
        assert state_of(secured.servers) == before, "nobody was elected"
    finally:
        server.kill()
        server.amend(secured.config({}))
        server.start()
        secured.servers.wait_until_serving(MEMBERS, seconds=FOUNDING_SECONDS)


async def test_a_source_of_an_rsa_key_and_an_intermediate_is_served_as_a_chain(
    secured: Secured,
) -> None:
    root = a_ca("root", key=rsa.generate_private_key(65537, 2048))
    middle = a_ca("middle", root)
    leaf = issued_now(middle, key=rsa.generate_private_key(65537, 2048))
    key = leaf.key_pem(PrivateFormat.TraditionalOpenSSL)
    data = {"tls.crt": leaf.pem + root.pem + middle.pem, "tls.key": key, "ca.crt": root.pem}
    source = read_source(data).source
    assert source is not None
    await secured.rotate(Stores(source.key_pair, source.trust))
    for port in PORTS:
        served = await read_served(secured.servers[1].ip, port, timeout_seconds=SECONDS)
        assert isinstance(served, Served)
        assert served.chain.certificates == (leaf.value, middle.value)
    secured.restart_a_follower()


async def test_names_of_peers_are_found_in_the_certificate(secured: Secured) -> None:
    """With the check of names on, which 3.8 makes on both sides, and 3.9.4 lets us make on one."""
    await secured.rotate(
        Stores(a_leaf(secured.authority), trust_of([secured.authority.certificate]))
    )
    secured.found({"fips-mode": "false", "ssl.quorum.clientHostnameVerification": "false"})
    assert await secured.served(1, names.ELECTION_PORT) == secured.leaf


def issued_now(ca: Issued, **other: object) -> Issued:
    start = datetime.now(UTC) - timedelta(hours=1)
    return issued("zk", ca, purposes=BOTH, start=start, end=start + timedelta(days=90), **other)  # type: ignore[arg-type]


def source_of(ca: Issued) -> Source:
    leaf = issued_now(ca)
    data = {"tls.crt": leaf.pem, "tls.key": leaf.key_pem(), "ca.crt": ca.pem}
    source = read_source(data).source
    assert source is not None
    return source


def state_of(servers: ZooKeeperServers) -> tuple[int, int]:
    """Who leads, and in which epoch: the upper half of its zxid."""
    leader = servers.leader(MEMBERS)
    zxid = str(servers[leader].ask("server_stats")["server_stats"]["last_processed_zxid"])
    return leader, int(zxid, 0) >> 32

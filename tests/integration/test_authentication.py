"""Every phase of authentication, as the operator renders it, on real servers of both lines.

In each phase, and in each mix of neighbours that a roll goes through, the operator's own session reads and
reconfigures; from the last one on no client is served that has not authenticated.
"""

import asyncio
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException, NoAuthError, SessionClosedRequireSaslError
from kazoo.security import make_acl
from tests.integration.test_phases import Walk
from tests.integration.waiting import until
from tests.integration.zookeeper_servers import PASSWORD, ZooKeeperServers
from tests.unit.ensemble.build.targets import target

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.security import security_keys
from zookeeper_operator.ensemble.security.phase import Phase
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.jaas import Login, render_jaas
from zookeeper_operator.zookeeper.protocol import (
    Access,
    EnsembleUnreachableError,
    LoginRefusedError,
    ReconfigureRefusedError,
    SecureAccess,
)
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients
from zookeeper_operator.zookeeper.session import Deadline, Session, open_session

MEMBERS: Final = (1, 2, 3)
SECONDS: Final = 180.0
OWN: Final = Login(names.LOGIN_USER, "random of the operator")
APP: Final = Login("app-2", 'a "quoted\\" pass; word //')
USERS: Final = {OWN.user: OWN.password, APP.user: APP.password}
REQUIRED: Final[dict[str, Any]] = {
    "auth": {
        "users": [{"name": "app-2", "passwordSecret": {"name": "app", "key": "password"}}],
        "required": "Sasl",
    }
}
BY_CERTIFICATE: Final[dict[str, Any]] = {
    "tls": {"quorum": "Disabled", "clientCertificates": "Want"},
    "auth": {"required": "X509"},
}
FIRST_AND_LATER: Final = (
    "3.9.5",
    pytest.param("3.9.4", marks=pytest.mark.long),
    pytest.param("3.8.6", marks=pytest.mark.long),
)
ALL_KEYS: Final = frozenset(security_keys(replace(target(**BY_CERTIFICATE), phase=Phase(3, 1, 2))))


class Rolls:
    """Three servers, each in a phase of authentication."""

    def __init__(self, walk: Walk) -> None:
        self.walk, self.servers = walk, walk.servers
        self.phases: dict[int, int] = {}

    def _keys(self, spec: Mapping[str, Any], phase: Phase) -> Mapping[str, str]:
        return self.walk.localized(security_keys(replace(target(**spec), phase=phase)))

    def found(self, spec: Mapping[str, Any], phase: Phase) -> None:
        """A new ensemble whose members start in this phase."""
        self.servers.stop()
        lines = [self.servers[n].line() for n in MEMBERS]
        for n in MEMBERS:
            keys = dict(self._keys(spec, phase))
            self.servers[n].prepare(lines, founder=True, extra=keys)
            self._mount(n, phase.auth, USERS)
            self.servers[n].start()
        self.servers.wait_until_serving(MEMBERS, seconds=SECONDS)

    def restart(self, n: int, auth: int, users: Mapping[str, str] = USERS) -> None:
        """Restart one member in another phase, or with other users."""
        self.servers[n].kill()
        self.servers[n].amend(self._keys(REQUIRED, Phase(auth=auth)), without=ALL_KEYS)
        self._mount(n, auth, users)
        self.servers[n].start()
        self.servers.wait_until_serving(MEMBERS, seconds=SECONDS)

    def _mount(self, n: int, auth: int, users: Mapping[str, str]) -> None:
        self.phases[n] = auth
        self.servers[n].mount_users(render_jaas(users, OWN) if auth else "")

    def access(self, login: Login = OWN) -> Access:
        """How the operator comes in: it logs in where every member knows its user."""
        access = self.servers.access(MEMBERS)
        return replace(access, login=login) if min(self.phases.values()) else access


@pytest.fixture(scope="module")
def jars(
    zookeeper_jars: Path, older_zookeeper_jars: Path, middle_zookeeper_jars: Path
) -> Mapping[str, Path]:
    return {
        "3.9.5": zookeeper_jars,
        "3.9.4": middle_zookeeper_jars,
        "3.8.6": older_zookeeper_jars,
    }


@pytest.fixture(
    scope="module", params=["3.9.5", pytest.param("3.9.4", marks=pytest.mark.long), "3.8.6"]
)
def rolls(
    request: pytest.FixtureRequest,
    zookeeper: ZooKeeperServers,
    jars: Mapping[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Rolls]:
    zookeeper.stop()  # they have the same addresses
    folder = tmp_path_factory.mktemp(f"authentication-{request.param}")
    certificates = folder / "certificates"
    certificates.mkdir()
    found = Rolls(
        Walk(
            ZooKeeperServers(jars=jars[request.param], directory=folder),
            certificates,
            request.param,
        )
    )
    yield found
    found.servers.stop()


async def test_the_operator_reconfigures_in_every_phase_and_every_mix_of_neighbours(
    rolls: Rolls,
) -> None:
    rolls.found(REQUIRED, Phase())
    client = ZooKeeperClient(DirectAdmin(), DirectClients())
    try:
        await assert_reconfigures(rolls, client)
        for auth in (1, 2, 1, 0):
            for n in MEMBERS:
                rolls.restart(n, auth)
                await assert_reconfigures(rolls, client)
    finally:
        await client.close()


async def assert_reconfigures(rolls: Rolls, client: ZooKeeperClient) -> None:
    """By a change of a weightless sort: a voter becomes an observer, and a voter again."""
    for role in ("observer", "participant"):

        async def is_done(role: Any = role) -> bool:
            line = replace(rolls.servers[3].line(), role=role)
            try:
                config = await client.read_config(rolls.access())
                if config.server(3) != line:
                    config = await client.reconfigure(
                        rolls.access(), joining=[line], leaving=[], based_on=config
                    )
            except ReconfigureRefusedError as refusal:
                if not refusal.transient:
                    raise
                return False
            except LoginRefusedError:
                raise
            except EnsembleUnreachableError:
                return False  # the machine is busy
            return config.server(3) == line

        await until(is_done, seconds=SECONDS)


async def test_where_it_is_required_no_client_comes_in_without_its_password(rolls: Rolls) -> None:
    rolls.found(REQUIRED, Phase(auth=2))
    wrong = replace(APP, password="wrong")
    with session(rolls, APP) as app:
        app.create("/mine", b"x", acl=[make_acl("sasl", APP.user, all=True)])
    with session(rolls) as anonymous, pytest.raises(SessionClosedRequireSaslError):
        anonymous.get_async("/").get(timeout=10)
    with session(rolls) as made_up, pytest.raises(KazooException):  # noqa: PT012 -- either may
        made_up.add_auth_async("digest", "somebody:else").get(timeout=10)
        made_up.get_async("/").get(timeout=10)
    with session(rolls, password=PASSWORD) as super_user, pytest.raises(KazooException):
        super_user.get_async("/").get(timeout=10)
    with session(rolls, OWN) as other, pytest.raises(NoAuthError):
        other.get_async("/mine").get(timeout=10)
    for refused in (wrong, Login("nobody", "a guess")):
        started = time.monotonic()
        with pytest.raises(LoginRefusedError, match=refused.user), session(rolls, refused):
            pass
        assert time.monotonic() - started < 10


async def test_a_wrong_password_of_the_operator_is_told_as_such(rolls: Rolls) -> None:
    client = ZooKeeperClient(DirectAdmin(), DirectClients())
    wrong = replace(OWN, password="wrong")
    try:
        for auth in (1, 2):
            rolls.found(REQUIRED, Phase(auth=auth))
            with pytest.raises(LoginRefusedError, match=names.LOGIN_USER):
                await client.read_config(rolls.access(wrong))
    finally:
        await client.close()


async def test_a_changed_password_counts_from_the_restart_of_each_member(rolls: Rolls) -> None:
    """A session stays as long as its connection; a member that has started again refuses the old one."""
    rolls.found(REQUIRED, Phase(auth=2))
    changed = replace(APP, password="another")
    users = {**USERS, APP.user: changed.password}
    lost: list[str] = []
    with session(rolls, APP, member=1) as before:
        before.add_listener(lost.append)
        rolls.servers[1].mount_users(render_jaas(users, OWN))
        assert before.get_async("/").get(timeout=10)
        with pytest.raises(LoginRefusedError), session(rolls, changed, member=1):
            pass
        rolls.restart(1, 2, users)

        async def is_lost() -> bool:
            return KazooState.LOST in lost

        await until(is_lost, seconds=60)
    for n in (2, 3):
        rolls.restart(n, 2, users)
    for n in MEMBERS:
        with session(rolls, changed, member=n) as now:
            assert now.get_async("/").get(timeout=10)
        with pytest.raises(LoginRefusedError), session(rolls, APP, member=n):
            pass


async def test_where_certificates_are_required_one_lets_in_and_the_plain_port_does_not(
    rolls: Rolls, tmp_path: Path
) -> None:
    rolls.found(BY_CERTIFICATE, Phase(0, 1, 2))
    trusted = SecureAccess(rolls.walk.stores.trust, rolls.walk.stores.key_pair)
    with session(rolls, secure=trusted) as known:
        assert known.get_async("/").get(timeout=10)
    with session(rolls) as plain, pytest.raises(SessionClosedRequireSaslError):
        plain.get_async("/").get(timeout=10)
    with (
        without_certificate(rolls, tmp_path) as nobody,
        pytest.raises(SessionClosedRequireSaslError),
    ):
        nobody.get_async("/").get(timeout=10)
    with without_certificate(rolls, tmp_path) as made_up, pytest.raises(KazooException):  # noqa: PT012 -- either may
        made_up.add_auth_async("digest", "somebody:else").get(timeout=10)
        made_up.get_async("/").get(timeout=10)
    with session(rolls, OWN) as operator:
        assert operator.get_async("/").get(timeout=10)
    client = ZooKeeperClient(DirectAdmin(), DirectClients())
    try:
        await assert_reconfigures(rolls, client)
    finally:
        await client.close()


@pytest.mark.parametrize("rolls", FIRST_AND_LATER, indirect=True)
async def test_who_is_added_or_removed_and_nobody_else_notices(rolls: Rolls) -> None:
    """Each from the restart of each member on. The session of another user outlives the roll."""
    rolls.found(REQUIRED, Phase(auth=2))
    added = Login("late", "password of late")
    hosts = [f"{rolls.servers[n].ip}:{names.CLIENT_PORT}" for n in MEMBERS]
    with open_session(hosts, Deadline(SECONDS), login=APP, session_seconds=30) as other:
        before = other.client_id
        for n in MEMBERS:
            rolls.restart(
                n, 2, {OWN.user: OWN.password, APP.user: APP.password, "late": added.password}
            )
        await asyncio.to_thread(other.retry, other.get, "/")
        assert other.client_id == before, "its session goes on"
        for n in MEMBERS:
            with session(rolls, added, member=n) as late:
                assert late.get_async("/").get(timeout=10)
        for n in MEMBERS:
            rolls.restart(n, 2, USERS)
            with pytest.raises(LoginRefusedError), session(rolls, added, member=n):
                pass
        await asyncio.to_thread(other.retry, other.get, "/")
        assert other.client_id == before


async def test_a_java_client_in_a_pod_logs_in_by_the_same_file(
    rolls: Rolls, jars: Mapping[str, Path], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """As `zkCli.sh` does with the options that the template gives it."""
    rolls.found(REQUIRED, Phase(auth=2))
    file = tmp_path / "jaas.conf"
    file.write_text(render_jaas(USERS, OWN), encoding="ascii")
    release = request.node.callspec.params["rolls"]
    main = ("-cp", f"{jars[release]}/*", "org.apache.zookeeper.ZooKeeperMain")
    options = (f"-Djava.security.auth.login.config={file}", "-Dzookeeper.fips-mode=false")
    server = ("-server", f"{rolls.servers[1].ip}:{names.CLIENT_PORT}")
    for given, served in ((options, True), ((), False)):
        command = ("java", *given, *main, *server, "ls", "/")
        done = await asyncio.to_thread(
            partial(
                subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
            )
        )
        assert ("[zookeeper]" in done.stdout) is served, done.stdout + done.stderr


@contextmanager
def session(
    rolls: Rolls,
    login: Login | None = None,
    *,
    member: int = 1,
    password: str = "",
    secure: SecureAccess | None = None,
) -> Iterator[Session]:
    port = names.CLIENT_PORT if secure is None else names.SECURE_CLIENT_PORT
    host = f"{rolls.servers[member].ip}:{port}"
    with open_session(
        [host], Deadline(30), password=password, secure=secure, login=login, session_seconds=10
    ) as found:
        yield found


@contextmanager
def without_certificate(rolls: Rolls, folder: Path) -> Iterator[KazooClient]:
    """A client that uses TLS and has no certificate."""
    authority = folder / "ca.pem"
    authority.write_bytes(rolls.walk.authority.certificate.pem)
    host = f"{rolls.servers[1].ip}:{names.SECURE_CLIENT_PORT}"
    found = KazooClient(host, timeout=10, use_ssl=True, ca=str(authority))
    try:
        found.start(timeout=30)
        yield found
    finally:
        found.stop()
        found.close()

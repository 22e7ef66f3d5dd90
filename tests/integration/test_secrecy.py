"""A real member, started by the scripts of its pod, shows no secret to those who may not read Secrets.

It has everything that is secret: a super user, users, a private key and the password of a trust store. The
digest of the super user's password is a system property, because ZooKeeper reads it there, and nowhere else.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from kazoo.exceptions import NoAuthError
from kazoo.security import make_acl
from tests.integration.processes import another_network
from tests.integration.test_phases import HOLDER, TERMS
from tests.integration.test_start_script import ORIGINAL, Pod, wait_until

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.certificates.authority import create_authority, issue
from zookeeper_operator.certificates.certificate import trust_of
from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.certificates.key_store import KEY_STORE, PASSWORD, Stores, build_stores
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import SUPER_USER_DIRECTORY, super_digest
from zookeeper_operator.ensemble.build.config import CERTIFICATES_SCRIPT, build_config
from zookeeper_operator.ensemble.build.pod import build_pod_template
from zookeeper_operator.ensemble.build.security import CERTIFICATES_DIRECTORY, USERS_DIRECTORY
from zookeeper_operator.ensemble.security.phase import Phase
from zookeeper_operator.ensemble.target import build_target
from zookeeper_operator.zookeeper.jaas import Login, render_jaas
from zookeeper_operator.zookeeper.protocol import LoginRefusedError
from zookeeper_operator.zookeeper.session import Deadline, open_session

SUPER: Final = "password-of-the-super-user"
OWN: Final = Login(names.LOGIN_USER, "password-of-the-operator")
APP: Final = Login("app", "password-of-an-application")
STORE: Final = "password-of-the-trust-store"
DIGEST: Final = super_digest(SUPER).partition(":")[2]
COMMANDS: Final = ("configuration", "environment", "system_properties", "monitor", "stats")
SPEC: Final[dict[str, Any]] = {
    "replicas": 1,
    "tls": {},
    "auth": {
        "users": [{"name": "app", "passwordSecret": {"name": "app", "key": "password"}}],
        "required": "Sasl",
    },
}


class SecuredPod(Pod):
    """Member 1 of an ensemble that uses TLS and asks every client to log in."""

    def __init__(self, path: Path, jars: Path) -> None:
        ensemble = replace(ORIGINAL, spec=EnsembleSpec.model_validate(SPEC))
        super().__init__(path, ensemble, jars, script=CERTIFICATES_SCRIPT)
        of = replace(build_target(ensemble, self.membership), phase=Phase(3, 1, 2))
        for name, text in build_config(of)["data"].items():
            (path / "config" / name).write_text(self._localized(text))
        template = build_pod_template(of, names.VOTER, config="c", auth_hash="h")
        (container,) = template["spec"]["containers"]
        flags = {e["name"]: e.get("value", "") for e in container["env"]}["SERVER_JVMFLAGS"]
        self.environment["SERVER_JVMFLAGS"] = self._localized(flags)
        now = datetime.now(UTC)
        authority = create_authority(HOLDER, key=fresh_private_key(), now=now, terms=TERMS)
        pair = issue(authority, HOLDER, key=fresh_private_key(), now=now, terms=TERMS)
        stores = Stores(pair, trust_of([authority.certificate]))
        self.mount("tls", build_stores(stores, live={}, fresh_password=STORE))
        users = {OWN.user: OWN.password, APP.user: APP.password}
        self.mount(USERS_DIRECTORY, {"jaas.conf": render_jaas(users, OWN).encode("ascii")})
        self.mount(SUPER_USER_DIRECTORY, {"digest": super_digest(SUPER).encode("ascii")})
        (path / CERTIFICATES_DIRECTORY.strip("/")).mkdir()
        key_store = (path / "tls" / KEY_STORE).read_text(encoding="ascii")
        self.key = key_store.partition("PRIVATE KEY-----\n")[2].partition("\n")[0]
        assert (path / "tls" / PASSWORD).read_text() == STORE

    def _localized(self, text: str) -> str:
        """What names a directory of a pod, as it is here."""
        for folder in (CERTIFICATES_DIRECTORY, USERS_DIRECTORY):
            text = text.replace(f"={folder}/", f"={self.path}{folder}/")
        return text

    def mount(self, folder: str, files: Mapping[str, bytes]) -> None:
        where = self.path / folder.strip("/")
        where.mkdir()
        for name, content in files.items():
            (where / name).write_bytes(content)


@pytest.fixture(autouse=True, scope="module")
def _no_other_servers(zookeeper_jars: Path) -> Iterator[None]:
    with another_network():
        yield


@pytest.fixture(params=["3.9.5", pytest.param("3.8.6", marks=pytest.mark.long)])
def pod(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    zookeeper_jars: Path,
    older_zookeeper_jars: Path,
) -> Iterator[SecuredPod]:
    jars = {"3.9.5": zookeeper_jars, "3.8.6": older_zookeeper_jars}[request.param]
    found = SecuredPod(tmp_path / "pod", jars)
    yield found
    found.stop()


async def test_no_secret_is_in_an_argument_a_variable_an_answer_a_log_or_a_configuration(
    pod: SecuredPod,
) -> None:
    pod.start()
    await wait_until(pod, serving=True)
    await asyncio.to_thread(use_every_secret)
    texts = shown(pod)
    hidden = [SUPER, OWN.password, APP.password, STORE, pod.key, DIGEST]
    holders = {
        (secret, where) for secret in hidden for where, text in texts.items() if secret in text
    }
    assert holders == {(DIGEST, "system_properties")}


def use_every_secret() -> None:
    """Each is the one that the member knows: what it does not use, it cannot show."""
    host = [f"127.0.0.1:{names.CLIENT_PORT}"]
    wrong = replace(APP, password=f"{APP.password}-2")
    with open_session(host, Deadline(30), login=APP, session_seconds=10) as app:
        app.create("/own", b"x", acl=[make_acl("sasl", APP.user, all=True)])
    with (
        open_session(host, Deadline(30), login=OWN, session_seconds=10) as operator,
        pytest.raises(NoAuthError),
    ):
        operator.get_async("/own").get(timeout=10)
    with open_session(
        host, Deadline(30), password=SUPER, login=OWN, session_seconds=10
    ) as super_user:
        assert super_user.get_async("/own").get(timeout=10)[0] == b"x"
    with (
        pytest.raises(LoginRefusedError),
        open_session(host, Deadline(30), login=wrong, session_seconds=10),
    ):
        pass


def shown(pod: SecuredPod) -> dict[str, str]:
    """What is seen of a member without the right to read Secrets, and without a shell in its pod."""
    texts = {command: json.dumps(pod.ask(command)) for command in COMMANDS}
    assert "zookeeper.DigestAuthenticationProvider.superDigest" in texts["system_properties"]
    texts["log"] = (pod.path / "log").read_text()
    for file in (*(pod.path / "conf").iterdir(), *(pod.path / "config").iterdir()):
        texts[str(file.relative_to(pod.path))] = file.read_text()
    processes = pod.processes()
    assert len(processes) > 1, "beside the server there is what takes over new certificates"
    for process in processes:
        for name in ("cmdline", "environ"):
            text = Path(f"/proc/{process}/{name}").read_bytes().decode(errors="replace")
            assert text, "it can be read"
            texts[f"{name} of {process}"] = text
    return texts

"""What a phase of authentication changes in what is built, and that without users nothing is changed."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.build.targets import target
from tests.unit.ensemble.build.test_security import template

from zookeeper_operator.api.versions import KNOWN_VERSIONS
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import build_auth, super_hash
from zookeeper_operator.ensemble.build.config import build_config
from zookeeper_operator.ensemble.build.security import security_keys
from zookeeper_operator.ensemble.build.users import build_users
from zookeeper_operator.ensemble.security.phase import Phase, read_phase
from zookeeper_operator.ensemble.target import Target, hashed_fields, later_inputs
from zookeeper_operator.zookeeper.jaas import Login

USERS = [{"name": "app", "passwordSecret": {"name": "app-zk", "key": "password"}}]
PHASES = [Phase(auth=auth) for auth in range(3)]
PROVIDER = "org.apache.zookeeper.server.auth.SASLAuthenticationProvider"


def of(phase: Phase, required: str = "Sasl", release: str = "3.9.4", **spec: Any) -> Target:
    users = [] if required == "X509" else USERS
    asked = target(auth={"users": users, "required": required}, **spec)
    known = "hash-of-users" if phase.auth else ""
    of_release = asked.spec.model_copy(update={"version": release})
    return replace(asked, spec=of_release, phase=phase, users=known)


def environment(built: Target) -> dict[str, str]:
    container = template(built)["spec"]["containers"][0]
    return {v["name"]: v.get("value", "") for v in container["env"]}


def test_each_phase_accepts_what_it_says() -> None:
    assert security_keys(of(Phase())) == {}
    assert security_keys(of(Phase(auth=1))) == {"authProvider.sasl": PROVIDER}
    assert security_keys(of(Phase(auth=2))) == {
        "authProvider.sasl": PROVIDER,
        "enforce.auth.enabled": "true",
        "enforce.auth.schemes": "sasl",
    }


@pytest.mark.parametrize("required", ["X509", "Any"])
def test_certificates_count_only_where_members_listen_for_them(required: str) -> None:
    """A server that enforces a scheme without its provider never serves."""
    tls = {"clientCertificates": "Want"}
    for clients, schemes in ((0, "sasl"), (1, "sasl,x509")):
        found = security_keys(of(Phase(0, clients, 2), required, tls=tls))
        assert found["enforce.auth.schemes"] == schemes
        assert ("secureClientPort" in found) is ("x509" in schemes)
    anonymous = security_keys(of(Phase(0, 1, 2), "Any", tls={}))
    assert anonymous["enforce.auth.schemes"] == "sasl", "no client is asked for a certificate"


@pytest.mark.parametrize("version", [*KNOWN_VERSIONS, "3.8.17", "3.9.17"])
@pytest.mark.parametrize("verify", [False, True])
def test_fips_mode_ends_where_users_need_it_and_checks_no_other_names(
    version: str, *, verify: bool
) -> None:
    tls = {"verifyPeerNames": verify}
    found = security_keys(of(Phase(3, 1, 1), release=version, tls=tls))
    needed = version in {"3.9.6", "3.9.17"}
    assert found["fips-mode"] == ("false" if needed or verify else "true")
    off = {k: v for k, v in found.items() if k.endswith("ostnameVerification")}
    if verify:
        assert off == {"ssl.quorum.clientHostnameVerification": "false"}
    elif needed or version in {"3.8.7", "3.8.17"}:
        assert off == {"ssl.quorum.hostnameVerification": "false"}, "of both sides"
    else:
        assert off == {}
    plain = security_keys(of(Phase(auth=1), release=version))
    assert plain.get("fips-mode") == ("false" if needed else None)
    assert "ssl.quorum.clientHostnameVerification" not in plain


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.text)
def test_a_template_bears_its_phase_and_mounts_users_only_where_there_are_some(
    phase: Phase,
) -> None:
    built = of(phase)
    found = template(built)
    annotations, variables = found["metadata"]["annotations"], environment(built)
    volumes = {v["name"]: v for v in found["spec"]["volumes"]}
    mounts = {m["mountPath"] for m in found["spec"]["containers"][0]["volumeMounts"]}
    option = "-Djava.security.auth.login.config=/users/jaas.conf"
    assert read_phase(annotations) == phase
    known = phase.auth > 0
    assert annotations.get(names.ANNOTATION_USERS) == ("hash-of-users" if known else None)
    assert ("users" in volumes) is known
    assert ("/users" in mounts) is known
    assert (option in variables["SERVER_JVMFLAGS"].split()) is known
    shell = variables.get("CLIENT_JVMFLAGS", "")
    assert shell == (f"{option} -Dzookeeper.fips-mode=false" if known else "")
    if known:
        assert volumes["users"]["secret"] == {"secretName": "zk-users", "defaultMode": 0o440}
    assert "tls" not in volumes
    assert "certificates.sh" not in build_config(built)["data"]


def test_without_users_a_template_is_what_it_was_before_there_were_users() -> None:
    plain = target()
    for asked in (of(Phase()), of(Phase(), "None")):
        assert template(asked) == template(plain)
        assert build_config(asked) == build_config(plain)
        assert later_inputs(asked) == later_inputs(plain) == ""
        assert hashed_fields(asked) == hashed_fields(plain)


def test_every_phase_every_change_of_users_and_of_what_is_required_starts_a_roll() -> None:
    tls = {"clientCertificates": "Want"}
    targets = [
        *map(of, PHASES),
        replace(of(Phase(auth=2)), users="hash-of-others"),
        of(Phase(0, 1, 2), "Sasl", tls=tls),
        of(Phase(0, 1, 2), "Any", tls=tls),
    ]
    assert len({later_inputs(one) for one in targets}) == len(targets)
    fields = hashed_fields(targets[-1]).keys() - hashed_fields(targets[-2]).keys()
    assert fields == {"auth.required"}


def test_the_user_of_the_operator_is_no_reason_to_restart_members_for_the_super_user() -> None:
    without = build_auth(target(), "secret")
    with_login = build_auth(target(), "secret", Login("zookeeper-operator", "random"))
    assert super_hash(without) == super_hash(with_login) != super_hash(build_auth(target(), "x"))
    assert with_login["data"].keys() - without["data"].keys() == {"sasl-username", "sasl-password"}


def test_the_users_are_in_a_secret_and_nowhere_else() -> None:
    secret = build_users(of(Phase(auth=2)), "the file")
    assert (secret["kind"], secret["metadata"]["name"]) == ("Secret", "zk-users")
    assert base64.b64decode(secret["data"]["jaas.conf"]) == b"the file"

"""TLS on a cluster: turned on and off under clients that write, founded with, rotated, and refused.

Each walk: no acknowledged write and no session of a client that knows all members is lost, and one election
for each roll at most.
"""

import base64
import socket
import ssl
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from cryptography import x509
from e2e.changes import Kept, writing
from e2e.cluster import PATIENCE, Object, stays, wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import Places
from tests.unit.certificates.issuing import BOTH, Issued, issued

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900 * PATIENCE)]

VOTERS = (1, 2, 3)
WALK_SECONDS = 600 * PATIENCE
# Without a notification a kubelet brings a new Secret to its pods within some 90 s.
ROTATION_SECONDS = 180 * PATIENCE
SERVED_SECONDS = 5 * PATIENCE


@pytest.fixture
def ensemble(places: Places) -> Ensemble:
    """Three members without TLS."""
    found = Ensemble(places.cluster, places.namespace())
    places.cluster.apply(manifest(found.namespace))
    found.wait_settled()
    return found


def wait_secured(ensemble: Ensemble, **security: str) -> Object:
    """Wait until the status says that all is as the spec asks, and what it says of TLS."""

    def look() -> Object:
        body = ensemble.body()
        status: Object = body.get("status") or {}
        said = status.get("security") or {}
        as_asked = security.items() <= said.items() and bool(security) == bool(said)
        return status if as_asked and ensemble.is_settled(body) else {}

    return wait_until("TLS is as the spec asks", look, seconds=WALK_SECONDS)


def phases(ensemble: Ensemble) -> set[str]:
    """What the pods say that they speak."""
    annotation = "zookeeper.ensemble.dev/security"
    return {p["metadata"].get("annotations", {}).get(annotation, "") for p in ensemble.pods()}


def connection(ensemble: Ensemble) -> dict[str, str]:
    """What applications read."""
    found = ensemble.cluster.get("configmap", "zk-connection", ensemble.namespace)
    assert found is not None
    data: dict[str, str] = found["data"]
    return data


def ask_by_tls(ensemble: Ensemble, authority: str) -> str:
    """The serial number of the certificate that a member serves to a client that trusts this CA alone."""
    context = ssl.create_default_context(cadata=authority)
    with (
        ensemble.cluster.port_forward(ensemble.namespace, "pod/zk-1", 2281) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=f"zk-client.{ensemble.namespace}.svc") as tls,
    ):
        found = tls.getpeercert()
        assert found is not None
        tls.sendall(b"srvr")
        assert tls.recv(100), "it answers"
        return str(found["serialNumber"])


def test_tls_is_turned_on_and_off_under_writers(ensemble: Ensemble) -> None:
    """Three rolls there and three back; clients notice no more of them than of any other roll."""
    kept = Kept.before(ensemble)
    with writing(ensemble, everyone=VOTERS, pinned=VOTERS, interval=0.02) as writer:
        ensemble.change(tls={})
        status = wait_secured(ensemble, quorum="Secured", clients="Optional")
        result = writer.stop()
    kept.check_clients(result)
    assert kept.elections() <= 3
    assert phases(ensemble) == {"q3,c1,a0"}
    serial = ask_by_tls(ensemble, connection(ensemble)["ca.crt"])
    assert serial == status["security"]["certificate"]["serial"]
    assert {m["security"]["serial"] for m in status["members"]} == {serial}

    kept = Kept.before(ensemble)
    with writing(ensemble, everyone=VOTERS, pinned=VOTERS, interval=0.02) as writer:
        ensemble.change(tls=None)
        wait_secured(ensemble)
        result = writer.stop()
    kept.check_clients(result)
    assert kept.elections() <= 3
    assert phases(ensemble) == {""}


@pytest.mark.long
def test_a_member_that_is_away_stops_the_walk_and_nothing_else(ensemble: Ensemble) -> None:
    """The others serve meanwhile, and the walk goes on when it is back."""
    cluster, namespace = ensemble.cluster, ensemble.namespace
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "two-pods", "namespace": namespace},
            "spec": {"hard": {"pods": "2"}},
        }
    )
    cluster.delete("pod", "zk-1", namespace)
    wait_until("it is away", lambda: len(ensemble.pods()) == 2, seconds=60)
    ensemble.change(tls={})
    stays(
        "no member dials TLS",
        lambda: all(phase[:2] in {"", "q0", "q1"} for phase in phases(ensemble)),
        seconds=45,
    )
    waits = ensemble.condition("Secured")
    assert (waits["status"], waits["reason"]) == ("False", "EnablingTLS")
    ensemble.write("/while-away", "x", member=2)
    cluster.delete("resourcequota", "two-pods", namespace)
    wait_secured(ensemble, quorum="Secured")


def test_an_ensemble_is_founded_with_tls(places: Places) -> None:
    """At its goal at once: one election, no roll."""
    ensemble = Ensemble(places.cluster, places.namespace())
    places.cluster.apply(manifest(ensemble.namespace, tls={"clients": "Required"}))
    status = wait_secured(ensemble, quorum="Secured", clients="Required")
    assert status["leader"]["epoch"] == 1
    assert set(ensemble.restarts().values()) == {0}
    assert connection(ensemble)["port"] == "2281"
    ask_by_tls(ensemble, connection(ensemble)["ca.crt"])
    service = ensemble.cluster.get("service", "zk-client", ensemble.namespace)
    assert service is not None
    assert [port["port"] for port in service["spec"]["ports"]] == [2281]
    # The operator reconfigures by TLS, and a shell in the pod needs none.
    ensemble.change(replicas=4, allowEvenReplicas=True)
    ensemble.wait_settled()
    check_plain_port_is_closed(ensemble, 1, 2, 3, 4)
    ensemble.change(replicas=3)
    ensemble.wait_settled()
    check_plain_port_is_closed(ensemble, *VOTERS)


def check_plain_port_is_closed(ensemble: Ensemble, *members: int) -> None:
    """No member takes a plain connection of another pod; each has its line of the loopback address."""
    assert "zookeeper" in ensemble.shell(members[0], "ls /")
    for member in members:
        host = f"zk-{member}.{ensemble.namespace}.svc.cluster.local"
        asks = f"exec 3<> /dev/tcp/{host}/$1 && echo open || true"
        caller = ensemble.pod_name(members[0] if member != members[0] else members[1])
        for port, answer in (("2181", ""), ("2281", "open")):
            said = ensemble.cluster.exec(
                ensemble.namespace, caller, "bash", "-c", f"({asks}) 2> /dev/null", "-", port
            )
            assert said.strip() == answer, f"port {port} of member {member}, asked by {caller}"
        lines = ensemble.cluster.exec(
            ensemble.namespace,
            ensemble.pod_name(member),
            "bash",
            "-c",
            "cat /conf/zoo.cfg.dynamic.*",
        )
        newest = [line for line in lines.splitlines() if line.startswith(f"server.{member}=")][-1]
        assert newest.endswith(";127.0.0.1:2182")


@pytest.mark.long
def test_the_plain_port_is_closed_and_opened_without_a_restart(ensemble: Ensemble) -> None:
    """By reconfiguration: no pod is another one, and nobody is elected."""
    ensemble.change(tls={"quorum": "Disabled"})
    wait_secured(ensemble, clients="Optional")
    kept = Kept.before(ensemble)
    ensemble.change(tls={"quorum": "Disabled", "clients": "Required"})
    wait_secured(ensemble, clients="Required")
    ensemble.change(tls={"quorum": "Disabled", "clients": "Optional"})
    wait_secured(ensemble, clients="Optional")
    kept.check_untouched(VOTERS)
    assert kept.elections() == 0
    ensemble.write("/open-again", "x")


# ---- a certificate of one's own ----


def a_ca() -> Issued:
    """A CA whose subject every other one of these tests has as well."""
    now = datetime.now(UTC)
    return issued(
        "CA",
        authority=True,
        usage=("key_cert_sign", "crl_sign"),
        start=now - timedelta(days=365),
        end=now + timedelta(days=3650),
    )


def secret_of(ensemble: Ensemble, ca: Issued, leaf: Issued, **instead: bytes) -> Object:
    """A Secret of type kubernetes.io/tls with its CA."""
    data = {"tls.crt": leaf.pem, "tls.key": leaf.key_pem(), "ca.crt": ca.pem}
    data |= {key.replace("_", "."): value for key, value in instead.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "my-tls", "namespace": ensemble.namespace},
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def a_leaf(ensemble: Ensemble, ca: Issued, *, days: float = 90, age: int = 1) -> Issued:
    """A certificate for all members that was issued `age` days ago and ends in `days`."""
    now = datetime.now(UTC)
    members = [f"zk-{n}.{ensemble.namespace}.svc.cluster.local" for n in VOTERS]
    names = [f"zk-client.{ensemble.namespace}.svc", *members]
    return issued(
        "zk",
        ca,
        purposes=BOTH,
        names=names,
        start=now - timedelta(days=age),
        end=now + timedelta(days=days),
    )


@pytest.fixture
def authorities() -> tuple[Issued, Issued]:
    """An old CA and a new one."""
    return a_ca(), a_ca()


OWN: dict[str, Any] = {"source": {"secretName": "my-tls"}}


def test_a_bad_secret_is_refused_before_any_pod_changes(
    ensemble: Ensemble, authorities: tuple[Issued, Issued]
) -> None:
    """Each with the key of the Secret in its message; the right one goes through."""
    ca, other = authorities
    leaf = a_leaf(ensemble, ca)
    kept = Kept.before(ensemble)
    ensemble.change(tls=OWN)
    ensemble.wait_condition("Secured", status="False", reason="CertificateMissing")
    bad = {
        "tls.key": secret_of(ensemble, ca, leaf, tls_key=a_leaf(ensemble, ca).key_pem()),
        "ca.crt": secret_of(ensemble, other, leaf),
        "has expired": secret_of(ensemble, ca, a_leaf(ensemble, ca, days=0)),
    }
    for said, secret in bad.items():
        ensemble.cluster.apply(secret)

        def refused(said: str = said) -> bool:
            condition = ensemble.condition("Secured")
            return condition["reason"] == "CertificateInvalid" and said in condition["message"]

        wait_until(f"the Secret is refused: {said}", refused, seconds=60)
    kept.check_untouched(VOTERS)
    ensemble.cluster.apply(secret_of(ensemble, ca, leaf))
    wait_secured(ensemble, quorum="Secured")


@pytest.mark.long
def test_a_certificate_and_a_ca_are_rotated_without_a_restart(
    ensemble: Ensemble, authorities: tuple[Issued, Issued]
) -> None:
    """First another certificate of the same CA, then one of a new CA of the same subject."""
    old, new = authorities
    ensemble.cluster.apply(secret_of(ensemble, old, a_leaf(ensemble, old)))
    ensemble.change(tls=OWN)
    wait_secured(ensemble, quorum="Secured")
    kept = Kept.before(ensemble)
    with writing(ensemble, everyone=VOTERS, pinned=VOTERS, interval=0.02) as writer:
        for ca in (old, new):
            leaf = a_leaf(ensemble, ca)
            ensemble.cluster.apply(secret_of(ensemble, ca, leaf))
            serial = leaf.value.serial_text

            def served(serial: str = serial) -> bool:
                members = ensemble.status()["members"]
                shown = {m["security"]["serial"] for m in members}
                return shown == {serial} and ensemble.condition("Secured")["status"] == "True"

            wait_until("every member serves it", served, seconds=3 * ROTATION_SECONDS)
        result = writer.stop()
    kept.check_clients(result)
    kept.check_untouched(VOTERS)
    assert kept.elections() == 0
    assert connection(ensemble)["ca.crt"].encode() == new.pem, "the old CA is retired"


@pytest.mark.measured
def test_a_new_certificate_is_served_within_seconds_of_its_write(
    ensemble: Ensemble, authorities: tuple[Issued, Issued]
) -> None:
    """From the operator's write of `zk-tls` on, on the client port of every member; no pod is restarted."""
    ca, _ = authorities
    ensemble.cluster.apply(secret_of(ensemble, ca, a_leaf(ensemble, ca)))
    ensemble.change(tls=OWN)
    wait_secured(ensemble, quorum="Secured")
    kept = Kept.before(ensemble)
    cluster, namespace = ensemble.cluster, ensemble.namespace

    def written() -> str:
        found = cluster.get("secret", "zk-tls", namespace)
        assert found is not None
        return str(found["metadata"]["resourceVersion"])

    before, leaf = written(), a_leaf(ensemble, ca)
    with ExitStack() as forwards:
        ports = [
            forwards.enter_context(cluster.port_forward(namespace, f"pod/zk-{n}", 2281))
            for n in VOTERS
        ]
        cluster.apply(secret_of(ensemble, ca, leaf))
        wait_until("zk-tls is written", lambda: written() != before, seconds=60, every=0.1)
        since = time.monotonic()
        for port in ports:
            wait_until(
                "it is served",
                partial(serves, port, leaf.value.serial_text),
                seconds=ROTATION_SECONDS,
                every=0.1,
            )
        took = time.monotonic() - since
    kept.check_untouched(VOTERS)
    assert took <= SERVED_SECONDS, f"{took:.1f} s"


def serves(port: int, serial: str) -> bool:
    """Whether a port of this machine leads to one that serves this certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain) as tls,
    ):
        found = tls.getpeercert(binary_form=True)
    assert found is not None
    return f"{x509.load_der_x509_certificate(found).serial_number:X}" == serial.lstrip("0")


def test_nothing_of_a_key_is_written_anywhere(ensemble: Ensemble) -> None:
    """Neither in the status nor in Events, logs and configurations."""
    ensemble.change(tls={"quorum": "Disabled"})
    wait_secured(ensemble, clients="Optional")
    texts = [str(ensemble.body()), str(ensemble.events())]
    kinds = ("configmap", "statefulset", "pod")
    texts += [str(ensemble.cluster.list(kind, ensemble.namespace)) for kind in kinds]
    texts += [
        ensemble.cluster.kubectl("--namespace", ensemble.namespace, "logs", f"zk-{n}")
        for n in VOTERS
    ]
    secret = ensemble.cluster.get("secret", "zk-tls", ensemble.namespace)
    assert secret is not None
    password = base64.b64decode(secret["data"]["truststore.password"]).decode()
    for text in texts:
        assert "PRIVATE KEY" not in text
        assert password not in text

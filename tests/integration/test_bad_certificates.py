"""Secrets whose certificate cannot be used, on a real API server.

Each is refused in words that name its key and what is wrong, and nothing of an ensemble that runs is changed
meanwhile; nor while there is none.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.integration.stage import ENSEMBLE, Stage, condition
from tests.integration.waiting import until
from tests.unit.certificates.issuing import BOTH, Issued, issued

from zookeeper_operator.kube.api import RESOURCES, Object

SECRET: Final = RESOURCES["Secret"]
NOW: Final = datetime.now(UTC)
DAY: Final = timedelta(days=1)
CA_USAGE: Final = ("key_cert_sign", "crl_sign")
INVALID: Final = "CertificateInvalid"
MISSING: Final = "CertificateMissing"


def a_ca() -> Issued:
    return issued("CA", authority=True, usage=CA_USAGE, start=NOW - 300 * DAY, end=NOW + 300 * DAY)


CA: Final = a_ca()
SAME_SUBJECT: Final = a_ca()


def a_leaf(
    *, start: datetime = NOW - DAY, end: datetime = NOW + 90 * DAY, **other: object
) -> Issued:
    chosen = {"purposes": BOTH, **other}
    return issued("zk", CA, start=start, end=end, **chosen)  # type: ignore[arg-type]


LEAF: Final = a_leaf()
ANOTHER_KEY: Final = a_leaf()


def of(leaf: Issued = LEAF, **instead: bytes) -> dict[str, bytes]:
    """The data of a Secret."""
    data = {"tls.crt": leaf.pem, "tls.key": leaf.key_pem(), "ca.crt": CA.pem}
    return data | {key.replace("_", "."): value for key, value in instead.items()}


def of_ca(ca: Issued) -> dict[str, bytes]:
    """The data of a Secret with a good certificate of this CA."""
    leaf = issued("zk", ca, purposes=BOTH, start=NOW - DAY, end=NOW + 90 * DAY)
    return of(leaf, ca_crt=ca.pem)


def encrypted(leaf: Issued) -> bytes:
    return leaf.key_pem(encryption=BestAvailableEncryption(b"a password"))


def as_pkcs12(leaf: Issued) -> bytes:
    encryption = BestAvailableEncryption(b"a password")
    return pkcs12.serialize_key_and_certificates(
        b"zk",
        leaf.key,
        leaf.certificate,
        None,
        encryption,
    )


BAD: Final[Mapping[str, tuple[dict[str, bytes] | None, str, str]]] = {
    "no Secret": (None, MISSING, "Secret my-tls, which does not exist"),
    "empty": (of(tls_crt=b"", tls_key=b"", ca_crt=b""), INVALID, "tls.crt: the Secret has no such"),
    "no CA": (of(ca_crt=b""), INVALID, "ca.crt: the Secret has no such key, or nothing in it"),
    "PKCS12": (of(tls_crt=as_pkcs12(LEAF)), INVALID, "tls.crt: it holds no certificate in PEM"),
    "garbage": (of(tls_key=b"garbage"), INVALID, "tls.key: "),
    "encrypted key": (
        of(tls_key=encrypted(LEAF)),
        INVALID,
        "tls.key: the private key is encrypted",
    ),
    "weak key": (
        of(a_leaf(key=ec.generate_private_key(ec.SECP256K1()))),
        INVALID,
        "tls.key: the private key is EC secp256k1",
    ),
    "key of another certificate": (
        of(tls_key=ANOTHER_KEY.key_pem()),
        INVALID,
        "tls.key: it does not belong to the certificate of CN=zk",
    ),
    "CA of the same subject and another key": (
        of(ca_crt=SAME_SUBJECT.pem),
        INVALID,
        "tls.crt: no CA in ca.crt has issued it",
    ),
    "for servers alone": (
        of(a_leaf(purposes=[ExtendedKeyUsageOID.SERVER_AUTH])),
        INVALID,
        "tls.crt: its extended key usage lacks clientAuth",
    ),
    "expired": (
        of(a_leaf(start=NOW - 9 * DAY, end=NOW - DAY)),
        INVALID,
        "tls.crt: the certificate of CN=zk has expired",
    ),
    "of the future": (
        of(a_leaf(start=NOW + DAY)),
        INVALID,
        "tls.crt: the certificate of CN=zk is not valid yet",
    ),
    "CA that has expired": (
        of_ca(issued("CA", authority=True, usage=CA_USAGE, start=NOW - 9 * DAY, end=NOW - DAY)),
        INVALID,
        "ca.crt: the certificate of CN=CA has expired",
    ),
    "that ends within the hour": (
        of(a_leaf(end=NOW + timedelta(minutes=50))),
        INVALID,
        "too soon to be taken",
    ),
}


async def give(stage: Stage, place: str, data: Mapping[str, bytes] | None) -> None:
    """Let the Secret that the spec names be this one; None: let there be none."""
    live = await stage.kube.get(SECRET, place, "my-tls")
    if live is not None:
        await stage.kube.delete(SECRET, place, "my-tls", uid=live["metadata"]["uid"])
    if data is None:
        return
    body: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": place, "name": "my-tls"},
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }
    await stage.kube.create(SECRET, body)


async def around(stage: Stage, place: str) -> Mapping[str, object]:
    """The pods as they are, what a new one would be made of, and what members would mount."""
    pods = await stage.kube.list(RESOURCES["Pod"], place)
    members = await stage.kube.get(RESOURCES["StatefulSet"], place, "zk")
    mounted = await stage.kube.get(SECRET, place, "zk-tls")
    assert members is not None
    return {
        "pods": {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods},
        "template": members["spec"]["template"],
        "mounted": None if mounted is None else mounted["data"],
    }


@pytest.mark.slow
async def test_each_is_refused_in_words_before_anything_of_a_member_changes(stage: Stage) -> None:
    (place,) = await stage.namespaces("bad-certificates")
    operator = stage.operator("bad-certificates", namespaces=place)
    operator.start()
    await stage.create(place, {"storage": {"data": {"size": "1Gi"}}})
    await stage.settled([place], seconds=90)
    before = await around(stage, place)
    await stage.edit(place, {"spec": {"tls": {"source": {"secretName": "my-tls"}}}})
    seen: dict[str, Object] = {}
    for name, (data, reason, said) in BAD.items():
        await give(stage, place, data)
        # No Secret is watched: without an edit it would be read within fifteen seconds.
        await stage.edit(
            place, {"metadata": {"namespace": place, "name": "zk", "annotations": {"given": name}}}
        )

        async def refused(name: str = name, reason: str = reason, said: str = said) -> bool:
            body = await stage.kube.get(ENSEMBLE, place, "zk")
            assert body is not None
            seen[name] = condition(body, "Secured")
            return seen[name].get("reason") == reason and said in seen[name]["message"]

        try:
            await until(refused, seconds=40)
        except TimeoutError:
            pytest.fail(f"{name}: {seen[name]}")
        assert await around(stage, place) == before, name
    assert operator.tracebacks() == []

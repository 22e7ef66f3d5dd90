"""The Certificate of cert-manager on a real API server, with cert-manager's own resource definition.

The operator has the rights that the chart gives it with `certManager.enabled`, and no others. The test
writes the Secret that cert-manager would write.
"""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import yaml
from tests.integration.control_plane import NOBODY
from tests.integration.stage import CRD, ENSEMBLE, Stage, condition
from tests.integration.waiting import until
from tests.unit.certificates.issuing import BOTH, Issued, issued

from zookeeper_operator.kube.api import RESOURCES, Object

CERTIFICATE: Final = RESOURCES["Certificate"]
SECRET: Final = RESOURCES["Secret"]
SPEC: Final[Object] = {
    "storage": {"data": {"size": "1Gi"}},
    "tls": {"source": {"issuerRef": {"name": "ca"}}},
}


def secret_of(namespace: str, certificate: Object) -> Object:
    """What cert-manager writes for a Certificate."""
    now = datetime.now(UTC)
    ca = issued(
        "CA",
        authority=True,
        usage=("key_cert_sign", "crl_sign"),
        start=now - timedelta(days=1),
        end=now + timedelta(days=365),
    )
    spec = certificate["spec"]
    leaf: Issued = issued(
        spec["commonName"],
        ca,
        purposes=BOTH,
        names=spec["dnsNames"],
        start=now - timedelta(days=1),
        end=now + timedelta(days=90),
    )
    data = {"tls.crt": leaf.pem, "tls.key": leaf.key_pem(), "ca.crt": ca.pem}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": spec["secretName"]},
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


@pytest.mark.slow
async def test_a_certificate_is_asked_for_used_and_removed(
    stage: Stage, cert_manager_crds: Path
) -> None:
    kube = stage.kube
    (place,) = await stage.namespaces("issuance")
    await stage.grant(place, "nobody", "certificateRules")
    proxy = await stage.proxy()
    operator = stage.operator(
        "issuance", proxy=proxy, token=NOBODY, namespaces=place, cert_manager="true"
    )
    operator.start()
    await stage.create(place, SPEC)

    async def reported(text: str) -> bool:
        body = await kube.get(ENSEMBLE, place, "zk")
        found = {} if body is None else condition(body, "Secured")
        return found.get("reason") == "CertificateMissing" and text in found["message"]

    await until(lambda: reported("cert-manager is not installed"), seconds=30)
    definition = cert_manager_crds / "cert-manager.io_certificates.yaml"
    await kube.apply(CRD, yaml.safe_load(definition.read_text(encoding="utf-8")))
    await until(lambda: reported("Issuer ca has not issued Certificate zk-certificate"), seconds=60)
    certificate = await kube.get(CERTIFICATE, place, "zk-certificate")
    assert certificate is not None
    assert certificate["spec"]["issuerRef"]["group"] == "cert-manager.io"
    assert await kube.get(RESOURCES["StatefulSet"], place, "zk") is None, "it is not founded yet"
    await stage.quiet(proxy)
    proxy.calls.clear()

    await kube.create(SECRET, secret_of(place, certificate))

    async def mounted() -> bool:
        members = await kube.get(RESOURCES["StatefulSet"], place, "zk")
        return members is not None and await kube.get(SECRET, place, "zk-tls") is not None

    await until(mounted, seconds=60)
    assert [call for call in proxy.writes() if call.resource == "certificates"] == []

    await stage.edit(place, {"spec": {"tls": {"source": {"issuerRef": None, "operatorCA": {}}}}})

    async def gone() -> bool:
        return await kube.get(CERTIFICATE, place, "zk-certificate") is None

    await until(gone, seconds=60)
    assert await kube.get(SECRET, place, "zk-certificate") is not None, "it is not the operator's"
    assert operator.tracebacks() == []

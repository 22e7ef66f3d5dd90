"""A real cert-manager issues the certificate of an ensemble, renews it, and gets another CA."""

import base64
from collections.abc import Iterator

import pytest
from cryptography import x509
from e2e.cert_manager import CertManager
from e2e.changes import Kept, writing
from e2e.cluster import PATIENCE, Cluster, wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import Places
from e2e.test_tls import ROTATION_SECONDS, VOTERS, connection, wait_secured

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500 * PATIENCE)]

CERTIFICATE = "zk-certificate"


@pytest.fixture(scope="module")
def cert_manager(cluster: Cluster) -> Iterator[CertManager]:
    found = CertManager(cluster)
    found.install()
    yield found
    found.remove()


def issued(ensemble: Ensemble) -> tuple[str, bytes]:
    """The serial number of the certificate that cert-manager has written, and its CA."""
    secret = ensemble.cluster.get("secret", CERTIFICATE, ensemble.namespace)
    assert secret is not None
    chain, ca = (base64.b64decode(secret["data"][key]) for key in ("tls.crt", "ca.crt"))
    return f"{x509.load_pem_x509_certificate(chain).serial_number:X}", ca


def wait_served(ensemble: Ensemble, serial: str, *, seconds: float = ROTATION_SECONDS) -> None:
    """Wait until every member has shown this certificate, and nothing is left to do."""

    def look() -> bool:
        members = ensemble.status()["members"]
        shown = {m["security"]["serial"].lstrip("0").upper() for m in members}
        return shown == {serial.lstrip("0")} and ensemble.condition("Secured")["status"] == "True"

    wait_until("every member serves it", look, seconds=seconds)


def test_an_ensemble_lives_with_certificates_of_cert_manager(
    places: Places, cert_manager: CertManager
) -> None:
    """It waits for its issuer, is founded with TLS, and takes over a renewed certificate and another CA."""
    ensemble = Ensemble(places.cluster, places.namespace())
    source = {"source": {"issuerRef": {"name": "ca"}}}
    places.cluster.apply(manifest(ensemble.namespace, tls=source))
    ensemble.wait_condition("Secured", status="False", reason="CertificateMissing")
    assert ensemble.pods() == [], "it is not founded without the TLS that it asks for"
    cert_manager.issuer(ensemble.namespace)
    status = wait_secured(ensemble, quorum="Secured", clients="Optional")
    first, ca = issued(ensemble)
    wait_served(ensemble, first)
    assert status["leader"]["epoch"] == 1
    assert connection(ensemble)["ca.crt"].encode().strip() == ca.strip()

    kept = Kept.before(ensemble)
    with writing(ensemble, everyone=VOTERS, pinned=VOTERS, interval=0.02) as writer:
        cert_manager.renew(ensemble.namespace, CERTIFICATE)
        wait_until("it is issued again", lambda: issued(ensemble)[0] != first, seconds=60)
        wait_served(ensemble, issued(ensemble)[0])
        # Of the same subject; the leaf of it comes with the next renewal, and its CA in the same moment.
        cert_manager.renew(ensemble.namespace, "ca")
        wait_until("there is another CA", lambda: authority(ensemble) != ca, seconds=60)
        cert_manager.renew(ensemble.namespace, CERTIFICATE)
        wait_until("its leaf is issued", lambda: issued(ensemble)[1] != ca, seconds=60)
        wait_served(ensemble, issued(ensemble)[0], seconds=3 * ROTATION_SECONDS)
        result = writer.stop()
    kept.check_clients(result)
    kept.check_untouched(VOTERS)
    assert kept.elections() == 0
    trusted = connection(ensemble)["ca.crt"].encode()
    assert trusted.strip() == issued(ensemble)[1].strip(), "the old CA is retired"


def authority(ensemble: Ensemble) -> bytes:
    """The certificate of the CA."""
    secret = ensemble.cluster.get("secret", "ca", ensemble.namespace)
    assert secret is not None
    return base64.b64decode(secret["data"]["tls.crt"])

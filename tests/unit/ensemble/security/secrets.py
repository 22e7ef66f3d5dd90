"""Secrets of type `kubernetes.io/tls`, right and wrong, as an ensemble's spec names them."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from tests.unit.certificates.issuing import BOTH, Issued, issued

from zookeeper_operator.certificates.certificate import Certificate
from zookeeper_operator.ensemble.observed import TlsSource

NAME: Final = "my-tls"
SOURCE: Final[dict[str, Any]] = {"source": {"secretName": NAME}}

_LONG_AGO: Final = datetime(2025, 1, 1, tzinfo=UTC)


def _a_ca() -> Issued:
    return issued(
        "CA",
        authority=True,
        usage=("key_cert_sign", "crl_sign"),
        start=_LONG_AGO,
        end=_LONG_AGO + timedelta(days=3650),
    )


_CAS: Final = {"old": _a_ca(), "new": _a_ca()}


@cache
def _leaf(ca: str, start: datetime, days: int, number: int = 0) -> Issued:
    del number  # another one of the same kind
    end = start + timedelta(days=days)
    return issued("zk", _CAS[ca], purposes=BOTH, start=start, end=end)


def source_secret(kind: str, now: datetime) -> TlsSource:
    """A Secret of a kind; `good` is accepted, `new ca` as well."""
    start = now - timedelta(days=1)
    leaf = _leaf("old", start, 90)
    data = {"tls.crt": leaf.pem, "tls.key": leaf.key_pem(), "ca.crt": _CAS["old"].pem}
    match kind:
        case "good":
            pass
        case "renewed":
            leaf = _leaf("old", start, 90, 1)
            data |= {"tls.crt": leaf.pem, "tls.key": leaf.key_pem()}
        case "new ca":
            leaf = _leaf("new", start, 90)
            data = {"tls.crt": leaf.pem, "tls.key": leaf.key_pem(), "ca.crt": _CAS["new"].pem}
        case "expired":
            leaf = _leaf("old", now - timedelta(days=10), 9)
            data |= {"tls.crt": leaf.pem, "tls.key": leaf.key_pem()}
        case "other key":
            data["tls.key"] = _leaf("old", start, 90, 1).key_pem()
        case "other ca":
            data["ca.crt"] = _CAS["new"].pem
        case "no ca":
            del data["ca.crt"]
        case _:
            raise ValueError(kind)
    return TlsSource(NAME, "uid-of-my-tls", kind, data)


def source_secret_leaf(now: datetime) -> Certificate:
    """The certificate in the Secret that is accepted."""
    return _leaf("old", now - timedelta(days=1), 90).value

"""The operator's own CA: what it issues is accepted as a source, and is replaced in time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.certificates.issuing import BOTH, issued

from zookeeper_operator.certificates.authority import (
    Authority,
    Holder,
    Terms,
    build_authority,
    create_authority,
    issue,
    names_host,
    read_authority,
    source_of,
    why_authority_is_due,
    why_certificate_is_due,
)
from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.certificates.lifetime import judge_lifetime
from zookeeper_operator.certificates.private_key import KeyPair
from zookeeper_operator.certificates.source import read_source

NOW = datetime(2026, 3, 1, 12, 0, 0, 123, tzinfo=UTC)
TERMS = Terms(timedelta(days=3650), timedelta(days=90), timedelta(days=30))
HOLDER = Holder("demo", "zk", ("zk-1.demo.svc", "zk-client.demo.svc", "127.0.0.1"))
CA_KEY, KEY = fresh_private_key(), fresh_private_key()
CA = create_authority(HOLDER, key=CA_KEY, now=NOW, terms=TERMS)
PAIR = issue(CA, HOLDER, key=KEY, now=NOW, terms=TERMS)


def due(pair: KeyPair = PAIR, ca: Authority = CA, holder: Holder = HOLDER, **other: object) -> str:
    asked = {"now": NOW, "terms": TERMS, **other}
    return why_certificate_is_due(pair, ca, holder, **asked)  # type: ignore[arg-type]


def test_the_same_input_makes_the_same_certificates() -> None:
    assert create_authority(HOLDER, key=CA_KEY, now=NOW, terms=TERMS) == CA
    assert issue(CA, HOLDER, key=KEY, now=NOW, terms=TERMS) == PAIR
    assert issue(CA, HOLDER, key=fresh_private_key(), now=NOW, terms=TERMS) != PAIR


def test_what_it_issues_passes_every_check_of_a_source() -> None:
    secret = {"tls.crt": PAIR.chain.pem, "tls.key": KEY.pem, "ca.crt": CA.certificate.pem}
    reading = read_source(secret, names=HOLDER.hosts[:2], names_required=True)
    assert reading.source is not None, reading.flaws
    assert reading.warnings == ()
    assert reading.source == source_of(CA, PAIR)
    assert judge_lifetime(reading.source.path.certificates, NOW).state == "Valid"


def test_what_stands_in_the_certificates() -> None:
    leaf, ca = PAIR.chain.leaf, CA.certificate
    assert ca.is_authority
    assert ca.is_self_signed
    assert ca.key_usage == frozenset({"keyCertSign", "cRLSign"})
    assert ca.path_length == 0
    assert (leaf.subject, leaf.issuer) == ("CN=zk,OU=zk,O=demo", ca.subject)
    assert not leaf.is_authority
    assert leaf.purposes == frozenset({"serverAuth", "clientAuth"})
    assert leaf.key_usage == frozenset({"digitalSignature"})
    assert leaf.dns_names == HOLDER.hosts[:2]
    assert leaf.ip_addresses == ("127.0.0.1",)
    assert leaf.algorithm == "EC P-256"
    assert leaf.not_before == datetime(2026, 3, 1, 11, 55, tzinfo=UTC), "clocks of nodes differ"
    assert leaf.not_after - leaf.not_before == TERMS.certificate_validity
    assert ca.not_after - ca.not_before == TERMS.validity
    assert 0 < leaf.serial < 1 << 159
    assert leaf.serial_text == f"{leaf.serial:032X}"


def test_two_cas_of_one_ensemble_have_different_subjects() -> None:
    other = create_authority(HOLDER, key=fresh_private_key(), now=NOW, terms=TERMS)
    assert not other.certificate.has_subject_of(CA.certificate)


def test_the_longest_names_fit() -> None:
    holder = Holder(
        "n" * 63, "z" * 40, tuple(f"zk-{i}.{'n' * 63}.svc.cluster.local" for i in range(240))
    )
    ca = create_authority(holder, key=CA_KEY, now=NOW, terms=TERMS)
    pair = issue(ca, holder, key=KEY, now=NOW, terms=TERMS)
    assert pair.chain.leaf.dns_names == holder.hosts


def test_a_certificate_ends_with_its_ca() -> None:
    late = CA.certificate.not_after - timedelta(days=10)
    pair = issue(CA, HOLDER, key=KEY, now=late, terms=TERMS)
    assert pair.chain.leaf.not_after == CA.certificate.not_after
    assert due(pair, now=late + timedelta(days=1)) == "", "another one would not last longer"
    with pytest.raises(ValueError, match="after"):
        issue(CA, HOLDER, key=KEY, now=CA.certificate.not_after + timedelta(days=1), terms=TERMS)


def test_a_ca_is_replaced_while_there_is_time_for_the_stages() -> None:
    end = CA.certificate.not_after
    for left, reason in ((91, ""), (89, "the next certificate would outlive its CA")):
        now = end - timedelta(days=left)
        assert why_authority_is_due(CA.certificate, now=now, terms=TERMS) == reason


def test_a_ca_that_is_shorter_than_its_certificates_is_not_replaced_at_once() -> None:
    terms = Terms(timedelta(days=10), timedelta(days=90), timedelta(days=30))
    ca = create_authority(HOLDER, key=CA_KEY, now=NOW, terms=terms)
    assert why_authority_is_due(ca.certificate, now=NOW, terms=terms) == ""
    assert why_authority_is_due(ca.certificate, now=NOW + timedelta(days=6), terms=terms) != ""


def test_when_a_certificate_is_replaced() -> None:
    assert due() == ""
    assert due(now=NOW + timedelta(days=59)) == ""
    assert due(now=NOW + timedelta(days=60)) == "it ends soon"
    assert due(now=NOW - timedelta(hours=1)) == "it is not valid yet"
    shorter = Terms(TERMS.validity, timedelta(days=1), timedelta(hours=8))
    assert due(terms=shorter) == "it is valid for longer than asked for"
    other = create_authority(HOLDER, key=fresh_private_key(), now=NOW, terms=TERMS)
    assert due(ca=other) == "the CA has changed"
    more = Holder("demo", "zk", (*HOLDER.hosts, "zk-observer-101.demo.svc"))
    assert due(holder=more) == "it does not name zk-observer-101.demo.svc"
    assert due(holder=Holder("demo", "zk", HOLDER.hosts[:1])) == "", "fewer names are no reason"
    assert (
        due(KeyPair(fresh_private_key(), PAIR.chain))
        == "the key does not belong to the certificate"
    )


@given(
    st.timedeltas(timedelta(minutes=20), timedelta(days=4000)),
    st.timedeltas(timedelta(0), timedelta(days=4000)),
)
def test_whatever_is_asked_for_a_new_certificate_is_not_due_at_once(
    validity: timedelta, renew_before: timedelta
) -> None:
    terms = Terms(TERMS.validity, validity, renew_before)
    pair = issue(CA, HOLDER, key=KEY, now=NOW, terms=terms)
    assert due(pair, terms=terms) == ""


def test_an_authority_is_kept_and_read() -> None:
    assert read_authority(build_authority(CA)) == CA


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"tls.crt": b"", "tls.key": b""},
        {**build_authority(CA), "tls.key": KEY.pem},
        {**build_authority(CA), "tls.key": b"garbage"},
        {**build_authority(CA), "tls.crt": b"garbage"},
        build_authority(Authority(PAIR.chain.leaf, KEY)),
        {
            "tls.crt": (found := issued("CA", authority=True, usage=["crl_sign"])).pem,
            "tls.key": found.key_pem(),
        },
    ],
)
def test_what_cannot_issue_is_no_authority(data: dict[str, bytes]) -> None:
    assert read_authority(data) is None


def test_hosts_are_names_or_addresses() -> None:
    leaf = issued("zk", names=["*.demo.svc"], purposes=BOTH).value
    assert names_host(leaf, "zk-1.demo.svc")
    assert not names_host(leaf, "127.0.0.1")
    assert names_host(PAIR.chain.leaf, "127.0.0.1")

"""What members mount holds what is wanted, and is rewritten only when that changes."""

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from tests.unit.certificates.issuing import a_ca, issued
from tests.unit.certificates.test_source import accepted, data

from zookeeper_operator.certificates.certificate import trust_of
from zookeeper_operator.certificates.key_store import (
    KEY_STORE,
    PASSWORD,
    TRUST_STORE,
    Stores,
    build_stores,
    read_stores,
)

OLD, NEW = a_ca("CA"), a_ca("CA")
BEFORE = Stores(accepted(data(issued("zk", OLD), ca=OLD.pem)).key_pair, trust_of([OLD.value]))
BOTH = Stores(BEFORE.key_pair, trust_of([OLD.value, NEW.value]))
SECRET = BestAvailableEncryption(b"a-password")


def test_what_is_written_is_read() -> None:
    built = build_stores(BOTH, live={}, fresh_password="a-password")
    assert set(built) == {KEY_STORE, TRUST_STORE, PASSWORD}
    assert built[KEY_STORE] == BEFORE.key_pair.pem
    assert built[PASSWORD] == b"a-password"
    assert read_stores(built) == BOTH


def test_the_same_content_is_not_written_again() -> None:
    live = build_stores(BOTH, live={}, fresh_password="a-password")
    assert build_stores(BOTH, live=live, fresh_password="another") == live
    again = Stores(BEFORE.key_pair, trust_of([NEW.value, OLD.value, NEW.value]))
    assert build_stores(again, live=live, fresh_password="another") == live


def test_another_trust_is_written_under_the_same_password() -> None:
    live = build_stores(BEFORE, live={}, fresh_password="a-password")
    built = build_stores(BOTH, live=live, fresh_password="another")
    assert built[PASSWORD] == live[PASSWORD]
    assert built[TRUST_STORE] != live[TRUST_STORE]
    assert read_stores(built) == BOTH


@pytest.mark.parametrize(
    "damage",
    [
        {PASSWORD: b""},
        {PASSWORD: b"other"},
        {PASSWORD: b"two\nlines"},
        {PASSWORD: b"\xff"},
        {TRUST_STORE: b""},
        {TRUST_STORE: b"garbage"},
        {
            TRUST_STORE: pkcs12.serialize_key_and_certificates(
                None, OLD.key, OLD.certificate, None, SECRET
            )
        },
        {KEY_STORE: b"garbage"},
        {KEY_STORE: b""},
    ],
)
def test_what_somebody_has_damaged_is_written_again(damage: dict[str, bytes]) -> None:
    live = {**build_stores(BOTH, live={}, fresh_password="a-password"), **damage}
    assert read_stores(live) != BOTH
    assert read_stores(build_stores(BOTH, live=live, fresh_password="a-new-one")) == BOTH


def test_a_key_of_another_certificate_is_no_content() -> None:
    live = build_stores(BOTH, live={}, fresh_password="a-password")
    live[KEY_STORE] = issued("zk").key_pem() + BEFORE.key_pair.chain.pem
    assert read_stores(live) is None


def test_java_knows_the_entries_as_trusted_each_by_a_name_of_its_own() -> None:
    built = build_stores(BOTH, live={}, fresh_password="a-password")
    entries = pkcs12.load_pkcs12(built[TRUST_STORE], b"a-password").additional_certs
    aliases = {entry.friendly_name for entry in entries}
    assert aliases == {f"ca-{one.fingerprint[:16]}".encode() for one in BOTH.trust.authorities}
    assert len(aliases) == 2


def test_the_fingerprint_is_of_certificates_and_cas_not_of_bytes() -> None:
    other = Stores(accepted(data(issued("zk", OLD), ca=OLD.pem)).key_pair, BEFORE.trust)
    assert len({BEFORE.fingerprint, BOTH.fingerprint, other.fingerprint}) == 3
    assert Stores(BEFORE.key_pair, trust_of([OLD.value])).fingerprint == BEFORE.fingerprint


def test_no_key_in_what_is_shown() -> None:
    body = BEFORE.key_pair.key.pem.decode().splitlines()[1]
    assert body not in repr(BEFORE)
    assert body in build_stores(BEFORE, live={}, fresh_password="x")[KEY_STORE].decode()

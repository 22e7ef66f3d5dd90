"""What a snapshot proves: that its tree is that of one zxid, that it is not, or nothing."""

from dataclasses import replace

import pytest
from tests.unit.zookeeper.snapshot.trees import (
    FILES,
    SMALL,
    ZXID,
    node,
    verified,
    with_nodes,
    write,
)

from zookeeper_operator.zookeeper.snapshot import writer
from zookeeper_operator.zookeeper.snapshot.records import Kind
from zookeeper_operator.zookeeper.snapshot.verification import Consistency


def with_digest(monkeypatch: pytest.MonkeyPatch, value: int, *, version: int = 2) -> bytes:
    """A snapshot whose server has computed another digest."""
    monkeypatch.setattr(writer, "signed", lambda _: value)
    monkeypatch.setattr(writer, "DIGEST_VERSION", version)
    return write(SMALL)


def test_numbers() -> None:
    found = verified(write(SMALL))
    assert (found.consistency, found.reason) == (Consistency.EXACT, "")
    assert found.zxid == found.highest_zxid == found.latest_zxid == ZXID
    assert found.nodes == len(SMALL.nodes)
    assert found.data_bytes == sum(len(each.data or b"") for each in SMALL.nodes)
    assert found.sessions == 1
    assert found.kinds == {
        Kind.PERSISTENT: 7,
        Kind.EPHEMERAL: 1,
        Kind.CONTAINER: 1,
        Kind.TTL: 1,
    }
    assert found.trailer.digest is not None
    assert found.digest == found.trailer.digest.value


def test_another_digest_is_a_torn_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    found = verified(with_digest(monkeypatch, -5))
    assert found.consistency is Consistency.TORN
    assert f"that of the tree after {ZXID:#x} was -5: it changed" in found.reason


def test_a_digest_that_the_server_had_not_computed_proves_nothing() -> None:
    found = verified(write(with_nodes(SMALL, [node("/", zxid=0)]), zxid=0))
    assert found.consistency is Consistency.UNKNOWN
    assert found.reason == "the server had not computed a digest yet"
    assert found.zxid == 0


def test_a_digest_of_a_later_version_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = verified(with_digest(monkeypatch, 5, version=3))
    assert found.consistency is Consistency.UNKNOWN
    assert found.reason == "digests of version 3 are not known"


def test_no_digest_proves_nothing() -> None:
    found = verified(write(SMALL)[: -21 - 33])
    assert (found.consistency, found.zxid) == (Consistency.UNKNOWN, None)
    assert found.reason == "the file has no digest"


def test_a_znode_of_a_later_transaction_is_a_torn_tree() -> None:
    found = verified(write(SMALL, zxid=ZXID - 1))
    assert found.consistency is Consistency.TORN
    assert (
        f"changed by the transaction {ZXID:#x}, the tree is that after {ZXID - 1:#x}"
        in found.reason
    )


def test_what_the_server_writes_itself_may_be_later() -> None:
    config = node("/zookeeper/config", b"server.1=", zxid=0x600000000)
    tree = with_nodes(SMALL, [*SMALL.nodes[:2], config])
    assert verified(write(tree)).consistency is Consistency.EXACT


def test_an_acl_that_was_added_after_the_table_had_been_written_is_a_torn_tree() -> None:
    found = verified(write(with_nodes(SMALL, [*SMALL.nodes, node("/late", acl=8)])))
    assert found.consistency is Consistency.TORN
    assert found.reason == "the ACL of '/late' is not in the file"


def test_a_server_whose_charset_is_ascii_has_another_digest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ascii_paths = (replace(each, path=each.path.replace("ü", "?")) for each in SMALL.nodes)
    as_server = verified(write(with_nodes(SMALL, ascii_paths))).digest
    found = verified(with_digest(monkeypatch, as_server))
    assert found.consistency is Consistency.EXACT
    assert found.digest != as_server


@pytest.mark.parametrize("line", ["3.8.6", "3.9.5"])
@pytest.mark.parametrize("name", ["full", "full.gz"])
def test_the_digest_is_that_of_the_server(line: str, name: str) -> None:
    found = verified((FILES / f"{name}-{line}").read_bytes())
    assert (found.consistency, found.reason) == (Consistency.EXACT, "")
    assert found.trailer.digest is not None
    assert found.digest == found.trailer.digest.value
    assert (found.trailer.last_zxid is None) == (line == "3.8.6")
    assert set(found.kinds) == set(Kind)
    assert found.sessions == 1

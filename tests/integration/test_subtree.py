"""Writing znodes of a backup back into a living ensemble, on real servers."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kazoo.security import OPEN_ACL_UNSAFE, make_digest_acl
from tests.integration.zookeeper_servers import PASSWORD, ZooKeeperServers

from zookeeper_operator.ensemble import names
from zookeeper_operator.zookeeper import subtree
from zookeeper_operator.zookeeper.live_tree import list_paths, read_contents, read_znodes
from zookeeper_operator.zookeeper.session import Deadline, Session, open_session
from zookeeper_operator.zookeeper.snapshot.records import Acl
from zookeeper_operator.zookeeper.snapshot.selection import Wanted
from zookeeper_operator.zookeeper.subtree import (
    Change,
    Outcome,
    SubtreeError,
    restore_subtree,
)

OPEN = (Acl(31, "world", "anyone"),)


@pytest.fixture(scope="module", autouse=True)
def _founded(zookeeper: ZooKeeperServers) -> None:
    """What other tests have left may be too much to be deleted znode by znode."""
    zookeeper.found([1, 2, 3])


@pytest.fixture
def session(zookeeper: ZooKeeperServers) -> Iterator[Session]:
    """A session of the super user, of an ensemble without znodes of applications."""
    zookeeper.restore([1, 2, 3])
    hosts = [f"{zookeeper[n].ip}:{names.CLIENT_PORT}" for n in (1, 2, 3)]
    with open_session(hosts, Deadline(20), password=PASSWORD, session_seconds=10) as found:
        for name in found.get_children("/"):
            if name != "zookeeper":
                found.delete(f"/{name}", recursive=True)
        yield found


def backed_up(session: Session, top: str) -> list[Wanted]:
    """The znodes as they are now, without the ephemeral ones, and those above them."""
    above = [top[: i or 1] for i, c in enumerate(top) if c == "/"]
    paths = [*dict.fromkeys(above), *list_paths(session, top)]
    found = read_znodes(session, paths)
    return [Wanted(p, found[p].data, found[p].acls) for p in paths if not found[p].ephemeral]


def restore(session: Session, wanted: list[Wanted], **options: Any) -> Outcome:
    return restore_subtree(session, wanted, **{"top": "/app", "dry_run": False, **options})


def fill(session: Session) -> None:
    session.create("/app", b"top")
    session.create("/app/null", None)
    session.create("/app/Zürich", "ä".encode())
    session.create("/app/secret", b"s", acl=[make_digest_acl("user", "password", all=True)])
    session.create("/app/many")
    for number in range(250):
        session.create(f"/app/many/{number:03}", b"x" * number)
    session.create("/other", b"other")


def test_a_subtree_that_was_deleted_comes_back_with_its_data_and_its_acls(session: Session) -> None:
    fill(session)
    wanted, before = backed_up(session, "/app"), list(read_contents(session, "/app"))
    session.delete("/app", recursive=True)
    looked = restore(session, wanted, dry_run=True)
    assert looked.counts[Change.CREATED] == 255
    assert session.exists("/app") is None, "a dry run writes nothing"
    assert restore(session, wanted).counts[Change.CREATED] == 255
    assert list(read_contents(session, "/app")) == before
    assert session.get("/app/null")[0] is None
    again = restore(session, wanted)
    assert again.differences == 0
    assert again.counts[Change.SAME] == len(wanted)


def test_only_what_differs_is_written_and_nothing_is_deleted_unasked(session: Session) -> None:
    fill(session)
    wanted = backed_up(session, "/app")
    session.set("/app/many/007", b"other")
    session.set("/other", b"changed")
    session.set_acls("/app/secret", OPEN_ACL_UNSAFE)
    session.delete("/app/null")
    session.create("/app/new/child", makepath=True)
    outcome = restore(session, wanted)
    assert dict(outcome.counts) == {
        Change.CHANGED: 1,
        Change.ACL: 1,
        Change.CREATED: 1,
        Change.SAME: len(wanted) - 3,
    }
    assert session.get("/app/many/007")[0] == b"x" * 7
    assert session.get("/app/many/006")[1].version == 0, "what is the same is not written"
    assert session.get("/other")[0] == b"changed", "what is beside the subtree is left alone"
    assert session.exists("/app/new/child")
    pruned = restore(session, wanted, prune=True)
    assert pruned.counts[Change.DELETED] == 2
    assert session.exists("/app/new") is None
    secret = read_znodes(session, ["/app/secret"])["/app/secret"]
    assert secret.acls == next(z.acls for z in wanted if z.path == "/app/secret")


def test_ephemeral_znodes_of_clients_are_left_alone(session: Session) -> None:
    fill(session)
    wanted = [*backed_up(session, "/app"), Wanted("/app/lock", b"of the backup", OPEN)]
    session.create("/app/lock", b"of a client", ephemeral=True)
    session.create("/app/locks")
    session.create("/app/locks/mine", b"of a client", ephemeral=True)
    outcome = restore(session, wanted, prune=True)
    assert outcome.differences == 0
    assert outcome.counts[Change.EPHEMERAL] == 3
    assert session.get("/app/lock")[0] == b"of a client"
    assert session.exists("/app/locks/mine")


def test_what_a_client_writes_meanwhile_is_not_overwritten_unseen(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client changes the znode between each comparison and the write that follows from it."""
    fill(session)
    wanted = backed_up(session, "/app")
    session.set("/app/many/100", b"changed")
    reads = read_znodes
    writes = iter(range(100))

    def interfering(found: Session, paths: list[str]) -> Any:
        seen = reads(found, paths)
        if "/app/many/100" in paths:
            session.set("/app/many/100", f"client {next(writes)}".encode())
        return seen

    monkeypatch.setattr(subtree, "read_znodes", interfering)
    outcome = restore(session, wanted)
    assert session.get("/app/many/100")[0].startswith(b"client")
    assert outcome.counts[Change.BUSY] == 1


def test_a_client_that_is_faster_once_costs_another_comparison(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(session)
    wanted = backed_up(session, "/app")
    session.set("/app/many/100", b"changed")
    reads = read_znodes
    once = threading.Event()

    def interfering(found: Session, paths: list[str]) -> Any:
        seen = reads(found, paths)
        if "/app/many/100" in paths and not once.is_set():
            once.set()
            session.set("/app/many/100", b"client")
        return seen

    monkeypatch.setattr(subtree, "read_znodes", interfering)
    assert restore(session, wanted).counts[Change.CHANGED] == 1
    assert session.get("/app/many/100")[0] == b"x" * 100


def test_znodes_of_zookeeper_itself_are_never_touched(session: Session) -> None:
    fill(session)
    session.ensure_path("/zookeeper/quota/app")
    before = list(session.get_children("/zookeeper"))
    outcome = restore(session, [Wanted("/", b"", OPEN)], top="/", prune=True)
    assert outcome.counts[Change.DELETED] == 256
    assert session.get_children("/") == ["zookeeper"]
    assert session.get_children("/zookeeper") == before
    assert session.exists("/zookeeper/quota/app")
    session.delete("/zookeeper/quota/app")


def test_znodes_above_the_subtree_are_created_but_never_changed(session: Session) -> None:
    fill(session)
    session.create("/app/many/deep/er", b"1", makepath=True)
    wanted = backed_up(session, "/app/many/deep")
    session.set("/app", b"newer")
    session.delete("/app/many", recursive=True)
    outcome = restore(session, wanted, top="/app/many/deep")
    assert outcome.counts[Change.CREATED] == 3
    assert session.get("/app")[0] == b"newer"
    assert session.get("/app/many/deep/er")[0] == b"1"


def test_large_znodes_are_written_in_requests_that_the_servers_accept(session: Session) -> None:
    session.create("/app")
    wanted = [Wanted("/app", b"", OPEN)]
    wanted += [Wanted(f"/app/{n}", b"x" * 300_000, OPEN) for n in range(10)]
    assert restore(session, wanted).counts[Change.CREATED] == 10


def test_an_acl_that_no_member_knows_is_reported(session: Session) -> None:
    with pytest.raises(SubtreeError, match="scheme that the members do not know"):
        restore(session, [Wanted("/app", b"", (Acl(31, "unknown", "x"),))])

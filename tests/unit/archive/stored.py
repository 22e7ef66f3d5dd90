"""Backups for tests: stores in a directory, manifests, and strategies for any."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from zookeeper_operator.archive import layout
from zookeeper_operator.archive.encryption import Key
from zookeeper_operator.archive.manifest import Backup, Manifest, format_time
from zookeeper_operator.archive.stores import Store
from zookeeper_operator.archive.transfer import encryption_context, upload
from zookeeper_operator.archive.volume import VolumeStore

NOW: Final = datetime(2026, 11, 26, 2, 0, 17, tzinfo=UTC)
IDENTITY: Final = "0123456789abcdef"
PLACE: Final = layout.Place("zk", "demo", "zk", IDENTITY)
KEY: Final = Key(bytes(range(32)))
ZXID: Final = 0x500000042


def store_in(path: Path) -> VolumeStore:
    return VolumeStore(path, claim="backups")


def manifest_of(**fields: Any) -> Manifest:
    value: dict[str, Any] = {
        "format": 1,
        "namespace": "demo",
        "ensemble": "zk",
        "identity": IDENTITY,
        "backup": "zk-1",
        "backupUid": "uid-1",
        "startedAt": format_time(NOW),
        "completedAt": format_time(NOW),
        "data": "snapshot.gz",
        "sizeBytes": 10,
        "storedBytes": 5,
        "sha256": "00" * 32,
        "zxid": f"{ZXID:x}",
        "epoch": ZXID >> 32,
        "znodes": 3,
        "dataBytes": 2,
        "ephemerals": 0,
        "sessions": 0,
        "digest": "1234",
        "consistency": "Exact",
        "verified": {"at": format_time(NOW), "by": "Restore", "znodes": 3},
        **fields,
    }
    return Manifest.model_validate(value)


def backup_of(
    number: int, *, zxid: int = ZXID, at: datetime | None = None, by: str = "Restore", **fields: Any
) -> Backup:
    """A complete backup without data; `number` makes it another one."""
    started = at or NOW + timedelta(hours=number)
    name = layout.DirectoryName(started, zxid).text
    manifest = manifest_of(
        backup=f"zk-{number}",
        backupUid=f"uid-{number}",
        startedAt=format_time(started),
        zxid=f"{zxid:x}",
        verified={"at": format_time(NOW), "by": by, "znodes": 3},
        **fields,
    )
    return Backup(f"{PLACE.path}/{name}-{number}", manifest)


def put_manifest(store: Store, manifest: Manifest) -> Backup:
    """Store a manifest where it belongs, and data beside it."""
    started = datetime.strptime(manifest.started_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    path = f"{PLACE.path}/{layout.DirectoryName(started, manifest.transaction).text}"
    store.put(f"{path}/{manifest.data}", [b"data"])
    store.create(f"{path}/{layout.MANIFEST}", manifest.text())
    return Backup(path, manifest)


def store_snapshot(
    store: Store, snapshot: Path, *, key: Key | None = None, **fields: Any
) -> Backup:
    """Store a snapshot with its manifest, as the agent does."""
    manifest = manifest_of(**fields)
    directory = f"{PLACE.path}/{layout.DirectoryName(NOW, manifest.transaction).text}"
    context = encryption_context(manifest.identity, manifest.started_at, manifest.zxid)
    transfer = upload(store, snapshot, directory, key=key, context=context)
    update = {
        "data": transfer.data,
        "size_bytes": transfer.size_bytes,
        "stored_bytes": transfer.stored_bytes,
        "sha256": transfer.sha256,
        "encryption": transfer.encryption,
    }
    manifest = manifest.model_copy(update=update)
    store.create(f"{directory}/{layout.MANIFEST}", manifest.text())
    return Backup(directory, manifest)


segments = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
places = st.builds(
    layout.Place,
    prefix=st.lists(segments, max_size=3).map("/".join),
    namespace=segments,
    ensemble=segments,
    identity=st.from_regex(r"[0-9a-f]{8,32}", fullmatch=True),
)
moments = st.integers(min_value=946_684_800, max_value=4_102_444_800).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
zxids = st.integers(min_value=0, max_value=(1 << 63) - 1)

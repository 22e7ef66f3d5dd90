"""Copies all znodes of one ensemble into another by two clients, and compares them in the end.

    pip install kazoo
    python copy_znodes.py --from 127.0.0.1:2191 --to 127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183

Stop all writes to the old ensemble first; what is written meanwhile may be missing, which the comparison
shows. Run it again to continue: it creates what is missing and sets what differs, and removes nothing.

Data and ACLs are copied. Not copied, because a client cannot: versions and times, ephemeral znodes (they
belong to sessions), TTL and container znodes (they become persistent), and the counters from which sequential
znodes get their numbers: new ones start again at a low number below a copied parent.
"""

import argparse
import sys
from collections.abc import Iterator

from kazoo.client import KazooClient
from kazoo.exceptions import NodeExistsError, NoNodeError

OWN = "/zookeeper"
"""What ZooKeeper keeps about itself: configuration and quotas."""


def walk(client: KazooClient, path: str = "/") -> Iterator[str]:
    """Yield every path, parents first."""
    yield path
    try:
        names = client.get_children(path)
    except NoNodeError:
        return
    for name in sorted(names):
        child = f"{path.rstrip('/')}/{name}"
        if child != OWN:
            yield from walk(client, child)


def copy(old: KazooClient, new: KazooClient, path: str) -> str:
    """Copy one znode; says what was done."""
    data, stat = old.get(path)
    if stat.ephemeralOwner:
        return "ephemeral"
    acl, _ = old.get_acls(path)
    try:
        new.create(path, data, acl=acl)
    except NodeExistsError:
        if new.get(path)[0] == data and new.get_acls(path)[0] == acl:
            return "same"
        new.set(path, data)
        new.set_acls(path, acl)
        return "changed"
    return "created"


def difference(old: KazooClient, new: KazooClient, path: str) -> bool:
    """Whether a znode is missing, or has other data."""
    try:
        data, stat = old.get(path)
        return not stat.ephemeralOwner and new.get(path)[0] != data
    except NoNodeError:
        return True


def main() -> int:
    """Copy and compare; exit code 0 if both hold the same."""
    parser = argparse.ArgumentParser(description="copy all znodes of one ensemble into another")
    parser.add_argument("--from", dest="old", required=True, help="connection string")
    parser.add_argument("--to", dest="new", required=True, help="connection string")
    options = parser.parse_args()
    old, new = KazooClient(options.old, read_only=True), KazooClient(options.new)
    old.start(timeout=30)
    new.start(timeout=30)
    try:
        counted: dict[str, int] = {}
        for path in walk(old):
            done = copy(old, new, path)
            counted[done] = counted.get(done, 0) + 1
        print(", ".join(f"{number} {done}" for done, number in sorted(counted.items())))  # noqa: T201
        differing = [path for path in walk(old) if difference(old, new, path)]
        print(f"{len(differing)} differ" + "".join(f"\n  {path}" for path in differing))  # noqa: T201
    finally:
        for client in (old, new):
            client.stop()
            client.close()
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())

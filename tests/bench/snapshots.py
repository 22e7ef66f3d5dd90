"""How long snapshots take, and how much memory: `python -m tests.bench.snapshots 1000000000`.

Prints one table: a row for each operation on files of this size, of small, middle and large znodes. Each
operation runs in a process of its own, so that its memory is its own.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from zookeeper_operator.zookeeper.snapshot.comparison import compare
from zookeeper_operator.zookeeper.snapshot.content import Content, contents
from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import (
    Acl,
    Header,
    Node,
    Sessions,
    Stat,
    to_record,
)
from zookeeper_operator.zookeeper.snapshot.restore import RestorePoint, strip
from zookeeper_operator.zookeeper.snapshot.verification import Consistency, verify
from zookeeper_operator.zookeeper.snapshot.writer import SnapshotWriter

DATA_SIZES: Final = (100, 1_000, 100_000)
_OVERHEAD: Final = 95  # bytes of a znode beside its data
_CHILDREN: Final = 1000
_FIRST: Final = 0x100000000


def generate(file: Path, *, size: int, data_size: int) -> int:
    """Write a snapshot of about this size; how many znodes it has."""
    noise = os.urandom(2 * data_size)
    count = max(1, size // (data_size + _OVERHEAD))
    stat = Stat(_FIRST, _FIRST, 1_700_000_000_000, 1_700_000_000_000, 0, 0, 0, 0, _FIRST)
    with file.open("wb") as output:
        acls = {1: (Acl(31, "world", "anyone"),)}
        writer = SnapshotWriter(output.write, Header(Sessions(), acls))
        writer.add(to_record(Node("/", b"", 1, stat)))
        for number in range(count):
            folder = f"/d{number // _CHILDREN:05}"
            if number % _CHILDREN == 0:
                writer.add(to_record(Node(folder, b"", 1, stat)))
            begin = number * 7 % data_size
            data = noise[begin : begin + data_size]
            writer.add(to_record(Node(f"{folder}/n{number % _CHILDREN:05}", data, 1, stat)))
        writer.finish(_FIRST)
    return count


def compress(file: Path) -> Path:
    """Compress it as a server does."""
    target = file.with_suffix(".gz")
    squeezed = zlib.compressobj(1, wbits=31)
    with file.open("rb") as source, target.open("wb") as output:
        while block := source.read(1 << 20):
            output.write(squeezed.compress(block))
        output.write(squeezed.flush())
    return target


def verify_file(file: Path) -> None:
    """Verify it."""
    with file.open("rb", buffering=0) as stream:
        assert verify(stream.read).consistency is Consistency.EXACT


def strip_file(file: Path) -> None:
    """Strip it for a restore; what is written is thrown away."""
    with file.open("rb", buffering=0) as stream, Path(os.devnull).open("wb") as output:
        strip(SnapshotReader(stream.read), output.write, RestorePoint(2))


def compare_file(file: Path) -> None:
    """Compare it with itself."""

    def tree() -> Iterator[Content]:
        with file.open("rb", buffering=0) as stream:
            yield from contents(SnapshotReader(stream.read))

    assert list(compare(tree, tree)) == []


OPERATIONS: Final[Mapping[str, Callable[[Path], None]]] = {
    "verify": verify_file,
    "verify gzip": verify_file,
    "strip": strip_file,
    "compare": compare_file,
}


def run(operation: str, file: Path) -> None:
    """Run one operation in this process and print what it used."""
    wall, cpu = time.monotonic(), time.process_time()
    OPERATIONS[operation](file)
    used = resource.getrusage(resource.RUSAGE_SELF)
    numbers = {
        "wall": time.monotonic() - wall,
        "cpu": time.process_time() - cpu,
        "MB": used.ru_maxrss / 1000,
    }
    sys.stdout.write(json.dumps(numbers))


def measure(operation: str, file: Path) -> Mapping[str, float]:
    """Run one operation in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "--run", operation, str(file)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    numbers: dict[str, float] = json.loads(result.stdout)
    return numbers


def main() -> None:
    """Measure everything, or run one operation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", type=int, nargs="?", default=1_000_000_000)
    parser.add_argument("--run", nargs=2, metavar=("OPERATION", "FILE"))
    given = parser.parse_args()
    if given.run:
        run(given.run[0], Path(given.run[1]))
        return
    table = io.StringIO()
    table.write("| data of a znode | znodes | operation | wall | CPU | memory |\n")
    table.write("| ---: | ---: | --- | ---: | ---: | ---: |\n")
    with tempfile.TemporaryDirectory() as folder:
        for data_size in DATA_SIZES:
            file = Path(folder) / "snapshot"
            count = generate(file, size=given.size, data_size=data_size)
            for operation in OPERATIONS:
                target = compress(file) if operation == "verify gzip" else file
                used = measure(operation, target)
                table.write(
                    f"| {data_size:,} B | {count:,} | {operation} | {used['wall']:.1f} s "
                    f"| {used['cpu']:.1f} s | {used['MB']:.0f} MB |\n"
                )
            file.with_suffix(".gz").unlink()
    sys.stdout.write(table.getvalue())


if __name__ == "__main__":
    main()

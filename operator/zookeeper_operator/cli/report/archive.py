"""The archive itself, from what was collected: everything that is written goes through the redactor here.

Pure: entries in, bytes out.
"""

import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import yaml

from zookeeper_operator.cli.report.redact import Redactor

_UNUSUAL: Final = re.compile(r"[^\w.@+=-]")
_PRIVATE: Final = 0o600


@dataclass(frozen=True)
class Entry:
    """One file: a text, or a tree that is written as YAML or JSON, as its name says."""

    path: str
    content: Any


@dataclass(frozen=True)
class Gap:
    """Something that a report should hold and does not, with why."""

    what: str
    why: str


@dataclass
class Collected:
    """What has been found so far, and the values that must not be in it. `repr` hides those."""

    entries: list[Entry] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list, repr=False)


def path_of(*parts: str) -> str:
    """Return a path of these parts, none of which can lead out of the archive."""
    return "/".join(_UNUSUAL.sub("_", part).lstrip(".") or "_" for part in parts)


def build_archive(folder: str, collected: Collected, readme: Sequence[str], at: datetime) -> bytes:
    """Return a .tar.gz of one folder; the same entries give the same bytes."""
    redactor = Redactor(collected.secrets)
    files = {
        redactor.text(entry.path): _text_of(entry, redactor).encode("utf-8", errors="replace")
        for entry in collected.entries
    }
    listed = [*readme, "", "## Not in here", "", *_gaps(collected.gaps)]
    files["README.txt"] = redactor.text("\n".join(listed) + "\n").encode()
    packed = io.BytesIO()
    moment = int(at.timestamp())
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=moment) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size, member.mtime, member.mode = len(content), moment, _PRIVATE
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _gaps(gaps: Iterable[Gap]) -> list[str]:
    return [f"* {gap.what}: {gap.why}" for gap in gaps] or ["Nothing is missing."]


def _text_of(entry: Entry, redactor: Redactor) -> str:
    if isinstance(entry.content, str):
        return redactor.text(entry.content)
    tree = redactor.value(entry.content)
    if entry.path.endswith(".json"):
        return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120)

"""The metrics that a member serves: read from one scrape, and kept in a file for tests without servers."""

import re
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "golden" / "metrics"

_SAMPLE: Final = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})? ")
_LABEL: Final = re.compile(r'(\w+)="')

Series = tuple[str, tuple[str, ...]]
"""The name of a series and the names of its labels."""


def scrape(address: str) -> str:
    """What a member at an address and port serves to Prometheus."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def series_of(texts: Iterable[str]) -> set[Series]:
    """Every series of some scrapes, without its values, under the names that Prometheus gives them.

    The parser of the Python client gives counters another name.
    """
    lines = (line for text in texts for line in text.splitlines() if not line.startswith("#"))
    found = (_SAMPLE.match(line) for line in lines)
    return {(m[1], tuple(sorted(_LABEL.findall(m[2] or "")))) for m in found if m is not None}


def record(line: str, series: Iterable[Series]) -> None:
    """Keep the series of the members of a line."""
    FOLDER.mkdir(exist_ok=True)
    rows = [f"{name}{{{','.join(labels)}}}" for name, labels in sorted(series)]
    (FOLDER / f"{line}.txt").write_text("\n".join(rows) + "\n", encoding="ascii")


def recorded(line: str) -> Iterator[Series]:
    """The series that members of a line have served."""
    for row in (FOLDER / f"{line}.txt").read_text(encoding="ascii").splitlines():
        name, _, labels = row.removesuffix("}").partition("{")
        yield name, tuple(filter(None, labels.split(",")))

"""Which versions a run of the tests has met: noted where a server says what it is, shown as rows of a table.

`e2e/test.sh` gives each stage a file for its notes, and `count.py` puts them together. Without such a file
nothing is noted. This module decides nothing about what is tested.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[1] / "docs/reference/tested-versions.md"
HEAD: Final = "| Of | Tests | Version | Tests passed | On |\n| --- | --- | --- | --- | --- |\n"
_TABLE: Final = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")
_noted: set[str] = set()


@dataclass(frozen=True, order=True)
class Row:
    """What one command has tested with: versions of one thing, how many tests passed, and the day."""

    of: str
    command: str
    versions: str
    passed: int
    day: str

    def __str__(self) -> str:
        """The line of the table."""
        cells = (self.of, f"`{self.command}`", self.versions, str(self.passed), self.day)
        return f"| {' | '.join(cells)} |"


def note(command: str, of: str, version: str) -> None:
    """Note that a server of the tests of `command` said that it is of this version."""
    file = os.environ.get("TESTED_NOTES")
    line = f"{command}\t{of}\t{version.removeprefix('v')}\n"
    if file and line not in _noted:
        _noted.add(line)
        with Path(file).open("a", encoding="utf-8") as notes:  # so few bytes are written at once
            notes.write(line)


def read_rows(folder: Path, passed: Mapping[str, int], day: str) -> list[Row]:
    """Rows of the notes in a folder, one `STAGE.tested` a stage; `passed` counts the tests of each stage."""
    versions: dict[tuple[str, str], set[str]] = {}
    stages: dict[tuple[str, str], set[str]] = {}
    for notes in folder.glob("*.tested"):
        for line in notes.read_text(encoding="utf-8").splitlines():
            command, of, version = line.split("\t")
            versions.setdefault((of, command), set()).add(version)
            stages.setdefault((of, command), set()).add(notes.stem)
    return sorted(
        Row(of, command, ", ".join(sorted(found)), sum(passed[s] for s in stages[of, command]), day)
        for (of, command), found in versions.items()
    )


def write_rows(page: str, rows: Iterable[Row]) -> str:
    """The page with these rows in its table; rows of other commands stay as they were."""
    (table,) = _TABLE.findall(page)
    lines = table.removeprefix(HEAD).splitlines()
    new = {(row.of, row.command): str(row) for row in rows}
    kept = [
        line
        for line in lines
        if not any(line.startswith(f"| {of} | `{command}` |") for of, command in new)
    ]
    written = "\n".join(sorted([*kept, *new.values()]))
    return page.replace(table, f"{HEAD}{written}\n")

"""The samples of the board in the text format of Prometheus.

Pure. A report never changes, so its lines are written once: with a thousand ensembles, a scrape that writes
all of them would hold up the event loop for a third of a second.
"""

from collections.abc import Iterator, Mapping, Sequence

from zookeeper_operator.control.board import Board, Report
from zookeeper_operator.control.controller import Key
from zookeeper_operator.control.series import Entry

_Lines = Mapping[str, str]
"""The lines of one report, by the name of their entry."""


class BoardText:
    """What the board reports, as text; `render` reads the board at every scrape.

    So the series of a key vanish with its report, and nothing must be taken back.
    """

    def __init__(self, board: Board, reported: Sequence[Entry]) -> None:
        """Render the samples of these entries."""
        self._board = board
        self._entries = {entry.name: entry for entry in reported}
        self._written: dict[Key, tuple[Report, _Lines]] = {}

    def render(self) -> str:
        """Every entry, with the samples that the board has now."""
        self._written = dict(self._reports())
        written = [lines for _, lines in self._written.values()]
        return "".join(
            part
            for name, entry in self._entries.items()
            for part in (_head(entry), *(lines[name] for lines in written if name in lines))
        )

    def _reports(self) -> Iterator[tuple[Key, tuple[Report, _Lines]]]:
        for key in self._board:
            report = self._board.get(key)
            if report is None:
                continue
            known = self._written.get(key)
            if known is not None and known[0] is report:
                yield key, known
            else:
                yield key, (report, self._lines(report))

    def _lines(self, report: Report) -> _Lines:
        found: dict[str, str] = {}
        for sample in report.samples:
            labels = zip(self._entries[sample.name].labels, sample.labels, strict=True)
            written = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels)
            line = f"{sample.name}{{{written}}} {float(sample.value)!r}\n"
            found[sample.name] = found.get(sample.name, "") + line
        return found


def _head(entry: Entry) -> str:
    return f"# HELP {entry.name} {entry.help}\n# TYPE {entry.name} {entry.type}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")

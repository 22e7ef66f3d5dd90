"""The text of the board: what a parser of Prometheus reads, and what a scrape does not write again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Key
from zookeeper_operator.control.exposition import BoardText
from zookeeper_operator.control.series import Sample, counter, gauge

WARMTH = gauge("kettle_warmth", ("kettle", "place"), 'How "warm" the water is.')
BOILED = counter("kettle_boiled", ("kettle",), "Times the water has boiled.")
ONE, TWO = Key("Kettle", "kitchen", "one"), Key("Kettle", "kitchen", "two")


@dataclass
class Kettle:
    """A report that counts how often its samples are read."""

    found: Sequence[Sample]
    read: int = field(default=0)

    @property
    def samples(self) -> Sequence[Sample]:
        self.read += 1
        return self.found

    async def probe(self) -> bool:
        return False


def boiled(kettle: str, times: float) -> Kettle:
    return Kettle([Sample(BOILED.name, (kettle,), times)])


def parsed(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(
    kettle=st.text(st.characters(exclude_categories=["Cs"])),
    place=st.text(st.characters(exclude_categories=["Cs"])),
    value=st.floats(),
)
def test_any_label_and_any_value_is_read_as_it_was(kettle: str, place: str, value: float) -> None:
    board = Board()
    board.post(ONE, Kettle([Sample(WARMTH.name, (kettle, place), value)]))
    ((labels, read),) = parsed(BoardText(board, [WARMTH]).render()).items()
    assert labels == (WARMTH.name, (kettle, place))
    assert read == value or (math.isnan(read) and math.isnan(value))


def test_the_series_of_a_metric_stand_together_with_their_kind() -> None:
    """As the format asks, whatever the order of the reports."""
    board = Board()
    for key in (ONE, TWO):
        samples = [
            Sample(WARMTH.name, (key.name, "shelf"), 20),
            Sample(BOILED.name, (key.name,), 1),
        ]
        board.post(key, Kettle(samples))
    families = list(text_string_to_metric_families(BoardText(board, [WARMTH, BOILED]).render()))
    assert [(f.type, len(f.samples)) for f in families] == [("gauge", 2), ("counter", 2)]
    assert families[0].documentation == WARMTH.help


def test_what_has_not_changed_is_not_written_again() -> None:
    board, one, two = Board(), boiled("one", 1), boiled("two", 1)
    text = BoardText(board, [BOILED])
    board.post(ONE, one)
    board.post(TWO, two)
    for _ in range(3):
        assert parsed(text.render()) == {(BOILED.name, ("one",)): 1, (BOILED.name, ("two",)): 1}
    board.post(TWO, again := boiled("two", 2))
    board.remove(ONE)
    for _ in range(3):
        assert parsed(text.render()) == {(BOILED.name, ("two",)): 2}
    assert (one.read, two.read, again.read) == (1, 1, 1)
    board.post(ONE, one)
    assert (BOILED.name, ("one",)) in parsed(text.render()), "it is back"


def test_a_sample_that_no_entry_describes_is_a_fault() -> None:
    board = Board()
    board.post(ONE, Kettle([Sample("kettle_size", ("one",), 1)]))
    with pytest.raises(KeyError):
        BoardText(board, [BOILED]).render()

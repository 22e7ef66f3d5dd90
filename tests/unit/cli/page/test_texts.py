"""Texts that others have written, and data that may be anything."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.cli.page.texts import MOST_TEXT, describe_data, hex_lines, visible


@given(st.text())
def test_nothing_is_hidden(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_usual_texts_stay() -> None:
    for text in ("", "Zürich", "日本", "emoji 🦓", "<b>markup is text</b>"):
        assert visible(text) == text
    assert visible("a\nb\u202ec") == "a\\u000ab\\u202ec"
    assert visible("\U000e0041") == "\\U000e0041"
    assert visible("abc", longest=2) == "ab…"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"hello", "text"),
        ("ä\n\tb".encode(), "text"),
        (b'{"a": [1, 2]}', "json"),
        (b'{"a": ', "text"),
        (b"\x00\x01\x02\x03", "binary"),
        (b"\xff\xfe", "binary"),
        (b"[" * 100_000, "text"),
        (b"<script>alert(1)</script>", "text"),
    ],
)
def test_what_it_is(data: bytes, kind: str) -> None:
    found = describe_data(data)
    assert (found["kind"], found["size"]) == (kind, len(data))
    assert json.loads(json.dumps(found)) == found


@given(st.binary(max_size=300))
def test_any_bytes_can_be_shown(data: bytes) -> None:
    found = describe_data(data)
    assert found["hex"].count("\n") == max(0, (min(len(data), 4096) - 1) // 16)


def test_a_megabyte_is_cut_also_in_the_middle_of_a_character() -> None:
    found = describe_data(b"x" + "ä".encode() * 600_000)
    assert (found["kind"], found["cut"], found["hexCut"]) == ("text", True, True)
    assert len(found["text"]) <= MOST_TEXT
    assert len(json.dumps(found)) < 600_000


def test_json_is_laid_out_and_its_control_characters_are_visible() -> None:
    found = describe_data(b'{"a":"\\u202e"}')
    assert found["json"] == '{\n  "a": "\\u202e"\n}'


def test_bytes_by_number_and_character() -> None:
    assert hex_lines(b"\x00A\xff") == f"00000000  {'00 41 ff'.ljust(47)}  .A."

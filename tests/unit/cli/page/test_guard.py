"""Who may read the page, and what it may do."""

import re
from importlib.resources import files
from typing import Final

import pytest

from zookeeper_operator.cli.page.guard import HEADERS, Keys, refusal_of

STATIC: Final = files("zookeeper_operator.cli.page").joinpath("static")
OURS: Final = {"Host": "127.0.0.1:4000"}


@pytest.mark.parametrize(
    "headers",
    [
        OURS,
        {"Host": "localhost:9000"},
        {"Host": "[::1]:4000"},
        {**OURS, "Origin": "http://127.0.0.1:4000", "Sec-Fetch-Site": "same-origin"},
        {**OURS, "Sec-Fetch-Site": "none"},
        {**OURS, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_requests_of_this_page_are_answered(headers: dict[str, str]) -> None:
    assert refusal_of(headers) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:4000"},
        {"Host": "evil.example:4000"},
        {"Host": "127.0.0.1:4000@evil.example"},
        {**OURS, "Origin": "http://evil.example"},
        {**OURS, "Origin": "http://127.0.0.1:4001"},
        {**OURS, "Origin": "null"},
        {**OURS, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {**OURS, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_names_and_other_pages_are_refused(headers: dict[str, str]) -> None:
    assert refusal_of(headers)


def test_a_token_works_once_and_a_key_always() -> None:
    keys = Keys()
    assert keys.exchange("") is None
    assert keys.exchange("ü") is None
    key = keys.exchange(keys.token)
    assert key is not None
    assert keys.exchange(keys.token) is None
    assert keys.fits(f"Bearer {key}")
    for wrong in ("", "Bearer ", f"Bearer {keys.token}", key, f"Basic {key}", "Bearer \udcff"):
        assert not keys.fits(wrong)
    assert len({Keys().token for _ in range(10)}) == 10


def test_no_script_but_its_own_and_no_other_address() -> None:
    policy = dict(
        part.strip().partition(" ")[::2] for part in HEADERS["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("file", sorted(f.name for f in STATIC.iterdir()))
def test_no_way_from_text_to_markup_or_script(file: str) -> None:
    text = STATIC.joinpath(file).read_text(encoding="utf-8")
    sinks = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment"
        r"|\beval\b|new Function|setTimeout\(\s*[\"'`]|javascript:|srcdoc|\.src\s*=|\bimport\("
    )
    assert re.findall(sinks, text) == []
    # Nothing comes from, or goes to, another address.
    assert set(re.findall(r"\w+://[^\"'\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    if file.endswith(".html"):
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text) == []


def test_only_one_file_creates_elements() -> None:
    creating = {
        f.name
        for f in STATIC.iterdir()
        if f.name.endswith(".js") and "createElement" in f.read_text(encoding="utf-8")
    }
    assert creating == {"dom.js"}

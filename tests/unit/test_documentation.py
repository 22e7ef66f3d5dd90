"""The pages agree with the code, and with each other."""

import json
import re
from pathlib import Path

import pytest

from zookeeper_operator.api.backup_reasons import BACKUP_REASONS
from zookeeper_operator.api.privileges import PRIVILEGES
from zookeeper_operator.api.reasons import REASONS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CHART = ROOT / "charts" / "zookeeper-operator"
RUNBOOKS = DOCS / "runbooks"
WITH_RUNBOOK = {
    reason.name: reason
    for reason in (*REASONS.values(), *BACKUP_REASONS.values())
    if reason.runbook
}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made of them on the web."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in _HEADING.findall(page.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    linked = {
        (DOCS / link.partition("#")[0]).resolve() for link in _LINK.findall(index.read_text())
    }
    listed_elsewhere = {RUNBOOKS, DOCS / "adr"}  # the index names these folders
    pages = {
        page.resolve()
        for page in DOCS.rglob("*.md")
        if page != index and page.parent not in listed_elsewhere
    }
    assert pages - linked == set()


def test_every_reason_with_a_runbook_has_its_page() -> None:
    pages = {page.stem for page in RUNBOOKS.glob("*.md")} - {"README", "Alerts"}
    assert pages == set(WITH_RUNBOOK)


def test_the_index_of_the_runbooks_says_what_the_reasons_mean() -> None:
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (.*) \|$", index, re.MULTILINE)
    assert rows == [(name, name, WITH_RUNBOOK[name].sentence) for name in sorted(WITH_RUNBOOK)]


@pytest.mark.parametrize("reason", sorted(WITH_RUNBOOK))
def test_a_runbook_says_what_it_means_what_to_do_and_what_not(reason: str) -> None:
    text = (RUNBOOKS / f"{reason}.md").read_text(encoding="utf-8")
    headings = _HEADING.findall(text)
    assert headings == [reason, "What it means", "What you see", "What to do", "What not to do"]
    assert len(text.splitlines()) < 60, "a runbook is read at night"


def test_the_page_about_rights_names_every_privilege_with_what_it_gives() -> None:
    page = (DOCS / "reference/security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE)
    assert rows == list(PRIVILEGES.items())


def test_the_chart_takes_every_privilege() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    value = schema["properties"]["podTemplate"]["properties"]["allowPrivileged"]
    assert value["items"]["enum"] == list(PRIVILEGES)

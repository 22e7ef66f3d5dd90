"""The reference page is what the models say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from zookeeper_operator.api.backup_reasons import BACKUP_REASONS
from zookeeper_operator.api.conditions import CONDITION_TYPES
from zookeeper_operator.api.reasons import REASONS
from zookeeper_operator.api.schema.owned_keys import OWNED_KEYS
from zookeeper_operator.api.schema.reference import PAGES, build_backup_reference, build_reference

FILES = Path(__file__).parents[4] / "docs" / "reference"


@pytest.mark.parametrize("page", PAGES)
def test_the_committed_page_is_up_to_date(page: str) -> None:
    assert (FILES / f"{page}.md").read_text() == PAGES[page](), "run make generate"


def test_every_reason_of_a_backup_is_on_its_page() -> None:
    page = build_backup_reference()
    assert [name for name in BACKUP_REASONS if f"`{name}`" not in page] == []


def test_every_condition_reason_and_refused_key_is_on_the_page() -> None:
    page = build_reference()
    keys = [key for owned in OWNED_KEYS for key in owned.keys]
    for name in (*CONDITION_TYPES, *REASONS, *keys):
        assert f"`{name}`" in page


@pytest.mark.parametrize("build", PAGES.values(), ids=PAGES)
def test_every_row_has_as_many_cells_as_its_table(build: Callable[[], str]) -> None:
    wide = 0
    for line in build().splitlines():
        cells = line.replace("\\|", "").count("|")
        assert cells == 0 or wide in (0, cells), line
        wide = cells

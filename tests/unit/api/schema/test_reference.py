"""The reference page is what the models say."""

from pathlib import Path

from zookeeper_operator.api.conditions import CONDITION_TYPES
from zookeeper_operator.api.reasons import REASONS
from zookeeper_operator.api.schema.owned_keys import OWNED_KEYS
from zookeeper_operator.api.schema.reference import build_reference

FILE = Path(__file__).parents[4] / "docs" / "reference" / "ensemble.md"


def test_the_committed_page_is_up_to_date() -> None:
    assert FILE.read_text() == build_reference(), (
        "run make generate, or python -m zookeeper_operator.api.schema.reference > docs/reference/ensemble.md"
    )


def test_every_condition_reason_and_refused_key_is_on_the_page() -> None:
    page = build_reference()
    keys = [key for owned in OWNED_KEYS for key in owned.keys]
    for name in (*CONDITION_TYPES, *REASONS, *keys):
        assert f"`{name}`" in page


def test_every_row_has_as_many_cells_as_its_table() -> None:
    wide = 0
    for line in build_reference().splitlines():
        cells = line.replace("\\|", "").count("|")
        assert cells == 0 or wide in (0, cells), line
        wide = cells

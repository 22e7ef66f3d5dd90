"""The files that are generated are those that the code would write, and nothing else is beside them."""

from pathlib import Path

import pytest
from monitoring.__main__ import CHART, ROOT, generated

FILES = dict(generated())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_file_is_as_the_code_writes_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == FILES[path], "run `make generate`"


def test_nothing_else_is_in_the_folder_of_the_chart() -> None:
    assert {p for p in CHART.rglob("*") if p.is_file()} == {p for p in FILES if CHART in p.parents}


def test_the_pages_lead_to_the_files_of_the_chart() -> None:
    """So they need not be kept twice."""
    pages = ROOT / "docs" / "monitoring"
    assert (pages / "rules.yaml").resolve() == CHART / "rules.yaml"
    assert (pages / "dashboards").resolve() == CHART / "dashboards"

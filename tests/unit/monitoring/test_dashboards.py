"""Every panel asks for metrics that exist, and the panels of a dashboard fit together."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from monitoring.dashboards import DASHBOARDS
from tests.unit.monitoring.expressions import metrics_in
from tests.unit.monitoring.known import LINES, unknown_of

each_dashboard = pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board["uid"])


def expressions(board: dict[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["definition"].removeprefix("label_values(").rpartition(",")[0]


@each_dashboard
@pytest.mark.parametrize("line", LINES)
def test_every_metric_of_a_panel_exists(board: dict[str, Any], line: str) -> None:
    found = {e: unknown_of(metrics_in(e), line) for e in expressions(board)}
    assert {e: unknown for e, unknown in found.items() if unknown} == {}


@each_dashboard
def test_panels_have_ids_of_their_own_and_do_not_overlap(board: dict[str, Any]) -> None:
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(place["x"] + place["w"] <= 24 for place in (p["gridPos"] for p in panels))


@each_dashboard
def test_every_panel_says_what_it_shows(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["targets"]
            assert panel["description"].endswith("."), panel["title"]


@each_dashboard
def test_a_dashboard_uses_the_chosen_data_source(board: dict[str, Any]) -> None:
    sources = {
        panel["datasource"]["uid"] for panel in board["panels"] if panel["type"] != "row"
    } | {t["datasource"]["uid"] for panel in board["panels"] for t in panel.get("targets", [])}
    assert sources == {"${datasource}"}

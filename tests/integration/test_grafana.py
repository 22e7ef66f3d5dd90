"""The dashboards as Grafana's own library reads them: it knows everything in them, with its type."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from monitoring.dashboards import DASHBOARDS

READER: Final = """
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()
print(JSONEncoder().encode(Dashboard.from_json(json.load(sys.stdin))))
"""
"""A key that the model of a dashboard, a panel, its options or a query does not have is not written again."""
LEFT_OUT: Final = frozenset({".templating.list[].definition"})
"""Grafana writes it itself, beside `query`; the library of Grafana 10.1 does not have it."""


def read_and_written(python: Path, board: dict[str, Any]) -> Any:
    """A dashboard that the library has read, as it writes it."""
    done = subprocess.run(
        [str(python), "-c", READER],
        input=json.dumps(board),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def differences(ours: Any, theirs: Any, place: str = "") -> Iterator[str]:
    """What of ours is not in theirs, by its place."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from differences(value, theirs[key], f"{place}.{key}")
            else:
                yield f"{place}.{key}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for one, other in zip(ours, theirs, strict=True):
            yield from differences(one, other, f"{place}[]")
    elif ours != theirs:
        yield place


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board["uid"])
def test_grafana_knows_everything_in_a_dashboard(
    grafana_python: Path, board: dict[str, Any]
) -> None:
    assert set(differences(board, read_and_written(grafana_python, board))) <= LEFT_OUT


def test_what_grafana_does_not_know_is_found(grafana_python: Path) -> None:
    """A key of a panel, of its options and of a query."""
    board = json.loads(json.dumps(DASHBOARDS[0]))
    panel = next(panel for panel in board["panels"] if panel["type"] == "timeseries")
    panel["colour"] = "red"
    panel.setdefault("options", {}).setdefault("legend", {})["colour"] = "red"
    panel["targets"][0]["expression"] = "up"
    found = set(differences(board, read_and_written(grafana_python, board))) - LEFT_OUT
    assert found == {
        *(".panels[].colour", ".panels[].options.legend.colour", ".panels[].targets[].expression"),
    }

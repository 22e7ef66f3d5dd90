"""Dashboards of Grafana as values: what a panel shows, and the JSON that Grafana imports.

A dashboard is rows of panels. Places on the grid follow from the order, and ids too, so a small change of a
dashboard is a small change of its file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["stat", "table", "timeseries", "state-timeline"]

_COLUMNS: Final = 24
_HEIGHTS: Final[dict[Kind, int]] = {"stat": 4, "table": 8, "timeseries": 8, "state-timeline": 8}
_SCHEMA: Final = 39
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """One expression, and how its series are named in the legend."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """What is shown of some queries.

    `unit` is one of Grafana's; `steps` are (value, colour) from which on a value has this colour, beginning
    with the colour of everything below.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    unit: str = "short"
    width: int = 8
    steps: tuple[tuple[float | None, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of the dashboard, from the values of a label."""

    name: str
    label: str
    query: str
    multiple: bool = False


def dashboard(
    uid: str, title: str, description: str, *, variables: Sequence[Variable], rows: Sequence[Row]
) -> dict[str, Any]:
    """Return the JSON of a dashboard."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["zookeeper"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [_data_source(), *map(_variable, variables)]},
        "panels": list(_panels(rows)),
    }


def _data_source() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
    }


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": _SOURCE,
        "definition": variable.query,
        "query": {"query": variable.query, "refId": variable.name},
        "current": {},
        "hide": 0,
        "includeAll": variable.multiple,
        "multi": variable.multiple,
        "refresh": 2,
        "sort": 1,
    }


def _panels(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    y, number = 0, 1
    for row in rows:
        place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": place,
        } | {"panels": []}
        x, y, number, height = 0, y + 1, number + 1, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                x, y, height = 0, y + height, 0
            tall = _HEIGHTS[panel.kind]
            yield _panel(panel, number, {"x": x, "y": y, "w": panel.width, "h": tall})
            x, height, number = x + panel.width, max(height, tall), number + 1
        y += height


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [
            _target(
                query, letter, instant=panel.kind in {"stat", "table"}, table=panel.kind == "table"
            )
            for query, letter in zip(panel.queries, "ABCDEFGH", strict=False)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel.kind),
        "transformations": _transformations(panel.kind),
    }


def _target(query: Query, letter: str, *, instant: bool, table: bool) -> dict[str, Any]:
    return {
        "refId": letter,
        "datasource": _SOURCE,
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
        "instant": instant,
        "range": not instant,
        "format": "table" if table else "time_series",
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = panel.steps or ((None, "green"),)
    found: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": colour} for value, colour in steps],
        },
        "mappings": [],
    }
    if panel.steps:
        found["color"] = {"mode": "thresholds"}
    if panel.texts:
        options = {value: {"text": text} for value, text in panel.texts}
        found["mappings"] = [{"type": "value", "options": options}]
    if panel.kind == "timeseries":
        found |= {"min": 0, "custom": {"lineWidth": 1, "fillOpacity": 5, "showPoints": "never"}}
    return found


def _options(kind: Kind) -> dict[str, Any]:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match kind:
        case "stat":
            return {"reduceOptions": last, "colorMode": "background", "graphMode": "none"}
        case "table":
            return {"showHeader": True, "cellHeight": "sm"}
        case "state-timeline":
            return {"mergeValues": True, "showValue": "auto", "legend": {"showLegend": False}}
        case "timeseries":
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }


def _transformations(kind: Kind) -> list[dict[str, Any]]:
    if kind != "table":
        return []
    hidden = {"Time": True, "Value": True}
    return [{"id": "organize", "options": {"excludeByName": hidden}}]

"""`python -m monitoring`: write what is generated: the rules, the dashboards, and the page about metrics."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from monitoring.alerts import rule_file
from monitoring.dashboards import DASHBOARDS
from monitoring.reference import render

ROOT: Final = Path(__file__).parents[1]
CHART: Final = ROOT / "charts" / "zookeeper-operator" / "monitoring"


class _Dumper(yaml.SafeDumper):
    """Expressions are read best as blocks of their own."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = ">" if len(text) > 100 else None  # noqa: PLR2004 -- a line of a page
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def generated() -> Iterator[tuple[Path, str]]:
    """Every generated file with its content."""
    yield CHART / "rules.yaml", _yaml(rule_file())
    for board in DASHBOARDS:
        yield CHART / "dashboards" / f"{board['uid']}.json", json.dumps(board, indent=2) + "\n"
    yield ROOT / "docs" / "reference" / "metrics.md", render()


def _yaml(content: Any) -> str:
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=110)
    return f"# Generated from monitoring/alerts.py by `make generate`.\n{text}"


def main() -> None:
    """Write every generated file."""
    for path, text in generated():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

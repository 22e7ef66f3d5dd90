"""What an expression of Prometheus names: metrics, each with the labels that are compared or kept.

Not a parser: it knows the part of the language that the rules and the dashboards use, and fails on names that
are neither a function nor a keyword nor a metric of the caller's.
"""

import re
from typing import Final

_KEYWORDS: Final = {
    *("and", "or", "unless", "on", "ignoring", "by", "without", "offset", "bool", "group_left"),
}
_STRING: Final = re.compile(r'"[^"]*"')
_GROUPING: Final = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
_RANGE: Final = re.compile(r"\[[^\]]*\]")
_DURATION: Final = re.compile(r"\boffset\s+\w+")
_SELECTOR: Final = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(\s*\()?")
_LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def metrics_in(expression: str) -> dict[str, set[str]]:
    """Every metric that an expression names, with the labels that its selectors compare."""
    bare = _STRING.sub('""', expression)
    for pattern in (_GROUPING, _RANGE, _DURATION):
        bare = pattern.sub(" ", bare)
    found: dict[str, set[str]] = {}
    for name, labels, called in _SELECTOR.findall(bare):
        if name in _KEYWORDS or called.strip():
            continue
        found.setdefault(name, set()).update(_LABEL.findall(labels))
    return found


def grouping_labels(expression: str) -> set[str]:
    """The labels by which an expression groups or matches."""
    names = (name.strip() for group in _GROUPING.findall(expression) for name in group.split(","))
    return set(filter(None, names))

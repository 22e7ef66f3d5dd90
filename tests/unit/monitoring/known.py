"""Every series there is: of the operator by its catalogue, of members by what real servers have served."""

from collections.abc import Mapping
from typing import Final

from monitoring.reference import ENTRIES
from tests.integration.member_metrics import recorded

LINES: Final = ("3.8", "3.9")
TARGET: Final = {"namespace", "pod", "job", "instance", "container", "endpoint"}
"""The labels that each target has."""
OF_MEMBERS: Final = {"ensemble", "member"}
"""What the scrape configuration adds to the labels of members."""


def operator_series() -> Mapping[str, set[str]]:
    """The series of the operator with their labels."""
    found: dict[str, set[str]] = {}
    for entry in ENTRIES:
        suffixes = ("_bucket", "_sum", "_count") if entry.type == "histogram" else ("",)
        for suffix in suffixes:
            further = {"le"} if suffix == "_bucket" else set()
            found[entry.name + suffix] = {*entry.labels, *further, *TARGET}
    return found


def member_series(line: str) -> Mapping[str, set[str]]:
    """The series of members of a line with their labels."""
    found: dict[str, set[str]] = {"up": {*TARGET, *OF_MEMBERS}}
    for name, labels in recorded(line):
        found.setdefault(name, {*TARGET, *OF_MEMBERS}).update(labels)
    return found


def unknown_of(named: Mapping[str, set[str]], line: str) -> dict[str, set[str]]:
    """Metrics that neither the operator nor members of a line have, and labels that these do not have."""
    known = {**member_series(line), **operator_series()}
    return {
        name: labels - known.get(name, set())
        for name, labels in named.items()
        if name not in known or labels - known[name]
    }

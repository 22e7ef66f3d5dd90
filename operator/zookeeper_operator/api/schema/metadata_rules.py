"""The rules for labels and annotations that a user gives to the children of an ensemble.

They are checked as Kubernetes checks them, because a child with a bad one could not be applied at all.
"""

from typing import Final

from zookeeper_operator.api.group import GROUP
from zookeeper_operator.api.schema.rules import Rule, list_of, quoted

OWN_LABELS: Final = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/component",
)
"""The labels by which children are found, beside those of our own group."""

OWN_ANNOTATIONS: Final = ("kubectl.kubernetes.io/last-applied-configuration",)
"""Annotations that other programs take for their record of an object."""

_NAME: Final = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY: Final = f"^([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}$"
_WELL_FORMED: Final = Rule(
    rule=f"self.all(key, key.matches({quoted(_KEY)}))",
    message=(
        "a key is a name of at most 63 letters, digits, dashes, dots and underscores, with an optional "
        "domain and slash before it, such as example.org/team"
    ),
)


def _owned(keys: tuple[str, ...], what: str) -> Rule:
    return Rule(
        rule=f"self.all(key, !(key in {list_of(keys)}) && !key.startsWith({quoted(f'{GROUP}/')}))",
        message=(
            f"{', '.join((*keys, f'{GROUP}/*'))} are set by the operator or by kubectl on each child; "
            f"use other {what}"
        ),
        cause="FieldValueForbidden",
    )


LABEL_RULES: Final = (
    _WELL_FORMED,
    Rule(
        rule=f"self.all(key, self[key] == '' || self[key].matches({quoted(f'^{_NAME}$')}))",
        message=(
            "the value of a label is empty, or at most 63 letters, digits, dashes, dots and underscores "
            "that begin and end with a letter or a digit"
        ),
    ),
    _owned(OWN_LABELS, "labels"),
)
ANNOTATION_RULES: Final = (_WELL_FORMED, _owned(OWN_ANNOTATIONS, "annotations"))

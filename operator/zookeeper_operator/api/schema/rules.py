"""A rule of the API server: a CEL expression with a message that says what to do.

The tables of rules are beside it, one per resource. Ranges are rules and not `minimum` and `maximum`,
because only a rule brings its own message. Every string, list and map a rule reads has a limit in the
schema: without one the API server assumes the worst and refuses the rule for its cost.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

DURATION: Final = "^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,8}s)?$"
"""The form of a duration; the empty text has it too."""

OBJECT_NAME: Final = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
"""The form of the name of an object of Kubernetes."""

Cause = Literal["FieldValueInvalid", "FieldValueForbidden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One CEL rule.

    Attributes:
        rule: The expression that must be true.
        message: What the user reads otherwise.
        message_expression: An expression for a message that names what the user wrote; `message`
            stands in for it if it fails.
        field: The field below the place of the rule that is to blame, such as `.replicas`.
        cause: The kind of the mistake, for programs.
        ratcheted: Whether the expression itself accepts what has been there before: `oldSelf` is an
            optional in it, which is empty when the object is created.
    """

    rule: str
    message: str
    message_expression: str = ""
    field: str = ""
    cause: Cause = "FieldValueInvalid"
    ratcheted: bool = False

    def to_schema(self) -> dict[str, Any]:
        """Return the rule as an entry of `x-kubernetes-validations`."""
        schema: dict[str, Any] = {"rule": self.rule, "message": self.message}
        if self.message_expression:
            schema["messageExpression"] = self.message_expression
        if self.field:
            schema["fieldPath"] = self.field
        if self.ratcheted:
            schema["optionalOldSelf"] = True
        return schema | {"reason": self.cause}


def quoted(text: str) -> str:
    """Return a string literal of CEL."""
    return json.dumps(text, ensure_ascii=False)


def list_of(items: Iterable[str]) -> str:
    """Return a list literal of CEL."""
    return "[" + ", ".join(quoted(item) for item in items) + "]"


def in_range(field: str, low: int, high: int, message: str) -> Rule:
    """Return the rule for an optional integer."""
    return Rule(
        rule=f"!has(self.{field}) || (self.{field} >= {low} && self.{field} <= {high})",
        message=message,
        field=f".{field}",
    )


QUANTITY: Final = quoted(
    r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?$"
)
"""The form of a quantity. `isQuantity` alone accepts any exponent, and computes with it."""

QUANTITIES: Final = Rule(
    rule=(
        f"self.all(key, type(self[key]) == int || (self[key].matches({QUANTITY}) && "
        "isQuantity(self[key])))"
    ),
    message="every value must be a quantity such as 100m or 512Mi",
)
"""The rule of a map of quantities."""

"""The rules for `spec.config` of an ensemble: what the table of owned keys means to the API server."""

from typing import Final

from zookeeper_operator.api.schema.owned_keys import (
    FOUR_LETTER_WORDS,
    KEY_PATTERN,
    MAX_KEY_LENGTH,
    NEEDED_WORD,
    OWNED_KEYS,
    OwnedKeys,
)
from zookeeper_operator.api.schema.rules import Rule, list_of, quoted


def _owned(owned: OwnedKeys) -> Rule:
    """Return the rule that refuses a group of `zoo.cfg` keys."""
    tests = [f"key.startsWith({quoted(prefix)})" for prefix in owned.prefixes]
    if owned.keys:
        tests.insert(0, f"key in {list_of(owned.keys)}")
    hit = " || ".join(tests)
    why = f" is refused: {owned.reason}"
    return Rule(
        rule=f"!self.exists(key, {hit})",
        message=f"{', '.join(owned.patterns)}: refused, because {owned.reason}",
        message_expression=f"self.filter(key, {hit})[0] + {quoted(why)}",
        cause="FieldValueForbidden",
    )


CONFIG_RULES: Final = (
    Rule(
        rule=(
            f"self.all(key, size(key) <= {MAX_KEY_LENGTH} && key.matches({quoted(KEY_PATTERN)}))"
        ),
        message="a key is made of letters, digits, dots, dashes and underscores",
    ),
    Rule(
        rule=(
            "self.all(key, type(self[key]) == int || "
            "(!self[key].contains('\\n') && !self[key].contains('\\r')))"
        ),
        message="a value is one line; remove the line break",
    ),
    Rule(
        rule=(
            f"!({quoted(FOUR_LETTER_WORDS)} in self) || "
            f"(type(self[{quoted(FOUR_LETTER_WORDS)}]) == string && "
            f"self[{quoted(FOUR_LETTER_WORDS)}]"
            f".matches('(^|,)[ ]*({NEEDED_WORD}|[*])[ ]*(,|$)'))"
        ),
        message=(
            f"{FOUR_LETTER_WORDS} must keep {NEEDED_WORD}: zkServer.sh status needs it; "
            "add it to your list"
        ),
    ),
    *(_owned(owned) for owned in OWNED_KEYS),
)

"""The rules for `spec.config` of an ensemble: what the table of owned keys means to the API server."""

from typing import Final

from zookeeper_operator.api.schema.known_keys import (
    TEXT,
    Values,
    distinct_values,
    keys_that_take,
)
from zookeeper_operator.api.schema.owned_keys import (
    FOUR_LETTER_WORDS,
    KEY_PATTERN,
    MAX_KEY_LENGTH,
    NEEDED_WORD,
    OWNED_KEYS,
    OwnedKeys,
)
from zookeeper_operator.api.schema.rules import Rule, list_of, quoted

_UNCHANGED: Final = (
    "oldSelf.hasValue() && key in oldSelf.value() && oldSelf.value()[key] == self[key]"
)
"""What an ensemble has had before is accepted: it may run with it. Written out, because the API server
accepts only a map that is unchanged as a whole."""


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


def _typed(values: Values) -> Rule:
    """Return the rule that refuses values that the known keys of one kind do not take.

    Only these keys are visited, however many the user has set.
    """
    keys = list_of(keys_that_take(values))
    right = f"type(self[key]) == string && self[key].matches({quoted(values.pattern)})"
    if values.low is not None:
        number = "type(self[key]) == int ? self[key] : int(self[key])"
        right = (
            f"(type(self[key]) == int || ({right})) && ({number}) >= {values.low} && "
            f"({number}) <= {values.high}"
        )
        if values.excluded:
            excluded = ", ".join(map(str, values.excluded))
            right += f" && !(({number}) in [{excluded}])"
    good = f"!(key in self) || ({right}) || ({_UNCHANGED})"
    return Rule(
        rule=f"{keys}.all(key, {good})",
        message=f"{', '.join(keys_that_take(values))}: must be {values.sentence}",
        # There is no `oldSelf` in a message: what has been there before may be named in place of it.
        message_expression=(
            f"{keys}.filter(key, key in self && !({right}))[0] + "
            f"{quoted(f' must be {values.sentence}')}"
        ),
        ratcheted=True,
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
    *(_typed(values) for values in distinct_values() if values is not TEXT),
)

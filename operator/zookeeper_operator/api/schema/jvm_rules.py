"""The rules for `spec.jvm` of an ensemble: what the table of owned options means to the API server."""

from typing import Final

from zookeeper_operator.api.schema.owned_options import OWNED_OPTIONS, OwnedOptions
from zookeeper_operator.api.schema.rules import Rule, list_of, quoted


def _owned(owned: OwnedOptions) -> Rule:
    """Return the rule that refuses a group of options."""
    tests = [f"option.startsWith({quoted(prefix)})" for prefix in owned.prefixes]
    tests += [f"option.contains({quoted(part)})" for part in owned.parts]
    if owned.whole:
        tests.append(f"option in {list_of(owned.whole)}")
    good = f"!({' || '.join(tests)})"
    if owned.ratcheted:
        good += " || (oldSelf.hasValue() && option in oldSelf.value().options)"
    return Rule(
        rule=f"self.options.all(option, {good})",
        message=f"options must not {owned.reason}",
        field=".options",
        cause="FieldValueForbidden",
        ratcheted=owned.ratcheted,
    )


JVM_RULES: Final = (
    Rule(
        rule="self.heapPercent >= 10 && self.heapPercent <= 90",
        message=(
            "heapPercent must be 10 to 90: the JVM needs the rest of the memory for threads and buffers"
        ),
        field=".heapPercent",
    ),
    Rule(
        rule="self.options.all(option, option.matches('^-[^ \\t\\r\\n]+$'))",
        message=(
            "each option must begin with a dash and have no white space; write an entry of its own for "
            "every option"
        ),
        field=".options",
    ),
    *(_owned(owned) for owned in OWNED_OPTIONS),
)

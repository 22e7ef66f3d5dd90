"""Make the reference pages from the models, the rules, the conditions and the reasons.

`python -m zookeeper_operator.api.schema.reference PAGE` prints one; `docs/reference/ensemble.md` and
`docs/reference/backups.md` are that output.
"""

import json
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from zookeeper_operator.api.backup_reasons import BACKUP_REASONS
from zookeeper_operator.api.conditions import CONDITION_TYPES
from zookeeper_operator.api.group import API_VERSION
from zookeeper_operator.api.model import ApiModel
from zookeeper_operator.api.reasons import REASONS, Reason
from zookeeper_operator.api.schema.known_keys import distinct_values, keys_that_take
from zookeeper_operator.api.schema.owned_keys import OWNED_KEYS
from zookeeper_operator.api.schema.resources import BACKUP, ENSEMBLE, SCHEDULE, CustomResource
from zookeeper_operator.api.versions import KNOWN_VERSIONS

_HEAD: Final = f"""\
<!-- Generated from operator/zookeeper_operator/api; do not edit.
     To generate it again: make generate -->

# ZookeeperEnsemble

`apiVersion: {API_VERSION}`, `kind: {ENSEMBLE.kind}`, short name \
{" and ".join(f"`{name}`" for name in ENSEMBLE.short_names)}.
Every field of the spec has a default or may be left out: an ensemble with no spec at all has three
members. The same texts are in `kubectl explain zke.spec`.
"""

_BACKUPS_HEAD: Final = f"""\
<!-- Generated from operator/zookeeper_operator/api; do not edit.
     To generate it again: make generate -->

# Backups

`apiVersion: {API_VERSION}`. How to use them: [back up an ensemble](../how-to/backups.md). The same texts are
in `kubectl explain zkb.spec` and `kubectl explain zkbs.spec`.
"""

_BACKUP_REASONS: Final = """\
In `status.reason`, in conditions and in Events. Severity: `normal` is expected, `warning` needs a person, at
least if it lasts, `critical` may mean that the data of the ensemble is damaged.
"""

_VERSIONS: Final = """\
Members can be rolled from any of these to any other, up and down. Another release of these lines runs
with a warning (`UnknownVersion`).
"""

_KEYS: Final = """\
All other keys may stand in `spec.config`. `forceSync` and `leaderServes` want `yes` or `no`, in
quotes; other switches want `"true"` or `"false"`.
"""

_KNOWN: Final = """\
What ZooKeeper reads, and the values it takes. A key that is not here is passed on with a warning
(`UnknownConfigKey`): only a plug-in could read it. A value that ZooKeeper does not accept is refused
before a member is touched; a member that runs with one already is left alone.
"""

_REASONS: Final = """\
`Ready`, and with it the STATUS column, gives the most important reason of all. A reason that does not end
by itself, or that matters when it lasts, has a runbook. Severity: `normal` is expected, `warning` needs
a person, at least if it lasts, `critical` stops writes or endangers data.
"""

_EVENTS: Final = """\
Events report what happens to an ensemble, under the reasons above or one of these. Type `Normal` goes
with severity `normal`, type `Warning` with the others.
"""

_SCALARS: Final[dict[Any, str]] = {str: "string", int: "integer", bool: "boolean", Any: "any"}


def build_backup_reference() -> str:
    """Return the page about backups and schedules."""
    parts = [_BACKUPS_HEAD]
    for resource in (BACKUP, SCHEDULE):
        parts += [
            f"## {resource.kind}\n",
            f"{resource.description} Short name: {_code_list(resource.short_names)}.\n",
            _table(("Field", "Type", "Default", "Meaning"), _spec_rows(resource)),
            "### What the API server refuses\n",
            _table(("Where", "Message"), _rule_rows(resource)),
            "### Status\n",
            _table(("Field", "Type", "Meaning"), _status_rows(resource)),
        ]
    parts += [
        "## Reasons\n",
        _BACKUP_REASONS,
        _table(("Reason", "Severity", "Meaning", "Runbook"), _reason_rows(BACKUP_REASONS)),
        "## Events\n",
        _table(("Reason", "Severity", "Meaning"), _event_rows(BACKUP_REASONS)),
    ]
    return "\n".join(parts)


def build_reference() -> str:
    """Return the page about ensembles."""
    versions = ((known.version, known.warning) for known in KNOWN_VERSIONS.values())
    parts = (
        _HEAD,
        "## Spec\n",
        _table(("Field", "Type", "Default", "Meaning"), _spec_rows()),
        "## Versions\n",
        _VERSIONS,
        _table(("Version", "Remark"), versions),
        "## Refused keys of `zoo.cfg`\n",
        _KEYS,
        _table(("Key", "Why"), _key_rows()),
        "## Known keys of `zoo.cfg`\n",
        _KNOWN,
        _table(("Must be", "Keys"), _known_rows()),
        "## What the API server refuses\n",
        "Checked when the object is written, before the operator sees it.\n",
        _table(("Where", "Message"), _rule_rows()),
        "## Status\n",
        _table(("Field", "Type", "Meaning"), _status_rows()),
        "## Conditions\n",
        _table(("Condition", "`True` means", "Typical reasons"), _condition_rows()),
        "## Reasons\n",
        _REASONS,
        _table(("Reason", "Severity", "Meaning", "Runbook"), _reason_rows()),
        "## Events\n",
        _EVENTS,
        _table(("Reason", "Severity", "Meaning"), _event_rows()),
    )
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    return line(head) + line(("---",) * len(head)) + "".join(line(row) for row in rows)


def _fields(model: type[ApiModel], path: str) -> Iterator[tuple[str, Any, str, str]]:
    """Yield path, annotation, default and description of every field, parents first."""
    for field in model.model_fields.values():
        here = f"{path}{field.alias}"
        inner = _model_in(field.annotation)
        default = "required" if field.is_required() else _default(field)
        yield here, field.annotation, default, field.description or ""
        if inner is not None:
            lead = "[]." if get_origin(field.annotation) is tuple else "."
            yield from _fields(inner, here + lead)


def _default(field: FieldInfo) -> str:
    """Return a default as JSON, or nothing where the fields below say it themselves."""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, ApiModel):
        value = None if value == type(value)() else value.to_api()
    return "" if value is None else f"`{json.dumps(value)}`"


def _spec_rows(resource: CustomResource = ENSEMBLE) -> Iterator[tuple[str, ...]]:
    for path, annotation, default, text in _fields(resource.spec, "spec."):
        yield f"`{path}`", _type(annotation), default, text


def _status_rows(resource: CustomResource = ENSEMBLE) -> Iterator[tuple[str, ...]]:
    for path, annotation, _, text in _fields(resource.status, "status."):
        yield f"`{path}`", _type(annotation), text


def _key_rows() -> Iterator[tuple[str, ...]]:
    for owned in OWNED_KEYS:
        yield _code_list(owned.patterns), owned.reason


def _known_rows() -> Iterator[tuple[str, ...]]:
    for values in distinct_values():
        yield values.sentence or "any text", _code_list(sorted(keys_that_take(values)))


def _rule_rows(resource: CustomResource = ENSEMBLE) -> Iterator[tuple[str, ...]]:
    for path, rules in resource.rules.items():
        for rule in rules:
            if not rule.message_expression:
                yield (f"`{path}{rule.field}`" if path else "`metadata.name`"), rule.message


def _condition_rows() -> Iterator[tuple[str, ...]]:
    for type_ in CONDITION_TYPES.values():
        yield f"`{type_.name}`", type_.meaning, _code_list(type_.typical_reasons)


def _reason_rows(table: Mapping[str, Reason] = REASONS) -> Iterator[tuple[str, ...]]:
    for reason in table.values():
        if not reason.event_only:
            runbook = f"[what to do](../runbooks/{reason.name}.md)" if reason.runbook else ""
            yield f"`{reason.name}`", reason.severity, reason.sentence, runbook


def _event_rows(table: Mapping[str, Reason] = REASONS) -> Iterator[tuple[str, ...]]:
    for reason in table.values():
        if reason.event_only:
            yield f"`{reason.name}`", reason.severity, reason.sentence


def _code_list(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _model_in(annotation: Any) -> type[ApiModel] | None:
    """Return the model an annotation is about, if it is about one."""
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        return annotation
    found = (_model_in(arg) for arg in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _type(annotation: Any) -> str:
    """Return a type in words."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(arg) for arg in args if arg not in (types.NoneType, bool))
    if origin is Literal:
        return " or ".join(f"`{arg}`" for arg in args)
    if origin is tuple:
        return f"list of {_type(args[0])}"
    if origin is dict:
        return f"map of {_type(args[1])}"
    return _SCALARS.get(annotation, "object")


PAGES: Final = {"ensemble": build_reference, "backups": build_backup_reference}
"""What makes each page below `docs/reference`."""

if __name__ == "__main__":
    sys.stdout.write(PAGES[sys.argv[1]]())

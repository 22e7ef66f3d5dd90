"""Takes secrets out of what a report holds. Pure.

Three nets, one behind the other: Secrets are never part of a report, what is called like a secret is masked
whatever it holds, and each value of a Secret that is known here is masked wherever it appears, as it is or
in base64.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

MASK: Final = "[masked]"
SHORTEST: Final = 4
"""What is shorter is found everywhere by chance, so it cannot be searched for."""
_SHORTEST_LINE: Final = 8

_WORD: Final = (
    r"(?:pass(?:word|wd|phrase)|secret|token|credential|super[-_.]?digest"
    r"|(?:api|access|private|account)[-_.]?key)"
)
# `passwordPath`, `secretName` and the like say where a secret is, not what it is.
_HARMLESS: Final = re.compile(
    r"(?:name|names|path|file|ref|refs|location|type|seconds|count|length|policy|mode|enabled"
    r"|secrets|version|tokenfile)$",
    re.IGNORECASE,
)
_SENSITIVE: Final = re.compile(_WORD, re.IGNORECASE)
_ASSIGNMENT: Final = re.compile(
    rf"(?P<key>[\w.-]*{_WORD}[\w.-]*)(?P<is>[\"']?\s*[=:]\s*)"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s,;}\])\"']+)",
    re.IGNORECASE,
)
_PATTERNS: Final = tuple(
    (re.compile(pattern, flags), to)
    for pattern, flags, to in (
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            re.DOTALL,
            MASK,
        ),
        (r"(://[^/\s:@]*:)[^/\s@]+@", 0, rf"\g<1>{MASK}@"),
        (r"(\bbearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE, rf"\g<1>{MASK}"),
        (r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*", 0, MASK),
        # A user of the scheme `digest`, as ACLs and logs write it.
        (r"(\bdigest\W{1,4}[\w.@-]+:)[A-Za-z0-9+/]{20,}=*", 0, rf"\g<1>{MASK}"),
    )
)
_CERTIFICATE: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]*-----END CERTIFICATE-----"
)
# Another copy of the spec, as one text, and the notes of the API server about who wrote which field.
_LEFT_OUT: Final = frozenset({"managedFields", "kubectl.kubernetes.io/last-applied-configuration"})


class Redactor:
    """Masks what it is made to know, and what is called like a secret."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """Remember values of Secrets, of which those that are too short to be found are left out."""
        forms = {form for value in known for form in _forms(value)}
        found = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, found))) if found else None

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, to in _PATTERNS:
            text = pattern.sub(to, text)
        return _ASSIGNMENT.sub(_masked_assignment, text)

    def value(self, value: Any) -> Any:
        """Return a tree of an API object or an answer without secrets."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                named = str(value.get("name", ""))
                return {
                    self.text(str(key)): self._field(str(key), field, named)
                    for key, field in value.items()
                    if key not in _LEFT_OUT
                }
            case list() | tuple():
                return [self.value(item) for item in value]
            case int() | float() if not isinstance(value, bool):
                return MASK if self.text(str(value)) != str(value) else value
            case _:
                return value

    def _field(self, key: str, field: Any, named: str) -> Any:
        # A variable of a container is {name: …, value: …}.
        called = named if key == "value" and named else key
        plain = isinstance(field, str | int | float) and not isinstance(field, bool)
        if plain and field != "" and is_sensitive(called):
            return MASK
        return self.value(field)


def is_sensitive(name: str) -> bool:
    """Whether something is called like a secret, and not like the place of one."""
    return bool(_SENSITIVE.search(name)) and not _HARMLESS.search(name)


def _masked_assignment(found: re.Match[str]) -> str:
    if not is_sensitive(found["key"]) or found["value"] == MASK:
        return found[0]
    return f"{found['key']}{found['is']}{MASK}"


def _forms(value: str) -> Iterator[str]:
    """The ways in which a value may be written."""
    bare = value.strip()
    if len(bare) < SHORTEST:
        return
    yield bare
    yield quote(bare, safe="")
    yield json.dumps(bare)[1:-1]
    for text in {value, bare}:
        yield base64.b64encode(text.encode()).decode()
    lines = bare.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)


# ---------------------------------------------------------------------- Secrets


def secret_names(specs: Iterable[Any]) -> frozenset[str]:
    """The Secrets that the pod specs in these trees refer to, by any field that can."""
    return frozenset(filter(None, (name for spec in specs for name in _named(spec))))


def _named(tree: Any) -> Iterator[str]:
    if isinstance(tree, list | tuple):
        for item in tree:
            yield from _named(item)
    if not isinstance(tree, Mapping):
        return
    for key, field in tree.items():
        if key == "secretName" and isinstance(field, str):
            yield field
        elif key in {"secretKeyRef", "secretRef", "secret", "passwordSecret"}:
            yield from _name_in(field)
        elif key in {"imagePullSecrets", "pullSecrets"} and isinstance(field, list):
            for item in field:
                yield from [item] if isinstance(item, str) else _name_in(item)
        yield from _named(field)


def _name_in(field: Any) -> Iterator[str]:
    if isinstance(field, Mapping):
        found = field.get("name") or field.get("secretName")
        if isinstance(found, str):
            yield found


def secret_values(secret: Mapping[str, Any], harmless: Iterable[str] = ()) -> list[str]:
    """The values of a live Secret that must not appear anywhere, those of these keys left out."""
    passed_over = frozenset(harmless)
    values: list[str] = []
    for key, encoded in (secret.get("data") or {}).items():
        if key in passed_over:
            continue
        try:
            text = base64.b64decode(encoded).decode()
        except ValueError:  # binary: it appears in no text but as it is stored
            values.append(str(encoded))
            continue
        # A certificate is what members show to everyone; in a report it says what is wrong with it.
        rest = _CERTIFICATE.sub("", text)
        if rest.strip():
            values.append(rest)
            values += _nested(rest)
            if rest != text:
                values.append(str(encoded))
    return values


def _nested(text: str) -> Iterator[str]:
    """The passwords in a value that is JSON, such as `.dockerconfigjson`."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return
    waiting = [tree]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += here
        elif isinstance(here, dict):
            for key, field in here.items():
                if isinstance(field, str) and (key == "auth" or is_sensitive(str(key))):
                    yield field
                else:
                    waiting.append(field)

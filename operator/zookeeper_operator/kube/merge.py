"""Strategic merge: a user's part of a pod template laid over ours.

The rules are those of `kubectl patch --type strategic` as far as a pod template needs them: maps are
merged, a null removes a key, lists of things that have a key are merged by that key, and every other
list is replaced.
"""

from collections.abc import Mapping
from typing import Any, Final

_MERGE_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "env": ("name",),
    "hostAliases": ("ip",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "protocol"),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
"""The fields that identify the items of a list; other lists have no such fields."""

_DEFAULTS: Final[Mapping[str, str]] = {"protocol": "TCP", "whenUnsatisfiable": "DoNotSchedule"}


def merge(base: Any, patch: Any) -> Any:
    """The base with the patch laid over it; neither is changed.

    The result holds no nulls, whatever the patch held.
    """
    return _merge(base, patch, "")


def _merge(base: Any, patch: Any, name: str) -> Any:
    if isinstance(patch, Mapping):
        return _merge_maps(base if isinstance(base, Mapping) else {}, patch)
    if isinstance(patch, list):
        keys = _MERGE_KEYS.get(name)
        known = base if isinstance(base, list) else []
        if keys and _have_keys([*known, *patch], keys):
            return _merge_lists(known, patch, keys)
        return [_merge(None, item, "") for item in patch if item is not None]
    return patch


def _merge_maps(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: value for key, value in base.items() if patch.get(key, value) is not None}
    for key, value in patch.items():
        if value is not None:
            merged[key] = _merge(base.get(key), value, key)
    return merged


def _have_keys(items: list[Any], keys: tuple[str, ...]) -> bool:
    return all(
        isinstance(item, Mapping)
        and keys[0] in item
        and all(isinstance(part, str | int | None) for part in _identity(item, keys))
        for item in items
    )


def _identity(item: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(key, _DEFAULTS.get(key)) for key in keys)


def _merge_lists(base: list[Any], patch: list[Any], keys: tuple[str, ...]) -> list[Any]:
    """Items of the base in their order, each with its patch; then what is new, in its order."""
    merged = {_identity(item, keys): item for item in base}
    for item in patch:
        identity = _identity(item, keys)
        merged[identity] = _merge(merged.get(identity), item, "")
    return list(merged.values())

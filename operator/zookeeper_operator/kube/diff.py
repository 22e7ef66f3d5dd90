"""Whether a live object has every value that an apply of ours would give it.

Pure. What other managers have added to an object is no difference.
"""

from collections.abc import Mapping
from typing import Any, Final

from zookeeper_operator.kube.quantity import exact_quantity

_WHOLE: Final = "spec.selector"


def first_difference(wanted: Any, live: Any, path: str = "") -> str | None:
    """The path of the first value in `wanted` that `live` does not have; None if it has all.

    What `live` has beyond that belongs to other managers and is ignored. Lists of named items are compared
    by name, quantities by value.
    """
    if wanted == live:
        return None
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            return path if wanted else None
        if path == _WHOLE and wanted != live:
            return path  # with one more label it selects no pod
        for key, value in wanted.items():
            found = first_difference(value, live.get(key), f"{path}.{key}" if path else key)
            if found is not None:
                return found
        return None
    if isinstance(wanted, list):
        return _first_difference_in_list(wanted, live or [], path)
    return None if _same_value(wanted, live) else path


def _first_difference_in_list(wanted: list[Any], live: Any, path: str) -> str | None:
    if not isinstance(live, list):
        return path
    if _have_names(wanted):
        by_name = {item.get("name"): item for item in live if isinstance(item, Mapping)}
        for item in wanted:
            found = first_difference(item, by_name.get(item["name"]), f"{path}[{item['name']}]")
            if found is not None:
                return found
        return None
    if len(wanted) != len(live):
        return path
    for index, (one, other) in enumerate(zip(wanted, live, strict=True)):
        found = first_difference(one, other, f"{path}[{index}]")
        if found is not None:
            return found
    return None


def _have_names(items: list[Any]) -> bool:
    """Whether names identify the items (not those of mounts: one volume is mounted more than once)."""
    found = [item.get("name") for item in items if isinstance(item, Mapping)]
    return bool(items) and None not in found and len(set(found)) == len(items)


def _same_value(wanted: Any, live: Any) -> bool:
    if wanted == live:
        return True
    if live is None or isinstance(wanted, bool) or isinstance(live, bool):
        return not wanted and live is None
    try:
        return exact_quantity(wanted) == exact_quantity(live)
    except ValueError:
        return False

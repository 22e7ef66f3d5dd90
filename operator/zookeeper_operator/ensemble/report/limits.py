"""The lengths of texts and lists in a status: whatever they are made of, the API server must accept them.

Pure. A status that is refused for one long message would leave the last one standing forever.
"""

from collections.abc import Mapping
from typing import Any, Final

from zookeeper_operator.api.ensemble_status import EnsembleStatus
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.texts import shortened

_LONGEST_TEXT: Final = 1024
_WHOLE: Final = frozenset({"connectionString", "externalConnectionString"})
"""What programs read; their length follows from the number of members."""


def within_limits(status: Object) -> Object:
    """The status with every text and list shortened to what is worth reading and the CRD allows."""
    limits = {
        field.alias: field.json_schema_extra["maxItems"]
        for field in EnsembleStatus.model_fields.values()
        if isinstance(field.json_schema_extra, dict) and "maxItems" in field.json_schema_extra
    }
    return {
        name: value if name in _WHOLE else _limited(value, limits.get(name))
        for name, value in status.items()
    }


def _limited(value: Any, longest: Any) -> Any:
    if isinstance(value, str):
        return shortened(value, _LONGEST_TEXT)
    if isinstance(value, Mapping):
        return {key: _limited(found, None) for key, found in value.items()}
    if isinstance(value, list | tuple):
        return [_limited(item, None) for item in value[:longest]]
    return value

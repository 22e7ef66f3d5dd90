"""Hashes of what is built: they show a change without a comparison of whole objects."""

import hashlib
import json
from typing import Any, Final

_LENGTH: Final = 16


def content_hash(obj: Any) -> str:
    """A short hash of any JSON value; the order of keys in a map does not matter."""
    canonical = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_LENGTH]

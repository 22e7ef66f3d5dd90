"""What the kubelet and the scheduler say, without what changes each time they say it.

Pure. A status that repeats such a text is written again for each random port, back-off time or id in it,
every ten seconds for as long as the trouble lasts, and says nothing new.
"""

import re
from typing import Final

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CHANGES: Final = (
    # `Back-off pulling image "x": ErrImagePull: cause` takes turns with `cause`.
    (re.compile(r"^Back-off pulling image \"[^\"]*\"(?:: (?:ErrImagePull: )?|$)"), ""),
    (re.compile(rf"\s?\({_UUID}\)"), ""),  # of a pod, after its name
    (re.compile(rf"(?<!pvc-){_UUID}"), "…"),
    (re.compile(r"(?<!sha256:)\b[0-9a-f]{32,64}\b"), "…"),  # of a container or a request
    (re.compile(r"(?<=[0-9\]]):[0-9]+(?=->)"), ""),  # the port that a connection came from
    (re.compile(r"\bback-off (?:[0-9.]+(?:h|m|s|ms))+ "), "back-off "),
    (re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?"), "…"),
    # A duration ends in seconds or less; 500m is a part of a CPU.
    (re.compile(r"\b(?:[0-9]+h)?(?:[0-9]+m)?[0-9]+(?:\.[0-9]+)?(?:s|ms|µs|us|ns)\b"), "…"),
)
_LONGEST: Final = 4096  # what the kubelet keeps of a termination message


def settled_text(text: str) -> str:
    """The text without random ports, times and ids."""
    found = text[:_LONGEST].strip()
    for form, replacement in _CHANGES:
        found = form.sub(replacement, found)
    return found

"""The child objects: one pure function each, from the spec to the full body for server-side apply.

A builder reads nothing and remembers nothing. It gives back everything the operator owns of an object
and nothing else, without nulls or empty maps, in an order that depends on the spec alone.
"""

from typing import Final

BUILDER_REVISION: Final = 6
"""Raised by one whenever the builders make another pod template or another `NAME-config` of the same
spec.

It stands on the StatefulSets, so that a new version of the operator can distinguish its own changes from
the user's and restarts no pod of its own accord. `tests/unit/ensemble/build/test_golden.py` fails when what
is rendered changes and this number does not.
"""

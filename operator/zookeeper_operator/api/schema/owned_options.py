"""The options of the JVM that a user may not set, with the reason for each.

This is the one list: the rules of the CRD are made from it, and the operator uses it for objects that were
stored under an older schema.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zookeeper_operator.api.schema.known_keys import OWN_PORTS


@dataclass(frozen=True, slots=True)
class OwnedOptions:
    """Options that are refused for the same reason.

    Attributes:
        reason: Why, and what to do instead; it completes the sentence "options must not …".
        prefixes: Beginnings of options.
        parts: What an option must not contain.
        whole: Whole options.
        ratcheted: Whether an option that was there before is accepted.
    """

    reason: str
    prefixes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    ratcheted: bool = False

    def matches(self, option: str) -> bool:
        """Return whether an option belongs to the group."""
        return (
            option in self.whole
            or option.startswith(self.prefixes)
            or any(part in option for part in self.parts)
        )


OWNED_OPTIONS: Final[Sequence[OwnedOptions]] = (
    OwnedOptions(
        reason=("set the heap: it follows from resources.limits.memory and jvm.heapPercent"),
        prefixes=("-Xmx", "-Xms"),
        parts=("RAMPercentage", "HeapSize"),
    ),
    OwnedOptions(
        reason=(
            "set properties of ZooKeeper; set the key in spec.config, without the prefix zookeeper."
        ),
        prefixes=("-Dzookeeper.",),
    ),
    OwnedOptions(
        reason=(
            "change how long addresses are kept: the operator turns the cache off, so that restarted "
            "members are found at once"
        ),
        prefixes=("-Dsun.net.inetaddr.",),
    ),
    OwnedOptions(
        reason=(
            "set the heap by an old name or read further options from a file: the heap follows from "
            "resources.limits.memory and jvm.heapPercent, every other option is an entry here"
        ),
        prefixes=("-mx", "-ms", "-XX:Flags=", "-XX:VMOptionsFile="),
        ratcheted=True,
    ),
    OwnedOptions(
        reason=("keep a member alive that is out of memory: only a new process serves again"),
        whole=("-XX:-ExitOnOutOfMemoryError",),
        ratcheted=True,
    ),
    OwnedOptions(
        reason=(
            "open JMX on a port that the member listens on itself: "
            + ", ".join(map(str, OWN_PORTS))
        ),
        whole=tuple(
            f"-Dcom.sun.management.jmxremote.{kind}={port}"
            for kind in ("port", "rmi.port")
            for port in OWN_PORTS
        ),
        ratcheted=True,
    ),
)


def refusal_of_option(option: str) -> str | None:
    """Return what an option of `spec.jvm.options` must not do, or None if it is not refused."""
    return next((owned.reason for owned in OWNED_OPTIONS if owned.matches(option)), None)

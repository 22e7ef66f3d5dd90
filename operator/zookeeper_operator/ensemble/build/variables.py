"""Environment variables of the ZooKeeper container that a user may not set, with what to use instead.

The start script, the image, the scripts of ZooKeeper and the JVM all read their environment, so each
variable is a way around the rules for `spec.config` and `spec.jvm.options`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class OwnedVariables:
    """Variables that are refused for the same reason; `instead` says what to use."""

    instead: str
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


OWN_ENVIRONMENT: Final = (
    "ZOO_MY_ID",
    "POD_NAME",
    "MEMBERS_DOMAIN",
    "ENSEMBLE_IDENTITY",
    "ZOO_SERVERS",
    "SUPER_DIGEST",
    "ZK_SERVER_HEAP",
    "SERVER_JVMFLAGS",
    "JMXDISABLE",
    "HOME",
)
"""What every pod template of ours sets; those of earlier versions had `SUPER_DIGEST`."""

_OWNED: Final[Sequence[OwnedVariables]] = (
    OwnedVariables(
        "use spec.jvm.options for options of the JVM, and spec.config for keys of ZooKeeper",
        names=(
            "SERVER_JVMFLAGS",
            "CLIENT_JVMFLAGS",
            "JVMFLAGS",
            "JAVA_TOOL_OPTIONS",
            "_JAVA_OPTIONS",
            "JDK_JAVA_OPTIONS",
            "JDK_JAVAC_OPTIONS",
            "IBM_JAVA_OPTIONS",
            "OPENJ9_JAVA_OPTIONS",
            "JAVA_OPTS",
        ),
    ),
    OwnedVariables(
        "the heap follows from spec.resources.limits.memory and spec.jvm.heapPercent",
        names=("ZK_SERVER_HEAP",),
    ),
    OwnedVariables(
        "JMX is turned on by -Dcom.sun.management.jmxremote options in spec.jvm.options",
        prefixes=("JMX",),
    ),
    OwnedVariables(
        "the image of spec.image decides which programs are run",
        names=(
            "JAVA_HOME",
            "JAVA",
            "CLASSPATH",
            "PATH",
            "BASH_ENV",
            "ENV",
            "SHELLOPTS",
            "BASHOPTS",
        ),
        prefixes=("LD_", "BASH_FUNC_"),
    ),
    OwnedVariables(
        "use spec.config, spec.storage or spec.logging; the start script sets the rest",
        names=("HOME", "SUPER_DIGEST"),
        prefixes=("ZOO", "START_ROOT"),
    ),
    OwnedVariables(
        "a member is known by it",
        names=("POD_NAME", "MEMBERS_DOMAIN", "ENSEMBLE_IDENTITY"),
    ),
)

_BY_NAME: Final[Mapping[str, str]] = {
    name: owned.instead for owned in _OWNED for name in owned.names
}


def refusal_of_variable(name: str) -> str | None:
    """Return what to use instead of a variable of the ZooKeeper container; None if it is free."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    return next((owned.instead for owned in _OWNED if name.startswith(owned.prefixes)), None)

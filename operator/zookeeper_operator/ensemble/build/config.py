"""`NAME-config-HASH`: zoo.cfg, the logging set-up and the scripts of the pods.

Immutable, and named in the pod template: a change of it reaches the members by a roll, and a container that
restarts in a pod of an old revision starts with the configuration of that revision.
"""

from collections.abc import Mapping
from datetime import timedelta
from importlib import resources
from types import MappingProxyType
from typing import Final

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.schema.known_keys import (
    KNOWN_KEYS,
    ONLY_TRUE,
    YES_NO,
    keys_that_take,
)
from zookeeper_operator.api.schema.owned_keys import refusal_of, refusal_of_value
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.metrics import metrics_endpoint
from zookeeper_operator.ensemble.build.objects import child
from zookeeper_operator.ensemble.build.security import security_keys
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.hashes import content_hash
from zookeeper_operator.kube.quantity import parse_quantity

ZOO_CFG: Final = "zoo.cfg"
LOGBACK: Final = "logback.xml"
START_SCRIPT: Final = "start.sh"
STARTED_SCRIPT: Final = "started.sh"
METRICS_CFG: Final = "metrics.cfg"
"""Keys of zoo.cfg for members whose image has the provider that they name."""
CERTIFICATES_SCRIPT: Final = "certificates.sh"
_EPOCH_SCRIPT: Final = "raise_epoch.sh"

# Read once, when the module is loaded: from then on building is pure.
_FILES: Final[Mapping[str, str]] = {
    name: (resources.files(__package__) / "scripts" / name).read_text(encoding="utf-8")
    for name in (LOGBACK, START_SCRIPT, STARTED_SCRIPT)
}
_TLS_FILES: Final[Mapping[str, str]] = {
    name: (resources.files(__package__) / "scripts" / name).read_text(encoding="utf-8")
    for name in (CERTIFICATES_SCRIPT,)
}
"""Beside these, for members that mount certificates."""
_PREPARED: Final = "\nwrite_configuration\n"
"""Where start.sh has chosen the list that the member starts from."""
_RAISES_EPOCH: Final = (
    (resources.files(__package__) / "scripts" / _EPOCH_SCRIPT)
    .read_text(encoding="utf-8")
    .partition("\n")[2]
)
"""Without its first line, which is for who checks it alone."""

_OWNED: Final[Mapping[str, str]] = {
    "dataDir": "/data",
    "dataLogDir": "/datalog",
    # A member's address is its Service's, which the pod cannot bind.
    "quorumListenOnAllIPs": "true",
    "electionPortBindRetry": "0",
    # One code path for every size; a standalone server cannot be grown without losing its data.
    "standaloneEnabled": "false",
    "reconfigEnabled": "true",
    # An empty member waits for one with data; start.sh marks the founders of a new ensemble.
    "db.autocreate": "false",
    # By default up to 60 s pass between two calls of a member that connects to its peers.
    "fastleader.maxNotificationInterval": "2000",
    "admin.enableServer": "true",
    "admin.serverPort": str(names.ADMIN_PORT),
    # Without an ACL on / any made-up user may call these (CVE-2025-58457).
    "admin.snapshot.enabled": "false",
    "admin.restore.enabled": "false",
}
"""What the operator decides; `api.schema.owned_keys` refuses each of these keys in `spec.config`."""

DEFAULTS: Final[Mapping[str, str]] = {
    "tickTime": "2000",
    "initLimit": "10",
    "syncLimit": "5",
    # A node that vanishes answers no packet: 5 s and initLimit ticks are how long each attempt to
    # reach it would hold up an election otherwise.
    "cnxTimeout": "500",
    "connectToLearnerMasterLimit": "2",
    # The member that leadership is handed to may listen for its followers only after they have first called:
    # the pause until the next of their five calls, 100 ms by default, is then most of the time without a
    # leader.
    "leaderConnectDelayDuringRetryMs": "50",
    # Election connections are silent between elections, which is when middle boxes forget them.
    "tcpKeepAlive": "true",
    "autopurge.purgeInterval": "1",
    "autopurge.snapRetainCount": "3",
    "maxClientCnxns": "60",
    "4lw.commands.whitelist": "srvr,mntr,ruok",
}
"""What a careful administrator sets; `spec.config` may say otherwise."""

_OBSERVER_LOGS: Final = keys_that_take(ONLY_TRUE)
_LONGEST_NUMBER: Final = 7  # digits
_LAST_PLAIN_CHARACTER: Final = 0x7E  # of ASCII
_KIBIBYTE: Final = 1024
_MEBIBYTE: Final = 1024**2
_LARGEST_PREALLOCATION: Final = 64 * _MEBIBYTE  # ZooKeeper's default
_LARGEST_LOG: Final = 512 * _MEBIBYTE
_SMALLEST_PREALLOCATION: Final = _MEBIBYTE
_SMALLEST_LOG: Final = 8 * _MEBIBYTE


def build_config(target: Target) -> Object:
    """The ConfigMap `NAME-config-HASH`, which never changes."""
    files = {**_FILES, **_TLS_FILES} if target.phase.uses_certificates else _FILES
    if _raises_epoch(target):
        begun, _, rest = files[START_SCRIPT].rpartition(_PREPARED)
        files = {**files, START_SCRIPT: f"{begun}\n\n{_RAISES_EPOCH}{_PREPARED}{rest}"}
    settings = {ZOO_CFG: zoo_cfg(target.spec, security_keys(target)), **_metrics(target.spec)}
    data = {**settings, **files}
    return child(
        target,
        api_version="v1",
        kind="ConfigMap",
        name=names.config_name(target.name, content_hash(data)),
        content={"immutable": True, "data": data},
    )


def _raises_epoch(target: Target) -> bool:
    """Whether the members begin, or have begun, from the data of a source that is cut over.

    The epoch stays in their list when the spec has lost the source, so that this alone restarts none.
    """
    adopt, spec = target.spec.adopt, target.spec
    cuts = adopt is not None and adopt.mode == "CutOver"
    return cuts or (spec.first_member_id > 1 and target.membership.epoch > 0)


def _metrics(spec: EnsembleSpec) -> Mapping[str, str]:
    endpoint = metrics_endpoint(spec)
    return {METRICS_CFG: endpoint.text} if endpoint is not None and endpoint.keys else {}


def follower_timeout(spec: EnsembleSpec) -> timedelta:
    """How long a leader and its followers may be cut off before they drop each other: `syncLimit` ticks.

    A value that the server could not use counts as the default: no member runs with it.
    """
    return tick_time(spec) * _number(spec, "syncLimit")


def initial_timeout(spec: EnsembleSpec) -> timedelta:
    """How long a leader waits at least for a member that it has sent its data: `initLimit` ticks.

    A value that the server could not use counts as the default, as above.
    """
    return tick_time(spec) * _number(spec, "initLimit")


def tick_time(spec: EnsembleSpec) -> timedelta:
    """The unit of ZooKeeper's time limits."""
    return timedelta(milliseconds=_number(spec, "tickTime"))


def logs_while_observing(spec: EnsembleSpec) -> bool:
    """Whether a member without a vote writes transactions to its volume.

    One that does not, and is given a vote, lacks after its next start what it has observed
    (tests/integration/test_reconfigure.py), so new ensembles are refused it.
    """
    return all(str(spec.config.get(key, "true")).lower() == "true" for key in _OBSERVER_LOGS)


def connection_limit(spec: EnsembleSpec) -> int | None:
    """How many connections of clients each member accepts; None without a limit, which is the default."""
    return _whole(spec.config.get("maxCnxns"), "0") or None


def _number(spec: EnsembleSpec, key: str) -> int:
    return _whole(spec.config.get(key), DEFAULTS[key])


def _whole(value: object, default: str) -> int:
    text = str(value)
    usable = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text if usable else default)


def zoo_cfg(spec: EnsembleSpec, security: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of zoo.cfg, but for `dynamicConfigFile`, which start.sh adds.

    `security` are the keys of the phase that the members are in. Every key is there once. Keys of the spec
    that the operator owns, or whose value would not stay on its line, are left out: `judge.spec` reports
    them, and even then they can never take effect.
    """
    owned = {**_OWNED, **security}
    chosen = {
        key: _text(key, value)
        for key, value in spec.config.items()
        if refusal_of(key) is None and refusal_of_value(key, value) is None and key not in owned
    }
    defaults = {**DEFAULTS, **_log_file_sizes(spec), **_adopted(spec)}
    free = {**defaults, **chosen}
    known = list(defaults)
    further = sorted(key for key in free if key not in known)
    lines = [
        "# Set by the operator",
        *(f"{key}={value}" for key, value in owned.items()),
        "# Defaults, or spec.config",
        *(f"{key}={_escaped(free[key])}" for key in (*known, *further)),
    ]
    return "\n".join(lines) + "\n"


def zoo_cfg_line(key: str, value: str | int) -> str:
    """The line that a key of `spec.config` makes in zoo.cfg."""
    return f"{key}={_escaped(_text(key, value))}"


def _text(key: str, value: str | int) -> str:
    if isinstance(value, bool):
        words = ("yes", "no") if KNOWN_KEYS.get(key) is YES_NO else ("true", "false")
        return words[0] if value else words[1]
    return str(value)


def _escaped(value: str) -> str:
    r"""A value in the form of a Java properties file: ASCII, and no backslash at the end of the line.

    A lone backslash there would make the next line, perhaps one of ours, a part of the value.
    """
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    pairs = (int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2))
    return "".join(
        chr(unit) if unit <= _LAST_PLAIN_CHARACTER else f"\\u{unit:04x}" for unit in pairs
    )


def _log_file_sizes(spec: EnsembleSpec) -> dict[str, str]:
    """How large files of the transaction log get, so that a small volume does not fill.

    ZooKeeper's 4 GiB per file are no match for volumes of a few. From 4 GiB on the values are fixed,
    so that growing a volume usually changes nothing; below that a file gets an eighth of the volume, in
    steps of two: three snapshots and the logs since the oldest of them leave half of it free.
    """
    storage = spec.storage
    volume = storage.data if storage.log is None else storage.log
    size = parse_quantity(volume.size)
    log = _power_of_two(size // 8, _SMALLEST_LOG, _LARGEST_LOG)
    preallocation = _power_of_two(size // 64, _SMALLEST_PREALLOCATION, _LARGEST_PREALLOCATION)
    return {
        "preAllocSize": str(preallocation // _KIBIBYTE),
        "snapSizeLimitInKb": str(log // _KIBIBYTE),
    }


def _adopted(spec: EnsembleSpec) -> dict[str, str]:
    """What an ensemble that adopts needs for as long as it lives.

    A member without extended types that leads takes the TTL znodes of the source for ephemeral ones of a
    session that has ended, and deletes them. Every ensemble with a first id above 1 may have adopted one.
    """
    return {"extendedTypesEnabled": "true"} if spec.first_member_id > 1 else {}


def _power_of_two(size: int, least: int, most: int) -> int:
    """The largest power of two that is not above `size`, within bounds."""
    return max(least, min(most, 1 << max(size.bit_length() - 1, 0)))

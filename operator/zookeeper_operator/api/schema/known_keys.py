"""The keys of `zoo.cfg` that ZooKeeper reads, with the values each of them takes.

This is the one list: the rules of the CRD are made from it, the operator checks with it what the CRD could
not, and finds the key that a user may have meant. A value is refused where the server would end because of
it, where it would silently use another one, or where it would take a port of the operator's away. What a
key does is not judged. A key that is not here becomes a Java system property `zookeeper.KEY`, which a
plug-in may read: it is never refused for that alone.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from zookeeper_operator.api.schema.owned_keys import OWNED_KEYS

OWN_PORTS: Final[Mapping[int, str]] = MappingProxyType(
    {2181: "clients", 2888: "the quorum", 3888: "elections", 8080: "the AdminServer"}
)
"""The ports every member listens on, and for what."""

SECURE_CLIENT_PORT: Final = 2281
"""Where members serve clients with TLS, if `spec.tls` asks for it."""

LOCAL_CLIENT_PORT: Final = 2182
"""Where a member that takes clients with TLS only serves its own pod without."""

NUMBER_PATTERN: Final = "^[-+]?[0-9]{1,18}$"
"""A number written as a text; what is longer fits into no key."""

TRUE_FALSE_PATTERN: Final = "^(?i:true|false)$"
YES_NO_PATTERN: Final = "^(yes|no)$"

_INT: Final = 2**31 - 1
_LONG: Final = 10**18 - 1


@dataclass(frozen=True, slots=True)
class Values:
    """What a key takes.

    Attributes:
        sentence: It completes "KEY must be …".
        pattern: The form of a text; empty for any text.
        low: The least number; None if the value is no number.
        high: The largest number.
        excluded: Numbers in between that are refused.
        boolean: Whether `true` and `false` without quotes mean something.
    """

    sentence: str = ""
    pattern: str = ""
    low: int | None = None
    high: int = _INT
    excluded: tuple[int, ...] = ()
    boolean: bool = False

    def take(self, value: str | float) -> bool:
        """Return whether the server can use a value as it was written."""
        if isinstance(value, bool):
            return self.boolean or not self.pattern
        text = str(value)
        if self.pattern and re.fullmatch(self.pattern, text) is None:
            return False
        if self.low is None:
            return True
        return self.low <= int(text) <= self.high and int(text) not in self.excluded


def _numbers(low: int, high: int = _INT) -> Values:
    bounds = f"{low} or more" if high in {_INT, _LONG} else f"from {low} to {high}"
    return Values(f"a whole number, {bounds}", NUMBER_PATTERN, low, high)


TEXT: Final = Values()
TRUE_FALSE: Final = Values('"true" or "false"', TRUE_FALSE_PATTERN, boolean=True)
ONLY_TRUE: Final = Values(
    '"true", in quotes, or left out: a leader observes for a moment before its restart, and would lack what '
    "it has not logged when it votes again",
    "^(?i:true)$",
)
YES_NO: Final = Values('"yes" or "no", in quotes', YES_NO_PATTERN, boolean=True)
PORT: Final = Values(
    "a port from 1 to 65535 that the member does not listen on itself, so none of "
    + ", ".join(map(str, OWN_PORTS)),
    NUMBER_PATTERN,
    1,
    65_535,
    tuple(OWN_PORTS),
)

_BY_VALUES: Final[Mapping[Values, tuple[str, ...]]] = {
    # Ticks of the server, and numbers of ticks: their product is milliseconds in 32 bits.
    _numbers(100, 60_000): ("tickTime",),
    _numbers(1, 10_000): ("initLimit", "syncLimit", "connectToLearnerMasterLimit"),
    _numbers(3): ("autopurge.snapRetainCount",),
    _numbers(0, 8760): ("autopurge.purgeInterval",),
    _numbers(2): ("snapCount",),
    _numbers(500): ("commitLogCount",),
    _numbers(-1): (
        "clientPortListenBacklog",
        "connection_throttle_freeze_time",
        "largeRequestThreshold",
        "leader.maxTimeToWaitForEpoch",
        "maxInProcessingDeadWatchers",
        "maxSessionTimeout",
        "minSessionTimeout",
        "netty.server.outstandingHandshake.limit",
        "quorumCnxnTimeoutMs",
    ),
    _numbers(0): (
        "commitProcessor.numWorkerThreads",
        "connection_throttle_fill_count",
        "connection_throttle_fill_time",
        "connection_throttle_tokens",
        "maxClientCnxns",
        "maxCnxns",
        "maxGetChildrenResponseCacheSize",
        "maxResponseCacheSize",
        "nio.numWorkerThreads",
        "request_throttle_max_requests",
        "request_throttle_stall_time",
        "throttled_op_wait_time",
    ),
    _numbers(0, 4_194_304): ("preAllocSize",),
    _numbers(-1, _LONG): ("snapSizeLimitInKb", "txnLogSizeLimitInKb"),
    _numbers(0, _LONG): (
        "commitProcessor.shutdownTimeout",
        "flushDelay",
        "fsync.warningthresholdms",
        "jvm.pause.info-threshold.ms",
        "jvm.pause.sleep.time.ms",
        "jvm.pause.warn-threshold.ms",
        "maxWriteQueuePollTime",
        "metricsProvider.workerShutdownTimeoutMs",
        "nio.shutdownTimeout",
        "observer.election.DelayMs",
        "observer.reconnectDelayMs",
    ),
    _numbers(1): (
        "bitHashCacheSize",
        "cnxTimeout",
        "commitProcessor.maxCommitBatchSize",
        "connection_throttle_global_session_weight",
        "connection_throttle_local_session_weight",
        "connection_throttle_renew_session_weight",
        "globalOutstandingLimit",
        "largeRequestMaxBytes",
        "leader.ackLoggingFrequency",
        "leader.maxConcurrentDiffSyncs",
        "leader.maxConcurrentSnapSyncs",
        "leaderConnectDelayDuringRetryMs",
        "maxBatchSize",
        "metricsProvider.maxQueueSize",
        "metricsProvider.numWorkerThreads",
        "nio.directBufferBytes",
        "nio.numSelectorThreads",
        "nio.sessionlessCnxnTimeout",
        "observerMaster.sizeLimit",
        "quorum.cnxn.threads.size",
        "request_throttler.shutdownTimeout",
        "watcherCleanIntervalInSeconds",
        "watcherCleanThreadsNum",
        "watcherCleanThreshold",
    ),
    PORT: ("metricsProvider.httpPort", "metricsProvider.httpsPort"),
    YES_NO: ("forceSync", "leaderServes"),
    TRUE_FALSE: (
        "audit.enable",
        "clientTcpKeepAlive",
        "closeSessionTxn.enabled",
        "connection_throttle_weight_enabled",
        "digest.enabled",
        "emulate353TTLNodes",
        "enableEagerACLCheck",
        "enforceQuota",
        "extendedTypesEnabled",
        "fips-mode",
        "follower.skipLearnerRequestToNextProcessor",
        "forceSnapshotSync",
        "forward_learner_requests_to_commit_processor_disabled",
        "jvm.pause.monitor",
        "leader.closeSocketAsync",
        "learner.asyncSending",
        "learner.closeSocketAsync",
        "localSessionsEnabled",
        "localSessionsUpgradingEnabled",
        "messageTracker.Enabled",
        "metricsProvider.exportJvmInfo",
        "netty.advancedFlowControl.enabled",
        "netty.server.earlyDropSecureConnectionHandshakes",
        "pathStats.enabled",
        "request_stale_connection_check",
        "request_stale_latency_check",
        "request_throttle_drop_stale",
        "serializeLastProcessedZxid.enabled",
        "tcpKeepAlive",
    ),
    ONLY_TRUE: ("observer.syncEnabled", "syncEnabled"),
    TEXT: (
        "4lw.commands.whitelist",
        "IPAuthenticationProvider.usexforwardedfor",
        "allowSaslFailedClients",
        "audit.impl.class",
        "client.certReload",
        "commitProcessor.maxReadBatchSize",
        "connection_throttle_decrease_ratio",
        "connection_throttle_drop_decrease",
        "connection_throttle_drop_increase",
        "ensembleAuthName",
        "intBufferStartingSizeBytes",
        "letAnySaslUserDoX",
        "messageTracker.BufferSize",
        "metricsProvider.className",
        "metricsProvider.httpHost",
        "requireKerberosConfig",
        "security.auth_to_local",
        "serverCnxnFactory",
        "snapshot.compression.method",
        "snapshotSizeFactor",
        "watchManagerName",
    ),
}

KNOWN_KEYS: Final[Mapping[str, Values]] = MappingProxyType(
    {key: values for values, keys in _BY_VALUES.items() for key in keys}
)
"""Every key a server of 3.8 or 3.9 reads and a user may set, with what it takes."""

_KNOWN_PREFIXES: Final = ("authProvider.", "kerberos.", "metricsProvider.", "pathStats.")
"""Beginnings of keys whose rest is free, or read by a plug-in."""

_READ_AS: Final[Mapping[str, str]] = {
    "advancedFlowControlEnabled": "netty.advancedFlowControl.enabled",
    "connectionDecreaseRatio": "connection_throttle_decrease_ratio",
    "connectionDropDecrease": "connection_throttle_drop_decrease",
    "connectionDropIncrease": "connection_throttle_drop_increase",
    "connectionFreezeTime": "connection_throttle_freeze_time",
    "connectionMaxTokens": "connection_throttle_tokens",
    "connectionTokenFillCount": "connection_throttle_fill_count",
    "connectionTokenFillTime": "connection_throttle_fill_time",
    "maxConcurrentDiffSyncs": "leader.maxConcurrentDiffSyncs",
    "maxConcurrentSnapSyncs": "leader.maxConcurrentSnapSyncs",
    "maxTimeToWaitForEpoch": "leader.maxTimeToWaitForEpoch",
    "outstandingHandshake.limit": "netty.server.outstandingHandshake.limit",
    "requestStaleConnectionCheck": "request_stale_connection_check",
    "requestStaleLatencyCheck": "request_stale_latency_check",
    "requestThrottleDropStale": "request_throttle_drop_stale",
    "requestThrottleLimit": "request_throttle_max_requests",
    "requestThrottleStallTime": "request_throttle_stall_time",
    "throttledOpWaitTime": "throttled_op_wait_time",
}
"""Names under which the administrator's guide lists a property that the server reads by another name."""

_SIMILAR: Final = 0.75


def keys_that_take(values: Values) -> tuple[str, ...]:
    """The keys that take these values, in the order of the table."""
    return _BY_VALUES[values]


def distinct_values() -> Iterable[Values]:
    """Every kind of values that some key takes."""
    return _BY_VALUES


def problem_of(key: str, value: str | float) -> str | None:
    """Return what a value of a known key must be if it is something else; None if it is right.

    Args:
        key: Any key; one that is not known takes everything.
        value: The value as the user wrote it.
    """
    values = KNOWN_KEYS.get(key, TEXT)
    return None if values.take(value) else f"must be {values.sentence}"


def is_known(key: str) -> bool:
    """Return whether ZooKeeper reads a key."""
    return key in KNOWN_KEYS or key.startswith(_KNOWN_PREFIXES)


@lru_cache(
    maxsize=1024
)  # comparing with every key takes milliseconds, and the same few come in each reconcile
def nearest_key(key: str) -> str:
    """The key that was probably meant by one that is not known; empty if none is similar."""
    if key in _READ_AS:
        return _READ_AS[key]
    names = {name.lower(): name for name in (*KNOWN_KEYS, *_owned_names())}
    found = difflib.get_close_matches(key.lower(), names, n=1, cutoff=_SIMILAR)
    return names[found[0]] if found else ""


def _owned_names() -> tuple[str, ...]:
    return tuple(name for owned in OWNED_KEYS for name in owned.keys)

"""The dashboards: one about an ensemble, one about the operator and all ensembles."""

from typing import Any, Final

from monitoring.grafana import Panel, Query, Row, Variable, dashboard

_OPERATOR: Final = "zookeeper_operator_"
_OURS: Final = 'namespace="$namespace", ensemble="$ensemble"'
_GOOD: Final = ((None, "red"), (1, "green"))
_YES_NO: Final = (("0", "no"), ("1", "yes"))


def _known(name: str, labels: str = "namespace, ensemble") -> str:
    """What the operator knows of the chosen ensemble, whichever pod of it reports it."""
    return f"max by ({labels}) ({_OPERATOR}ensemble_{name}{{{_OURS}}})"


def _of_member(name: str, labels: str = "member") -> str:
    return f"max by ({labels}) ({name}{{{_OURS}}})"


def _rate(name: str) -> str:
    return f"sum by (member) (rate({name}{{{_OURS}}}[$__rate_interval]))"


def _mean(name: str) -> str:
    """The mean of a summary; no point where nothing happened."""
    return f"{_rate(f'{name}_sum')} / {_rate(f'{name}_count')}"


def _by_member(title: str, description: str, expression: str, unit: str = "short") -> Panel:
    return Panel(title, description, (Query(expression, "member {{member}}"),), unit=unit)


def _stat(
    title: str,
    description: str,
    expression: str,
    *,
    steps: tuple[tuple[float | None, str], ...] = ((None, "blue"),),
    texts: tuple[tuple[str, str], ...] = (),
    unit: str = "short",
    width: int = 4,
) -> Panel:
    query = (Query(expression),)
    return Panel(title, description, query, "stat", unit, width, steps, texts)


_HEALTH: Final = Row(
    "Health",
    (
        _stat(
            "Quorum",
            "Whether a leader serves with a majority; nothing while that is not known.",
            _known("quorum_healthy"),
            steps=_GOOD,
            texts=(("0", "lost"), ("1", "serves")),
        ),
        _stat(
            "May be lost",
            "Voters that may fail now without losing the quorum.",
            _known("tolerates"),
            steps=((None, "red"), (0, "orange"), (1, "green")),
            width=3,
        ),
        _stat("Leader", "Id of the member that leads.", _known("leader"), width=3),
        _stat("Epoch", "Every election raises it.", _known("epoch"), width=3),
        _stat(
            "Live voters",
            "Voters that serve and follow the leader.",
            _known("live_voters"),
            width=3,
        ),
        _stat(
            "As the spec asks",
            "The condition Ready.",
            _known("ready"),
            steps=_GOOD,
            texts=_YES_NO,
        ),
        _stat(
            "Certificate",
            "Time until the certificate of the members ends; nothing without TLS.",
            f"{_known('certificate_not_after_seconds')} - time()",
            steps=((None, "red"), (86400, "orange"), (7 * 86400, "green")),
            unit="s",
        ),
        Panel(
            "Members",
            "Every member that answers, with its role and its version.",
            (Query(_known("member_info", "member, role, version")),),
            "table",
        ),
        Panel(
            "Conditions",
            "Every condition with its reason, as far as it is known.",
            (Query(_known("condition", "type, reason")),),
            "table",
        ),
        Panel(
            "Who leads",
            "The id of the leader; a gap while none is known.",
            (Query(_known("leader"), "leader"),),
            "state-timeline",
        ),
        Panel(
            "Members that serve",
            "By what the members say; a gap while a member is silent.",
            (Query(_known("member_serving", "member"), "member {{member}}"),),
            "state-timeline",
            texts=_YES_NO,
            steps=_GOOD,
        ),
        Panel(
            "Elections and changes of the leader",
            "Within five minutes.",
            (
                Query(
                    f"sum(increase({_OPERATOR}ensemble_elections_total{{{_OURS}}}[5m]))",
                    "elections",
                ),
                Query(
                    f"sum(increase({_OPERATOR}ensemble_leader_changes_total{{{_OURS}}}[5m]))",
                    "changes of the leader",
                ),
            ),
        ),
        _by_member(
            "Lag",
            "Transactions by which a member is behind the leader.",
            _known("member_lag", "member"),
        ),
    ),
)

_REQUESTS: Final = Row(
    "Requests and latency",
    (
        _by_member("Requests", "Packets received per second.", _rate("packets_received"), "reqps"),
        _by_member(
            "Outstanding requests",
            "Requests that wait in a member; absent while it has no leader.",
            _of_member("outstanding_requests"),
        ),
        _by_member(
            "Latency, 99th percentile of writes",
            "Of the requests that change something.",
            f'max by (member) (updatelatency{{{_OURS}, quantile="0.99"}})',
            "ms",
        ),
        _by_member(
            "Latency of writes, mean", "From receipt to reply.", _mean("updatelatency"), "ms"
        ),
        _by_member("Latency of reads, mean", "From receipt to reply.", _mean("readlatency"), "ms"),
        _by_member(
            "Quorum acknowledgement, mean",
            "From a proposal to its acknowledgement by a majority; of the leader.",
            _mean("quorum_ack_latency"),
            "ms",
        ),
    ),
)

_DISK: Final = Row(
    "Disk",
    (
        _by_member(
            "Sync of the transaction log, mean",
            "Every write waits for it.",
            _mean("fsynctime"),
            "ms",
        ),
        _by_member(
            "Writing a snapshot, mean",
            "It competes with the transaction log for the disk.",
            _mean("snapshottime"),
            "ms",
        ),
        Panel(
            "Volumes",
            "Snapshots and logs as a part of the volume; DiskPressure from 80 % on.",
            (
                Query(
                    f"{_known('volume_used_bytes', 'member, volume')} / "
                    f"{_known('volume_capacity_bytes', 'member, volume')}",
                    "member {{member}} {{volume}}",
                ),
            ),
            unit="percentunit",
        ),
    ),
)

_SESSIONS: Final = Row(
    "Sessions and connections",
    (
        _by_member("Connections", "Clients of each member.", _of_member("num_alive_connections")),
        Panel(
            "Sessions",
            "Of the whole ensemble, as the leader counts them.",
            (Query(f"max(global_sessions{{{_OURS}}})", "sessions"),),
        ),
        Panel(
            "Expired sessions and rejected connections",
            "Per second.",
            (
                Query(f"sum(rate(stale_sessions_expired{{{_OURS}}}[$__rate_interval]))", "expired"),
                Query(f"sum(rate(connection_rejected{{{_OURS}}}[$__rate_interval]))", "rejected"),
            ),
        ),
        _by_member("Watches", "Set by the clients of each member.", _of_member("watch_count")),
        _by_member(
            "File descriptors",
            "In use, as a part of the limit; each connection needs one.",
            f"max by (member) (open_file_descriptor_count{{{_OURS}}} / "
            f"max_file_descriptor_count{{{_OURS}}})",
            "percentunit",
        ),
    ),
)

_TREE: Final = Row(
    "Tree",
    (
        _by_member("Znodes", "All members have the same.", _of_member("znode_count")),
        _by_member(
            "Size", "Of names and data together.", _of_member("approximate_data_size"), "bytes"
        ),
        _by_member(
            "Ephemeral znodes", "They go with their sessions.", _of_member("ephemerals_count")
        ),
    ),
)

_PROTOCOL: Final = Row(
    "Following and electing",
    (
        Panel(
            "Followers in sync",
            "As the leader counts them.",
            (
                Query(f"max(synced_followers{{{_OURS}}})", "followers"),
                Query(f"max(synced_observers{{{_OURS}}})", "observers"),
            ),
        ),
        _by_member(
            "Elections, mean duration",
            "From losing the leader to following one.",
            f"max by (member) (election_time_sum{{{_OURS}}} / election_time_count{{{_OURS}}})",
            "ms",
        ),
        _by_member(
            "Time without a leader",
            "Milliseconds since the start of the member.",
            _of_member("unavailable_time_sum"),
            "ms",
        ),
    ),
)

_JVM: Final = Row(
    "JVM",
    (
        Panel(
            "Heap",
            "In use and the limit.",
            (
                Query(
                    f'max by (member) (jvm_memory_bytes_used{{{_OURS}, area="heap"}})', "{{member}}"
                ),
                Query(f'max(jvm_memory_bytes_max{{{_OURS}, area="heap"}})', "limit"),
            ),
            unit="bytes",
        ),
        _by_member(
            "Garbage collection",
            "Seconds per second.",
            _rate("jvm_gc_collection_seconds_sum"),
            "percentunit",
        ),
        _by_member("CPU", "Cores in use.", _rate("process_cpu_seconds_total")),
        _by_member("Threads", "Of each member.", _of_member("jvm_threads_current")),
    ),
)

ENSEMBLE: Final[dict[str, Any]] = dashboard(
    "zookeeper-ensemble",
    "ZooKeeper ensemble",
    "Topology and health on top, then requests, disk, sessions, tree, protocol and JVM.",
    variables=(
        Variable("namespace", "Namespace", f"label_values({_OPERATOR}ensemble_voters, namespace)"),
        Variable(
            "ensemble",
            "Ensemble",
            f'label_values({_OPERATOR}ensemble_voters{{namespace="$namespace"}}, ensemble)',
        ),
    ),
    rows=(_HEALTH, _REQUESTS, _DISK, _SESSIONS, _TREE, _PROTOCOL, _JVM),
)


def _total(name: str, by: str = "") -> str:
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} (rate({_OPERATOR}{name}_total[$__rate_interval]))"


def _percentile(name: str) -> str:
    return (
        f"histogram_quantile(0.99, sum by (le) (rate({_OPERATOR}{name}_bucket[$__rate_interval])))"
    )


def _line(title: str, description: str, expression: str, legend: str, unit: str = "short") -> Panel:
    return Panel(title, description, (Query(expression, legend),), unit=unit)


_ALL: Final = f"max by (namespace, ensemble) ({_OPERATOR}ensemble_"

_ENSEMBLES: Final = Row(
    "Ensembles",
    (
        _stat("Ensembles", "That the operator manages.", f"count({_ALL}voters))"),
        _stat(
            "Without a quorum",
            "Known not to serve.",
            f"count({_ALL}quorum_healthy) == 0) or vector(0)",
            steps=((None, "green"), (1, "red")),
        ),
        _stat(
            "Not as their spec asks",
            "Not ready, and not stopped.",
            f"count(({_ALL}ready) == 0) unless on (namespace, ensemble) ({_ALL}stopped) == 1)) "
            "or vector(0)",
            steps=((None, "green"), (1, "orange")),
        ),
        _stat(
            "None to spare",
            "Serve with exactly a majority.",
            f"count(({_ALL}tolerates) == 0) and on (namespace, ensemble) ({_ALL}voters) > 2)) "
            "or vector(0)",
            steps=((None, "green"), (1, "orange")),
        ),
        _stat("Stopped", "Because their spec says so.", f"count({_ALL}stopped) == 1) or vector(0)"),
        _stat("Paused", "Because their spec says so.", f"count({_ALL}paused) == 1) or vector(0)"),
        Panel(
            "All ensembles",
            "With the reason of Ready.",
            (
                Query(
                    "max by (namespace, ensemble, reason) "
                    f'({_OPERATOR}ensemble_condition{{type="Ready"}})'
                ),
            ),
            "table",
            width=12,
        ),
        Panel(
            "Elections",
            "Of all ensembles, within five minutes.",
            (
                Query(
                    "sum by (namespace, ensemble) "
                    f"(increase({_OPERATOR}ensemble_elections_total[5m]))",
                    "{{namespace}}/{{ensemble}}",
                ),
            ),
            width=12,
        ),
    ),
)

_WORK: Final = Row(
    "Work",
    (
        _line(
            "Processes that work",
            "One holds the Lease.",
            f"sum by (namespace, job) ({_OPERATOR}lease_leading)",
            "{{namespace}}",
        ),
        _line("Reconciles", "Per second, by result.", _total("reconciles", "result"), "{{result}}"),
        _line(
            "Reconcile, 99th percentile",
            "How long one takes.",
            _percentile("reconcile_seconds"),
            "reconcile",
            "s",
        ),
        _line(
            "Queue",
            "Ensembles that wait to be reconciled.",
            f"sum({_OPERATOR}workqueue_depth)",
            "waiting",
        ),
        _line(
            "Wait in the queue, 99th percentile",
            "From an event to its reconcile.",
            _percentile("workqueue_queue_seconds"),
            "wait",
            "s",
        ),
        _line(
            "Oldest reconcile",
            "How long it has been running.",
            f"max({_OPERATOR}workqueue_oldest_running_seconds)",
            "oldest",
            "s",
        ),
        _line(
            "Oldest status",
            "Time since an ensemble was last observed; about five minutes when idle.",
            f"max(time() - ({_ALL}observed_timestamp_seconds)))",
            "oldest",
            "s",
        ),
        _line("Work of the queue", "Adds per second.", _total("workqueue_adds"), "adds"),
        _line("Retries", "Per second.", _total("workqueue_retries"), "retries"),
    ),
)

_CLUSTER: Final = Row(
    "Kubernetes and members",
    (
        _line(
            "Requests to the API server",
            "Per second, by code.",
            _total("api_requests", "code"),
            "{{code}}",
        ),
        _line("Writes", "Per second; none while idle.", _total("api_writes", "kind"), "{{kind}}"),
        _line("Events", "Per second, by reason.", _total("events_emitted", "reason"), "{{reason}}"),
        _line(
            "Probe of a member, 99th percentile",
            "How long members take to answer.",
            _percentile("probe_seconds"),
            "probe",
            "s",
        ),
        _line(
            "Probes that failed",
            "Per second, by reason.",
            _total("probe_failures", "reason"),
            "{{reason}}",
        ),
        _line(
            "Event loop",
            "How late it was at its last tick.",
            f"max({_OPERATOR}loop_lag_seconds)",
            "late",
            "s",
        ),
        _line("Drift of the watch", "Changes that it missed.", _total("watch_drift"), "objects"),
    ),
)

OPERATOR: Final[dict[str, Any]] = dashboard(
    "zookeeper-operator",
    "ZooKeeper operator",
    "All ensembles, and the work of the operator.",
    variables=(),
    rows=(_ENSEMBLES, _WORK, _CLUSTER),
)

DASHBOARDS: Final = (ENSEMBLE, OPERATOR)

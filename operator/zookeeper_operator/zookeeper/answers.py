"""What a member's AdminServer said, read from bytes that may be anything.

Pure. Members are judged by what they say, never by the HTTP status, and nothing they say is trusted to
have the right type or size: what cannot be read is unknown.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_BROADCAST: Final = "broadcast"


@dataclass(frozen=True)
class Answers:
    """What one member's AdminServer said in this reconcile.

    `problem` is None only when the member serves clients. All numbers are as the member gave them;
    None means it did not give them. `leader_id` is the leader that this member follows or is. `denies` means
    that it said itself that it does not serve, `refuses` that nothing listens at its address: these two are
    facts. A member that is silent, or answers in part, may still serve. The `synced_` counts are those
    a leader has of the members that follow it. `tree_bytes` is the length of all data and paths of its
    `znodes`, while `data_bytes` and `log_bytes` are what its volumes hold. `database` is what it held at
    its start: `none`, `founder` or `kept`; empty if it did not say, and of one that serves.
    `exports_metrics` says whether it uses the provider for Prometheus.
    """

    id: int
    reachable: bool
    problem: str | None = None
    leader_id: int | None = None
    is_leader: bool = False
    server_state: str = ""
    peer_state: str = ""
    zxid: int | None = None
    voting_view: frozenset[int] | None = None
    connections: int | None = None
    data_bytes: int | None = None
    log_bytes: int | None = None
    tree_bytes: int | None = None
    znodes: int | None = None
    version: str = ""
    denies: bool = False
    refuses: bool = False
    synced_followers: int | None = None
    synced_non_voting_followers: int | None = None
    synced_observers: int | None = None
    database: str = ""
    exports_metrics: bool | None = None

    @property
    def serving(self) -> bool:
        """Whether it takes part in broadcast, following or leading, and answers clients."""
        return self.reachable and self.problem is None and self.peer_state.endswith(_BROADCAST)

    @property
    def observes(self) -> bool:
        """Whether it says that it is an observer, which a leader does not count for a new configuration."""
        return self.server_state == "observer"

    @property
    def epoch(self) -> int | None:
        """The epoch of its last transaction: the upper half of the zxid."""
        return None if self.zxid is None else self.zxid >> 32


@dataclass(frozen=True)
class Reply:
    """What became of one command: the fields of its answer, or why there are none.

    `refused` is the member's own `error`. `trouble` says why nothing was understood; with `answered` the
    member still sent something, with `nothing_listens` its address refused the connection.
    """

    fields: Mapping[str, Any] | None = None
    refused: str | None = None
    trouble: str | None = None
    answered: bool = False
    timed_out: bool = False
    nothing_listens: bool = False


def read_reply(command: str, body: bytes) -> Reply:
    """Understand the body of one answer, which may be anything."""
    if body.lstrip()[:1] == b"<":
        if command == "monitor":  # its error page while the member does not serve
            return Reply(refused="does not serve (monitor failed)", answered=True)
        return Reply(trouble=f"answers {command} with a page that is not JSON", answered=True)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return Reply(trouble=f"the answer to {command} is not JSON", answered=True)
    if not isinstance(found, dict) or "error" not in found:
        return Reply(trouble=f"the answer to {command} has another form", answered=True)
    error = found["error"]
    if error is not None:
        return Reply(refused=one_line(str(error)) or "an error without a text", answered=True)
    return Reply(fields=found, answered=True)


def read_answers(member_id: int, replies: Mapping[str, Reply]) -> Answers:
    """Turn one member's replies into what the operator needs to know; odd values become None."""
    if not any(reply.answered for reply in replies.values()):
        trouble = next((reply.trouble for reply in replies.values() if reply.trouble), None)
        return Answers(
            member_id,
            reachable=False,
            problem=trouble or "nothing was asked",
            refuses=any(reply.nothing_listens for reply in replies.values()),
        )
    judged = [replies[command] for command in ("leader", "monitor") if command in replies]
    refusals = [reply.refused for reply in judged if reply.refused]
    troubles = [reply.trouble for reply in judged if reply.trouble]
    fields = {command: reply.fields or {} for command, reply in replies.items()}
    leader = fields.get("leader", {})
    monitor = fields.get("monitor", {})
    stats = fields.get("server_stats", {})
    dirs = fields.get("dirs", {})
    peer_state = text_in(monitor, "peer_state")
    return Answers(
        id=member_id,
        reachable=True,
        problem=next(iter(refusals + troubles), None),
        leader_id=number_in(leader, "leader_id", least=1),
        is_leader=leader.get("is_leader") is True,
        server_state=text_in(monitor, "server_state"),
        peer_state=peer_state,
        zxid=number_in(_table(stats, "server_stats"), "last_processed_zxid"),
        voting_view=_ids(fields.get("voting_view", {}).get("current_config")),
        connections=number_in(monitor, "num_alive_connections"),
        data_bytes=number_in(dirs, "datadir_size"),
        log_bytes=number_in(dirs, "logdir_size"),
        tree_bytes=number_in(monitor, "approximate_data_size"),
        znodes=number_in(monitor, "znode_count"),
        version=_version(text_in(monitor, "version") or text_in(stats, "version")),
        denies=bool(refusals) or bool(peer_state and not peer_state.endswith(_BROADCAST)),
        synced_followers=number_in(monitor, "synced_followers"),
        synced_non_voting_followers=number_in(monitor, "synced_non_voting_followers"),
        synced_observers=number_in(monitor, "synced_observers"),
        database=text_in(fields.get("system_properties", {}), "member.database"),
        exports_metrics=_exports_metrics(monitor),
    )


def failure_of(answers: Answers, replies: Mapping[str, Reply]) -> str | None:
    """Why a probe failed, as one of a few words for a metric; None if it did not."""
    if not answers.reachable:
        return "timeout" if any(r.timed_out for r in replies.values()) else "unreachable"
    if answers.problem is None:
        return None
    return "not_serving" if any(r.refused for r in replies.values()) else "unreadable"


def _exports_metrics(monitor: Mapping[str, Any]) -> bool | None:
    """Whether the provider for Prometheus has named these metrics; None if neither provider has.

    `monitor` shows what the provider of the server has, and each names the parts of a summary in its own way.
    """
    if "election_time_count" in monitor:
        return True
    return False if "cnt_election_time" in monitor else None


def number_in(fields: Mapping[str, Any], key: str, *, least: int = 0) -> int | None:
    """A whole number of an answer; None if there is none of that name, or it is something else."""
    value = fields.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value < 1 << 63 else None


def text_in(fields: Mapping[str, Any], key: str) -> str:
    """A text of an answer on one line; empty if there is none of that name."""
    value = fields.get(key)
    return one_line(value) if isinstance(value, str) else ""


def _table(fields: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def _ids(table: object) -> frozenset[int] | None:
    """The ids of a voting view, which is a table by id."""
    if not isinstance(table, dict):
        return None
    keys = [str(key) for key in table]
    if not all(re.fullmatch(r"[0-9]{1,3}", key) for key in keys):
        return None
    return frozenset(int(key) for key in keys)


def _version(text: str) -> str:
    """`3.9.5` of `3.9.5-293c895…, built on …`."""
    found = re.match(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}", text)
    return found[0] if found else ""


def one_line(text: str) -> str:
    """The beginning of a text that may be anything, on one line, 200 characters at most."""
    return " ".join(text[:400].split())[:200]


def no_answer_within(seconds: float) -> str:
    """The problem of a member that did not answer in time."""
    return f"no answer within {seconds:g} s"

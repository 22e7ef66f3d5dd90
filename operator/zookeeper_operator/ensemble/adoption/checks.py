"""Whether a source can be taken over: what its owner has to do first, as the lines to paste.

Pure. Asked before the first member of ours is started; later nothing of it stops what has begun.
"""

import re
from collections.abc import Iterator
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.api.adoption import AdoptionMode
from zookeeper_operator.api.ensemble import LAST_VOTER_ID, MAX_REPLICAS
from zookeeper_operator.ensemble.adoption.source import Source
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.zookeeper.servers import CommittedConfig, parse_config

_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", "[::]", "localhost"})  # noqa: S104 -- refused
_OLDEST: Final = (3, 5)

TURN_ON: Final = (
    'Bitnami chart: extraEnvVars: [{name: ZOO_RECONFIG_ENABLED, value: "yes"}]; official image: environment '
    'ZOO_CFG_EXTRA="reconfigEnabled=true"; zoo.cfg: reconfigEnabled=true; then restart its members one by one'
)
"""What turns reconfiguration on at a source, and its one price."""
MAKE_ENSEMBLE: Final = (
    'Bitnami chart: extraEnvVars: [{name: ZOO_CFG_server_1, value: "HOST:2888:3888;2181"}, {name: '
    'ZOO_CFG_standaloneEnabled, value: "false"}, {name: ZOO_RECONFIG_ENABLED, value: '
    '"yes"}]; official image: '
    'ZOO_SERVERS="server.1=HOST:2888:3888;2181", ZOO_STANDALONE_ENABLED="false", '
    'ZOO_CFG_EXTRA="reconfigEnabled=true"; HOST is the address of its pod, such as '
    "zookeeper-0.zookeeper-headless.NAMESPACE.svc.cluster.local"
)
"""What makes an ensemble of one of a standalone server."""


def read_config_of(source: Source) -> CommittedConfig | None:
    """The configuration that a source shows on its own client ports; None if it shows none."""
    try:
        return parse_config(source.text) if source.text else None
    except ValueError:
        return None


def find_obstacles(
    source: Source,
    *,
    first_id: int,
    version: str,
    namespace: str,
    name: str,
    mode: AdoptionMode = "Join",
) -> tuple[Problem, ...]:
    """What keeps a source from being taken over, the first cause first; nothing if nothing does.

    Args:
        source: what was observed of it.
        first_id: the id of our first member.
        version: the version of ZooKeeper that our members run.
        namespace: the namespace of the ensemble that takes over.
        name: its name.
        mode: the way in which it is taken over.
    """
    return tuple(_find_obstacles(source, first_id, version, f"{namespace}/{name}", mode))


def _find_obstacles(
    source: Source, first_id: int, version: str, ours: str, mode: AdoptionMode
) -> Iterator[Problem]:
    config = read_config_of(source)
    if source.text is None:
        why = source.why or "nothing answers"
        yield Problem(reasons.SOURCE_UNREACHABLE, f"the source cannot be read: {why}")
    elif config is None:
        yield _without_config(source)
    else:
        yield from _rival_problems(source)
        yield from _pods_problems(source, ours)
        yield from _mode_problems(config, mode)
        yield from _config_problems(config, first_id)
        yield from _member_problems(source, config, version)


def _without_config(source: Source) -> Problem:
    if not (source.text or "").strip():
        return Problem(
            reasons.STANDALONE_SOURCE,
            "the source is a standalone server, which no other can join. Restart it as an ensemble of one: "
            f"{MAKE_ENSEMBLE}",
        )
    try:
        parse_config(source.text or "")
    except ValueError as error:
        return Problem(
            reasons.SOURCE_REFUSED,
            f"/zookeeper/config of the source has another form than server lines ({error}); groups and "
            "weights are not supported",
        )
    raise AssertionError(source.text)


def _rival_problems(source: Source) -> Iterator[Problem]:
    if source.rivals:
        yield Problem(
            reasons.SOURCE_REFUSED,
            f"the ensemble {', '.join(source.rivals)} takes the same source over; delete this one, or that "
            "one while none of its members votes",
        )


def _pods_problems(source: Source, ours: str) -> Iterator[Problem]:
    if source.pods_why:
        yield Problem(reasons.SOURCE_REFUSED, f"spec.adopt.statefulSet: {source.pods_why}")
    pods = source.pods
    if pods is not None and pods.ensemble and not pods.writable:
        yield Problem(
            reasons.SOURCE_REFUSED,
            f"StatefulSet {pods.namespace}/{pods.name} belongs to the ensemble {pods.ensemble}, whose "
            "operator would remove our members; pause that ensemble and allow the adoption: kubectl annotate "
            f"--namespace {pods.namespace} statefulset/{pods.name} "
            f"zookeeper.ensemble.dev/adoptable-by={ours}",
        )
    if pods is not None and pods.ensemble and pods.writable and not pods.paused:
        yield Problem(
            reasons.SOURCE_REFUSED,
            f"the ensemble {pods.ensemble} is not paused: its operator would remove our members and start "
            "its pods again; set spec.paused: true there",
        )
    if pods is not None and not pods.keeps_claims:
        yield Problem(
            reasons.SOURCE_REFUSED,
            f"StatefulSet {pods.namespace}/{pods.name} deletes the volumes of pods that are scaled away, so "
            "there would be no way back; set its persistentVolumeClaimRetentionPolicy.whenScaled: Retain",
        )
    if pods is not None and not source.pods_why and not source.ordered:
        yield Problem(
            reasons.SOURCE_REFUSED,
            f"the server lines of the source do not name the pods {pods.name}-{pods.first}, … of StatefulSet "
            f"{pods.namespace}/{pods.name} by its Service, from the first on "
            f"({', '.join(s.host for s in source.voters)}); correct spec.adopt.statefulSet, or leave it out "
            "and stop its members by hand when the status asks for it",
        )


def _mode_problems(config: CommittedConfig, mode: AdoptionMode) -> Iterator[Problem]:
    if config.version == 0 and mode == "Join":
        yield Problem(
            reasons.RECONFIG_DISABLED,
            f"the source does not allow reconfiguration. Turn it on. {TURN_ON}. Or, if writing may "
            "pause for a moment, delete this ensemble and create it with spec.adopt.mode: CutOver",
        )
    if config.version and mode == "CutOver":
        yield Problem(
            reasons.SOURCE_REFUSED,
            "the source allows reconfiguration, so it is taken over without a pause: delete this "
            "ensemble and create it with spec.adopt.mode: Join",
        )


def _config_problems(config: CommittedConfig, first_id: int) -> Iterator[Problem]:
    taken = sorted(i for i in config.ids if i >= first_id)
    if taken:
        yield Problem(
            reasons.SOURCE_REFUSED,
            f"member {', '.join(map(str, taken))} of the source has an id that is ours (firstMemberId "
            f"{first_id}); delete this ensemble and create it with a firstMemberId above {max(config.ids)}",
        )
    last = first_id + len(config.voters) - 1
    if last > LAST_VOTER_ID:
        yield Problem(
            reasons.SOURCE_REFUSED,
            f"ids end at {LAST_VOTER_ID}, and as many members as the source has would go up to {last}; "
            "delete this ensemble and create it with a firstMemberId of at most "
            f"{LAST_VOTER_ID - len(config.voters) + 1}",
        )
    bound = [server.host for server in config.servers if server.host in _EVERYWHERE]
    if bound:
        yield Problem(
            reasons.SOURCE_REFUSED,
            f"a server line of the source names {bound[0]}, where no other member finds it; write the "
            "address "
            "of the member there and restart it (in zoo.cfg quorumListenOnAllIPs=true binds every address)",
        )
    if not config.voters or len(config.voters) > MAX_REPLICAS:
        yield Problem(
            reasons.SOURCE_REFUSED,
            f"the source has {len(config.voters)} voters; 1 to {MAX_REPLICAS} can be taken over",
        )


def _member_problems(source: Source, config: CommittedConfig, version: str) -> Iterator[Problem]:
    for server in config.servers:
        answer = source.answers.get(server.id)
        if answer is None or not answer.mode:
            why = answer.problem if answer is not None and answer.problem else "it was not asked"
            yield Problem(
                reasons.SOURCE_UNREACHABLE,
                f"member {server.id} of the source ({server.host}): {why}; every member must serve and "
                "answer srvr (4lw.commands.whitelist)",
            )
        elif (found := _numbers(answer.version)) and (
            found < _OLDEST or (_numbers(version) and found > _numbers(version))
        ):
            yield Problem(
                reasons.SOURCE_REFUSED,
                f"member {server.id} of the source runs {answer.version}; 3.5.0 to {version} "
                "(spec.version) can be taken over",
            )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]{1,4}", version)[:3])

"""Asks the members of an ensemble how they are, and who they are by the configuration they have committed.

Remembers the last configuration, as long as no answer says that another one can be committed.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble.adoption.checks import read_config_of
from zookeeper_operator.ensemble.adoption.fetch import fetch_source
from zookeeper_operator.ensemble.adoption.record import (
    cuts_over,
    has_begun,
    is_cut_over,
    recorded_source,
)
from zookeeper_operator.ensemble.adoption.source import Source, read_source_answers
from zookeeper_operator.ensemble.judge.quorum import Quorum, judge_quorum
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.published import published_membership
from zookeeper_operator.ensemble.security.readiness import published_config, secure_access
from zookeeper_operator.ensemble.security.users import running_phases, session_login
from zookeeper_operator.kube.api import Kube
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.jaas import Login
from zookeeper_operator.zookeeper.protocol import (
    Access,
    Address,
    EnsembleUnreachableError,
    LoginRefusedError,
    ZooKeeper,
)
from zookeeper_operator.zookeeper.servers import CommittedConfig, parse_config

# The members' voting views give every change of voters away at once; only a change among observers that
# someone else made needs the configuration itself to be read again.
_CONFIG_AGE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class _KnownConfig:
    config: CommittedConfig
    fingerprint: object
    at: float
    uid: str
    login: Login | None


@dataclass(frozen=True)
class Told:
    """What the members have answered, and the configuration they have committed, or why it is not known.

    `answers` are those of the members of a source too, where one is taken over.
    """

    answers: Mapping[int, Answers]
    committed: CommittedConfig | None
    unreadable: str = ""
    login_accepted: bool | None = None
    source: Source | None = None


class ConfigurationReader:
    """Asks ensembles. Remembers only what saves a question, never what decides."""

    def __init__(self, kube: Kube, zookeeper: ZooKeeper, namespaces: Sequence[str] = ()) -> None:
        self._kube = kube
        self._zookeeper = zookeeper
        self._namespaces = namespaces
        self._readings: dict[Key, _KnownConfig] = {}

    def forget(self, key: Key) -> None:
        """Read the configuration again next time."""
        self._readings.pop(key, None)

    async def ask(self, key: Key, observed: Observed, addresses: tuple[Address, ...]) -> Told:
        """What the members say, and who they are by the configuration that they have committed.

        `observed` is what is known of the ensemble without them.
        """
        if observed.ensemble.spec.adopt is not None:
            return await self._ask_with_source(observed, addresses)
        uid, login = observed.ensemble.uid, session_login(observed)
        answers = await self._zookeeper.probe(addresses, thorough=True)
        fingerprint = fingerprint_of(answers)
        now = asyncio.get_running_loop().time()
        known = self._readings.get(key)
        # One that was created again under this name is another ensemble, whatever its members are called.
        is_same = known is not None and (known.uid, known.fingerprint, known.login) == (
            uid,
            fingerprint,
            login,
        )
        accepted = None if login is None else True
        if known and is_same and now - known.at < _CONFIG_AGE_SECONDS:
            return Told(answers, known.config, login_accepted=accepted)
        if why := _why_unread(answers, addresses):
            return Told(answers, None, why)
        access = Access(_serving(answers, addresses), secure=secure_access(observed), login=login)
        try:
            config = await self._zookeeper.read_config(access)
        except LoginRefusedError as error:
            return await self._ask_without_login(observed, answers, access, str(error))
        except EnsembleUnreachableError as error:
            # Giving up has taken seconds, and what was said before them is too old to report.
            why = f"the configuration could not be read: {error}"
            return Told(await self._zookeeper.probe(addresses, thorough=True), None, why)
        self._readings[key] = _KnownConfig(config, fingerprint, now, uid, login)
        return Told(answers, config, login_accepted=accepted)

    async def _ask_without_login(
        self, observed: Observed, answers: Mapping[int, Answers], access: Access, refusal: str
    ) -> Told:
        """The committed configuration, while the members refuse the operator's user.

        They know another password than the operator until they are restarted, which takes to know who they
        are. Where a session without a user is not served either, nobody can have reconfigured them, so the
        published configuration counts if every member that serves names the same voters.
        """
        why = f"the configuration could not be read: {refusal}"
        if any(phase.requires_authentication for phase in running_phases(observed)):
            views = {answer.voting_view for answer in answers.values() if answer.serving}
            published = published_config(observed)
            same = published is not None and views == {published.voters}
            return Told(answers, published if same else None, why, login_accepted=False)
        try:
            config = await self._zookeeper.read_config(replace(access, login=None))
        except EnsembleUnreachableError:
            return Told(answers, None, why, login_accepted=False)
        return Told(answers, config, why, login_accepted=False)

    async def _ask_with_source(self, observed: Observed, addresses: tuple[Address, ...]) -> Told:
        """What our members and those of a source say; who they are is read from whichever serves.

        Nothing is remembered: the members of a source do not say whom they count as voters.
        """
        ours, source = await asyncio.gather(
            self._zookeeper.probe(addresses, thorough=True),
            fetch_source(
                self._kube,
                self._zookeeper,
                observed.ensemble,
                recorded_source(observed),
                begun=has_begun(observed),
                namespaces=self._namespaces,
            ),
        )
        assert source is not None
        answers = {**read_source_answers(source.answers, ours), **ours}
        voters = find_expected_voters(observed, source, ours)
        quorum = judge_quorum(answers, committed=None, published=voters)
        if why := source.why or _why_unconfirmed(observed, answers, voters, quorum):
            return Told(answers, None, why, source=source)
        if _must_stand_still(observed):
            config = published_config(observed)
            why = (
                ""
                if _agree(ours, voters)
                else "our members count others as voters than were published"
            )
            return Told(answers, None if why else config, why, source=source)
        observes = cuts_over(observed) and not is_cut_over(observed)
        # A member of ours that only observes shows the list that it has started from.
        following = () if observes else tuple(a for a in addresses if quorum.in_sync(a.id, answers))
        try:
            config = (
                await self._zookeeper.read_config(Access(following))
                if following
                else read_config_of(source) or await self._read_source(source, quorum.live)
            )
        except (EnsembleUnreachableError, ValueError) as error:
            why = f"the configuration could not be read: {error}"
            return Told(answers, None, why, source=source)
        return Told(answers, config, source=source)

    async def _read_source(self, source: Source, live: frozenset[int]) -> CommittedConfig:
        asked = [e for i, e in source.endpoints.items() if i in live]
        return parse_config(await self._zookeeper.read_source(asked))


def _serving(answers: Mapping[int, Answers], addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    return tuple(a for a in addresses if a.id in answers and answers[a.id].serving)


def _why_unread(answers: Mapping[int, Answers], members: Iterable[Address]) -> str:
    """Why the configuration is not read now; a sync waits for a quorum, and would delay the reconcile."""
    serving = frozenset(m.id for m in members if m.id in answers and answers[m.id].serving)
    if not serving:
        return "no member serves, so none can be asked for the configuration"
    if not judge_quorum(answers, committed=None, published=serving).healthy:
        return "no majority has answered that it serves, so the configuration was not read"
    return ""


def find_expected_voters(
    observed: Observed, source: Source, ours: Mapping[int, Answers]
) -> frozenset[int]:
    """By which voters it is judged who of a source and of ours is the quorum; none if that is not known.

    Never by who happens to serve: members of a source that were restarted from their own list serve too, as
    an ensemble of their own. The list is at most one change older than what is committed. Where it is lost,
    our members say whom they count; before there is one, the source says it.
    """
    published = published_membership(observed)
    if cuts_over(observed) and published is not None:
        # Of a source that cannot reconfigure nothing else has ever been committed. After the cut none of it
        # counts.
        foreign = any(map(observed.ensemble.is_foreign, published.voters))
        return frozenset() if foreign and is_cut_over(observed) else published.voters
    # One of version 0 was never committed: it was made from the record after the list was lost.
    if published is not None and published.version:
        return published.voters
    if recorded_source(observed):
        views = {a.voting_view for a in ours.values() if a.serving and a.voting_view is not None}
        return next(iter(views)) if len(views) == 1 else frozenset()
    config = read_config_of(source)
    return frozenset() if config is None else config.voters


def _must_stand_still(observed: Observed) -> bool:
    """Whether no session may be opened: each is a transaction, and it is seen whether there are any."""
    adopt = observed.ensemble.spec.adopt
    goes_on = adopt is not None and adopt.proceed != "Observe"
    return goes_on and cuts_over(observed) and has_begun(observed) and not is_cut_over(observed)


def _agree(ours: Mapping[int, Answers], voters: frozenset[int]) -> bool:
    views = (a.voting_view for a in ours.values() if a.serving and a.voting_view is not None)
    return all(view == voters for view in views)


def _why_unconfirmed(
    observed: Observed, answers: Mapping[int, Answers], voters: frozenset[int], quorum: Quorum
) -> str:
    """Why the configuration is not read now, while another ensemble is taken over.

    As soon as one of ours votes, one of ours must confirm it.
    """
    if not voters:
        return "who votes is not known: the list of members is gone, and no member of ours serves"
    if not quorum.healthy:
        return "no majority has answered that it serves, so the configuration was not read"
    is_foreign = observed.ensemble.is_foreign
    own = [i for i in answers if not is_foreign(i)]
    if not all(map(is_foreign, voters)) and not any(quorum.in_sync(i, answers) for i in own):
        return "no member of ours confirms what the source says, so the configuration was not read"
    return ""


def fingerprint_of(answers: Mapping[int, Answers]) -> object:
    """What changes whenever the committed voters can have changed."""
    return frozenset(
        (a.id, a.leader_id, a.is_leader, a.voting_view, a.epoch if a.is_leader else None)
        for a in answers.values()
        if a.serving
    )

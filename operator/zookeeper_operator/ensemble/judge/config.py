"""What is wrong with `spec.config` and `spec.jvm.options`."""

from collections.abc import Iterator, Mapping
from typing import Final

from zookeeper_operator.api import reasons
from zookeeper_operator.api.schema.known_keys import is_known, nearest_key, problem_of
from zookeeper_operator.api.schema.owned_keys import (
    OWNED_WITH_SECURITY,
    refusal_of,
    refusal_of_value,
)
from zookeeper_operator.api.schema.owned_options import refusal_of_option
from zookeeper_operator.ensemble.build.config import DEFAULTS
from zookeeper_operator.ensemble.judge.live_template import has_config, has_option, is_secured
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.ensemble.observed import Observed

_LOGIN_OPTION: Final = "-Djava.security.auth.login.config"
_MOST_NAMED: Final = 5
"""Of unknown keys, so that a long list of them does not hide what else is wrong."""

_LEAST_TIMEOUT: Final = ("minSessionTimeout", 2)
_LARGEST_TIMEOUT: Final = ("maxSessionTimeout", 20)
"""The keys that bound what clients may ask for, with ZooKeeper's defaults in ticks."""


def config_problems(observed: Observed) -> Iterator[Problem]:
    """Everything in `spec.config` and `spec.jvm.options` that cannot be acted on."""
    config = observed.ensemble.spec.config
    for key, value in sorted(config.items()):
        why = refusal_of(key)
        if why is not None:
            yield _problem(f"spec.config.{key} is owned by the operator: {why}; remove it")
        elif _asks_for_security(observed) and OWNED_WITH_SECURITY.matches(key):
            yield _problem(
                f"spec.config.{key} is owned by the operator: {OWNED_WITH_SECURITY.reason}; remove it",
                carried=has_config(observed, key, value) and is_secured(observed),
            )
        elif (bad := refusal_of_value(key, value)) is not None:
            yield _problem(f"spec.config.{key}: {bad}")
        elif (bad := problem_of(key, value)) is not None:
            carried = has_config(observed, key, value)
            yield _problem(f"spec.config.{key} {_said(value)}: it {bad}", carried=carried)
    yield from _timeout_problems(observed)
    for option in observed.ensemble.spec.jvm.options:
        refusal = refusal_of_option(option)
        if observed.ensemble.spec.auth is not None and option.startswith(_LOGIN_OPTION):
            yield _problem(
                f"spec.jvm.options: {_LOGIN_OPTION} is owned by the operator where spec.auth is set: members "
                "read its users from there; remove it",
                carried=has_option(observed, option),
            )
        elif refusal is not None:
            yield _problem(
                f"spec.jvm.options must not {refusal}; remove {option}",
                carried=has_option(observed, option),
            )


def _asks_for_security(observed: Observed) -> bool:
    spec = observed.ensemble.spec
    return spec.tls is not None or spec.auth is not None


def unknown_keys(observed: Observed) -> tuple[Problem, ...]:
    """What to say about keys that ZooKeeper does not read; nothing is stopped by them."""
    unknown = [
        key
        for key in sorted(observed.ensemble.spec.config)
        if not is_known(key) and refusal_of(key) is None
    ]
    said = "; ".join(map(_suggestion, unknown[:_MOST_NAMED]))
    more = len(unknown) - _MOST_NAMED
    if more > 0:
        said += f"; and {more} more"
    if not unknown:
        return ()
    return (Problem(reasons.UNKNOWN_CONFIG_KEY, f"ZooKeeper reads no key of this name: {said}"),)


def _suggestion(key: str) -> str:
    nearest = nearest_key(key)
    return f"spec.config.{key} (did you mean {nearest}?)" if nearest else f"spec.config.{key}"


def _timeout_problems(observed: Observed) -> Iterator[Problem]:
    """A server does not start if the least session timeout is above the largest."""
    config = observed.ensemble.spec.config
    least, largest = _timeout(config, *_LEAST_TIMEOUT), _timeout(config, *_LARGEST_TIMEOUT)
    if least is None or largest is None or least <= largest:
        return
    names = [
        name for name in ("tickTime", _LEAST_TIMEOUT[0], _LARGEST_TIMEOUT[0]) if name in config
    ]
    yield _problem(
        f"spec.config: sessions would last {least} ms at least and {largest} ms at most, so no server would "
        f"start; change {' or '.join(names)}",
        carried=all(has_config(observed, name, config[name]) for name in names),
    )


def _timeout(config: Mapping[str, str | int], key: str, ticks: int) -> int | None:
    """A session timeout in milliseconds; None if it cannot be read."""
    try:
        found = int(config.get(key, -1))
        return ticks * int(config.get("tickTime", DEFAULTS["tickTime"])) if found == -1 else found
    except ValueError:
        return None


def _said(value: str | int) -> str:
    return f"is {str(value)[:40]!r}"


def _problem(message: str, *, carried: bool = False) -> Problem:
    return Problem(reasons.INVALID_CONFIG_KEY, message, carried)

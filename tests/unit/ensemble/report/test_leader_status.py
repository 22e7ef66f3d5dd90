"""Who leads, by the status, given what it said before."""

from dataclasses import replace

from tests.unit.ensemble.plan.scenes import NOW, at_rest

from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.notices import build_notices
from zookeeper_operator.ensemble.report.status import build_status


def after(observed: Observed, written: dict[str, object]) -> Observed:
    """The same look when this was written before."""
    return replace(observed, ensemble=replace(observed.ensemble, status=written))


def test_a_leader_too_busy_to_tell_its_epoch_has_not_been_elected_anew() -> None:
    scene = at_rest(3)
    first = build_status(build_plan(scene), restarted={})
    silent = {i: replace(a, zxid=None) for i, a in scene.answers.items()}
    later = replace(scene, answers=silent, now=NOW.replace(hour=1))
    second = build_status(build_plan(after(later, first)), restarted={})
    assert second["leader"] == first["leader"]
    assert build_notices(first, second) == ()

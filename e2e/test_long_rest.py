"""Ten minutes in which nothing touches an ensemble, whatever happens to others."""

import os
import time

import pytest
from e2e.places import Places

REST_SECONDS = int(os.environ.get("E2E_LONG_REST_SECONDS", "600"))


@pytest.mark.slow
@pytest.mark.timeout(REST_SECONDS + 300)
def test_at_rest_for_ten_minutes_nothing_is_written(places: Places) -> None:
    """Ten minutes of reconciles, with a resync, while other ensembles change: nothing is touched."""
    ensemble = places.ensemble(replicas=3)
    versions, events = ensemble.wait_calm(), len(ensemble.events())
    time.sleep(REST_SECONDS)  # not a wait: the time itself is what is tested
    assert ensemble.versions() == versions
    assert len(ensemble.events()) == events

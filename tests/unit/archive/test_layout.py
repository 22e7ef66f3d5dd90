"""Where backups are: names that are read as they were written, and paths that stay in the store."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.archive.stored import moments, places, zxids

from zookeeper_operator.archive.errors import ArchiveError
from zookeeper_operator.archive.layout import DirectoryName, Place, join, parse_directory_name


@given(moments, zxids)
def test_the_name_of_a_directory_is_read_as_it_was_written(moment: datetime, zxid: int) -> None:
    name = DirectoryName(moment.replace(microsecond=0), zxid)
    assert parse_directory_name(name.text) == name


@given(moments, moments)
def test_names_sort_as_times(one: datetime, two: datetime) -> None:
    first, second = (DirectoryName(m, 1).text for m in sorted((one, two)))
    assert first <= second


@pytest.mark.parametrize(
    "text", ["", "lost+found", "20261126T020017Z", "20261326T020017Z-1", "20261126T020017Z-g"]
)
def test_other_names_are_none(text: str) -> None:
    assert parse_directory_name(text) is None


@given(places)
def test_a_place_is_below_its_prefix_and_two_ensembles_share_none(place: Place) -> None:
    assert place.path.startswith(place.prefix)
    assert place.path.endswith(f"{place.namespace}/{place.ensemble}/{place.identity[:8]}")


@given(st.text(max_size=12))
def test_no_path_leads_out_of_the_store(text: str) -> None:
    with suppress(ArchiveError):
        segments = join("a", text, "b").split("/")
        assert (segments[0], segments[-1]) == ("a", "b")
        assert not {"", ".", ".."} & {*segments}


@pytest.mark.parametrize("text", ["..", "a/../b", "a//..", "a b", "a\x00", "ü", "a\\b"])
def test_what_is_no_part_of_a_path_is_refused(text: str) -> None:
    with pytest.raises(ArchiveError):
        join(text)


def test_an_ensemble_without_identity_has_no_place() -> None:
    with pytest.raises(ArchiveError):
        _ = Place("", "demo", "zk", "").path

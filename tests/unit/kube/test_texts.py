"""Texts fit into what the API server accepts."""

from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.kube.texts import ending, shortened


@given(st.text(), st.integers(4, 50))
def test_a_text_fits_and_begins_as_it_did(text: str, longest: int) -> None:
    found = shortened(text, longest)
    assert len(found.encode()) <= longest
    assert found == text or text.startswith(found.removesuffix(" …"))


@given(st.text(), st.integers(4, 50))
def test_the_end_of_a_text_fits_and_ends_as_it_did(text: str, longest: int) -> None:
    found = ending(text, longest)
    assert len(found.encode()) <= longest
    assert found == text or text.endswith(found.removeprefix("… "))

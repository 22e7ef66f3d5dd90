"""Encryption of backups: what was changed, moved, cut off or belongs to something else is found."""

import base64
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.archive.stored import KEY

from zookeeper_operator.archive.encryption import FRAME, Key, decrypted, encrypted
from zookeeper_operator.archive.errors import ArchiveError, Reason

SALT = bytes(32)
HEADER = 45
TAG = 16


def file_of(content: bytes, context: str = "c") -> bytes:
    return b"".join(encrypted([content], KEY, context, salt=SALT))


def content_of(file: bytes, context: str = "c", key: Key = KEY) -> bytes:
    return b"".join(decrypted([file], key, context))


def cut(content: bytes, sizes: Iterable[int]) -> Iterable[bytes]:
    for size in sizes:
        yield content[:size]
        content = content[size:]
    yield content


@given(st.binary(max_size=300), st.lists(st.integers(0, 100), max_size=10))
def test_what_is_decrypted_is_what_was_encrypted_however_it_is_cut(
    content: bytes, sizes: list[int]
) -> None:
    file = b"".join(encrypted(cut(content, sizes), KEY, "c"))
    assert b"".join(decrypted(cut(file, sizes), KEY, "c")) == content


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 2 * FRAME + 7])
def test_the_size_of_a_file_is_that_of_its_frames(size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    file = file_of(content)
    frames = max(1, -(-size // FRAME))
    assert len(file) == HEADER + size + frames * TAG
    assert content_of(file) == content


def test_each_single_flipped_bit_is_found() -> None:
    file = file_of(b"content of a snapshot")
    for position in range(len(file)):
        for bit in range(8):
            changed = bytearray(file)
            changed[position] ^= 1 << bit
            with pytest.raises(ArchiveError) as error:
                content_of(bytes(changed))
            assert error.value.reason in {Reason.CORRUPT_BACKUP, Reason.INVALID_KEY}


def test_each_early_end_is_found_also_one_between_two_frames() -> None:
    file = file_of(bytes(2 * FRAME + 5))
    frame = FRAME + TAG
    for end in [*range(HEADER + 1), HEADER + frame, HEADER + 2 * frame, len(file) - 1]:
        with pytest.raises(ArchiveError) as error:
            content_of(file[:end])
        assert error.value.reason is Reason.CORRUPT_BACKUP


def test_frames_that_are_exchanged_repeated_or_appended_are_found() -> None:
    file = file_of(bytes(3 * FRAME))
    header, frame = file[:HEADER], FRAME + TAG
    first, second, third = (file[HEADER + n * frame :][:frame] for n in range(3))
    for frames in ([second, first, third], [first, first, third], [first, second, third, third]):
        with pytest.raises(ArchiveError) as error:
            content_of(header + b"".join(frames))
        assert error.value.reason is Reason.CORRUPT_BACKUP


def test_data_of_another_backup_is_refused() -> None:
    with pytest.raises(ArchiveError) as error:
        content_of(file_of(b"x", "zk 1"), "zk 2")
    assert error.value.reason is Reason.CORRUPT_BACKUP


def test_another_key_is_named() -> None:
    other = Key(bytes(32))
    with pytest.raises(ArchiveError) as error:
        content_of(file_of(b"x"), key=other)
    assert error.value.reason is Reason.INVALID_KEY
    assert KEY.name in error.value.message
    assert other.name in error.value.message


def test_two_files_of_one_content_share_nothing_but_their_beginning() -> None:
    one, two = (b"".join(encrypted([b"x" * 100], KEY, "c")) for _ in range(2))
    assert one[:13] == two[:13]
    assert one[HEADER:] != two[HEADER:]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_key_is_taken_raw_and_as_base64(end: bytes) -> None:
    raw = bytes(range(32))
    assert Key(base64.b64encode(raw) + end).name == Key(raw).name


@pytest.mark.parametrize("content", [b"", b"short", bytes(31), bytes(33), b"A" * 40, b"\xff" * 44])
def test_what_is_no_key_is_refused_and_not_shown(content: bytes) -> None:
    with pytest.raises(ArchiveError) as error:
        Key(content)
    assert error.value.reason is Reason.INVALID_KEY
    assert "openssl rand" in error.value.message
    assert not content or repr(content) not in error.value.message


def test_a_key_does_not_show_itself() -> None:
    assert repr(KEY) == f"Key({KEY.name})"
    assert bytes(range(32)).hex() not in repr(KEY)

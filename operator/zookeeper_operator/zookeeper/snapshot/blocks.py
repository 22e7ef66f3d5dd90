"""A stream in blocks: values, their offsets, and the checksum of all before.

It holds one block, or one longer value.
"""

import struct
import zlib
from typing import Final

from zookeeper_operator.zookeeper.snapshot.compression import BLOCK, Read
from zookeeper_operator.zookeeper.snapshot.records import SnapshotError

_INT: Final = struct.Struct(">i")
_LONG: Final = struct.Struct(">q")


class Blocks:
    """Reads jute's primitive types.

    The reader of znodes works on `buffer` and `position` itself, and calls `fill` where the buffer ends.
    """

    def __init__(self, read: Read, *, longest: int) -> None:
        """Begin at the first byte.

        Args:
            read: the `read` of the uncompressed content.
            longest: how many bytes a value may have. A corrupt length must not fill the memory.
        """
        self.buffer = b""
        self.position = 0
        self._longest = longest
        self._read = read
        self._start = 0
        self._summed = 0
        self._adler = 1

    @property
    def offset(self) -> int:
        """The offset of the next byte in the stream."""
        return self._start + self.position

    def checksum(self) -> int:
        """Return the adler32 of all bytes before the next one."""
        new = memoryview(self.buffer)[self._summed : self.position]
        self._adler = zlib.adler32(new, self._adler)
        self._summed = self.position
        return self._adler

    def check_length(self, length: int) -> None:
        """Refuse a length that no value has.

        Raises:
            SnapshotError: it is negative, or so many bytes are not read at once.
        """
        if length < 0:
            raise SnapshotError(f"a length of {length} bytes", self.offset)
        if length > self._longest:
            raise SnapshotError(
                f"a length of {length} bytes; at most {self._longest} are read", self.offset
            )

    def fill(self, size: int) -> None:
        """Have so many bytes in the buffer, from `position` on.

        Raises:
            SnapshotError: the stream ends before.
        """
        self.checksum()
        parts = [self.buffer[self.position :]]
        have = len(parts[0])
        while have < size:
            more = self._read(max(BLOCK, size - have))
            if not more:
                raise SnapshotError(
                    f"the file ends early: {size} bytes must follow, {have} are left", self.offset
                )
            parts.append(more)
            have += len(more)
        self._start += self.position
        self.buffer = b"".join(parts)
        self.position = self._summed = 0

    def take(self, size: int) -> bytes:
        """Read so many bytes."""
        if len(self.buffer) - self.position < size:
            self.fill(size)
        begin = self.position
        self.position = begin + size
        return self.buffer[begin : self.position]

    def take_int(self) -> int:
        """Read an `int`."""
        number: int = _INT.unpack(self.take(4))[0]
        return number

    def take_long(self) -> int:
        """Read a `long`."""
        number: int = _LONG.unpack(self.take(8))[0]
        return number

    def take_count(self) -> int:
        """Read how many values follow."""
        offset = self.offset
        count = self.take_int()
        if count < 0:
            raise SnapshotError(f"a count of {count}", offset)
        return count

    def take_string(self) -> str:
        """Read a string that is not null. Java writes each half of a surrogate pair as a character."""
        length = self.take_int()
        self.check_length(length)
        offset = self.offset
        try:
            return self.take(length).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise SnapshotError(f"a string is not UTF-8: {error.reason}", offset) from error

    def left(self, most: int) -> int:
        """Return how many bytes are left, counted up to `most` + 1."""
        while len(self.buffer) - self.position <= most and (more := self._read(BLOCK)):
            self.buffer += more
        return min(len(self.buffer) - self.position, most + 1)

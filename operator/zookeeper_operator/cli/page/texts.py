"""Texts that others have written, for a page: nothing in them is invisible or reorders what follows.

Pure. The browser never reads any of them as markup; that is the page's own business (`static/dom.js`).
"""

import json
import unicodedata
from typing import Any, Final

MOST_TEXT: Final = 64 << 10
"""Bytes of a znode that are shown as text."""
_MOST_HEX: Final = 4 << 10
_MOST_JSON: Final = 256 << 10
_PER_LINE: Final = 16
_KEPT: Final = frozenset("\n\t")
# Of a hundred characters of a text, so many may be control characters.
_MOST_CONTROLS: Final = 0.05
_LONGEST: Final = 2000


def visible(text: str, *, keep: frozenset[str] = frozenset(), longest: int = _LONGEST) -> str:
    r"""Return a text whose control and format characters are written as `\u202e`."""
    cut = text[:longest]
    shown = "".join(c if c in keep or not _is_hidden(c) else _escaped(c) for c in cut)
    return shown + ("…" if len(text) > longest else "")


def _is_hidden(character: str) -> bool:
    """Controls, format characters such as those of bidirectional text, surrogates, line separators."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 -- Unicode's planes


def describe_data(data: bytes) -> dict[str, Any]:
    """Return the data of a znode as text, as JSON if it is some, and as bytes."""
    text = _text_of(data)
    return {
        "size": len(data),
        "kind": _kind_of(data, text),
        "text": None if text is None else visible(text, keep=_KEPT, longest=MOST_TEXT),
        "json": _json_of(data),
        "hex": hex_lines(data[:_MOST_HEX]),
        "cut": len(data) > MOST_TEXT,
        "hexCut": len(data) > _MOST_HEX,
    }


def _kind_of(data: bytes, text: str | None) -> str:
    if not data:
        return "empty"
    if text is None:
        return "binary"
    return "text" if _json_of(data) is None else "json"


def _text_of(data: bytes) -> str | None:
    """The beginning of the data as text; None if it is none."""
    head = data[:MOST_TEXT]
    for end in range(len(head), max(len(head) - 4, -1), -1):
        try:
            text = head[:end].decode()
        except UnicodeDecodeError:
            if len(data) <= MOST_TEXT:
                return None
            continue  # cut in the middle of a character
        controls = sum(1 for c in text if _is_hidden(c) and c not in "\n\t\r")
        return text if controls <= _MOST_CONTROLS * len(text) else None
    return None


def _json_of(data: bytes) -> str | None:
    """The data as JSON, laid out; None if it is none, or too large to be laid out at once."""
    if len(data) > _MOST_JSON or data.lstrip()[:1] not in {b"{", b"["}:
        return None
    try:
        laid_out = json.dumps(json.loads(data), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return visible(laid_out, keep=_KEPT, longest=2 * MOST_TEXT)


def hex_lines(data: bytes) -> str:
    """Return bytes as lines of offset, hexadecimal numbers and ASCII characters."""
    lines = []
    for offset in range(0, len(data), _PER_LINE):
        part = data[offset : offset + _PER_LINE]
        numbers = part.hex(" ").ljust(3 * _PER_LINE - 1)
        shown = "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in part)  # noqa: PLR2004 -- ASCII
        lines.append(f"{offset:08x}  {numbers}  {shown}")
    return "\n".join(lines)

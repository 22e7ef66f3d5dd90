"""The lengths of texts that are written to the API server, which refuses an object for a long one."""

from typing import Final

_MORE: Final = " …"
_BEFORE: Final = "… "


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning in so many bytes of UTF-8, with a mark that more followed."""
    written = text.encode()
    if len(written) <= longest:
        return text
    return written[: longest - len(_MORE.encode())].decode(errors="ignore") + _MORE


def ending(text: str, longest: int) -> str:
    """The text, or its end in so many bytes of UTF-8, with a mark that more came before: for a log."""
    written = text.encode()
    if len(written) <= longest:
        return text
    return _BEFORE + written[len(written) - longest + len(_BEFORE.encode()) :].decode(
        errors="ignore"
    )

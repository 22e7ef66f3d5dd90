"""Headless Chromium: pages as a person sees them in a browser."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from e2e.cluster import run

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    # It asks for nothing but the page it is given.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-quic", "--disable-default-apps", "--disable-extensions"),
)


@cache
def find_browser() -> str | None:
    """The browser of this machine; installed where that is a Debian and we are root. None elsewhere.

    Workers that test at the same time wait for the one that installs it.
    """
    if _look() is None and os.geteuid() == 0 and Path("/etc/debian_version").exists():
        with (Path(tempfile.gettempdir()) / "install-browser.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _look() is None:
                _install()
    return _look()


def _install() -> None:
    # A package may be being installed by somebody else, too.
    patient = ("apt-get", "-o", "DPkg::Lock::Timeout=600")
    run(*patient, "update", timeout=900)
    run(*patient, "install", "-y", "--no-install-recommends", "chromium", timeout=1200)


def _look() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _open(address: str, *options: str) -> str:
    browser = find_browser()
    assert browser is not None, "there is no browser"
    with tempfile.TemporaryDirectory(prefix="browser-") as profile:
        return run(
            browser, *FLAGS, f"--user-data-dir={profile}", *options, address, timeout=60
        ).stdout


class _Text(HTMLParser):
    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__()
        self._take = take

    def handle_data(self, data: str) -> None:
        """Take the text between two tags."""
        self._take(data)


def read(address: str) -> str:
    """The text a page shows."""
    parts: list[str] = []
    _Text(parts.append).feed(_open(address, "--dump-dom"))
    return "".join(parts)


def photograph(address: str, file: Path, *, width: int = 420, height: int = 190) -> None:
    """Keep what a page looks like as a PNG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _open(address, f"--screenshot={file}", f"--window-size={width},{height}")

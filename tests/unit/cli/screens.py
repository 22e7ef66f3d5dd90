"""Screens as text, compared with what people have reviewed.

`UPDATE_GOLDEN=1 pytest tests/unit/cli` writes them anew.
"""

import os
from pathlib import Path
from typing import Final

from rich.console import Console, RenderableType

FOLDER: Final = Path(__file__).parents[2] / "golden" / "kubectl-zk"
UPDATE: Final = bool(os.environ.get("UPDATE_GOLDEN"))


def text_of(rendered: RenderableType, width: int = 200) -> str:
    """What a terminal of this width shows, without colours."""
    console = Console(width=width, highlight=False, emoji=False, color_system=None)
    with console.capture() as captured:
        console.print(rendered)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def check_screen(name: str, rendered: RenderableType, width: int = 130) -> None:
    """Compare a screen with the reviewed one."""
    text = text_of(rendered, width)
    file = FOLDER / f"{name}.txt"
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"see {file}; UPDATE_GOLDEN=1 writes it anew"

"""A program that is the first process of its container ends on SIGTERM even while it is being read."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

OPERATOR: Final = Path(__file__).parents[2] / "operator"
SECONDS: Final = 20.0


@pytest.mark.parametrize("program", ["zookeeper_operator", "zookeeper_operator.agent"])
def test_sigterm_ends_a_program_that_is_being_read(program: str, tmp_path: Path) -> None:
    reached = tmp_path / "reached"
    halting = tmp_path / "pydantic"  # a module that every program needs does not get any further
    halting.mkdir()
    (halting / "__init__.py").write_text(
        f"import time\nopen({str(reached)!r}, 'w').close()\ntime.sleep(60)\n", encoding="ascii"
    )
    namespace = ("unshare", "--pid", "--fork", "--kill-child")
    paths = f"{tmp_path}{os.pathsep}{OPERATOR}"
    with subprocess.Popen(
        [*namespace, sys.executable, "-m", program], env={**os.environ, "PYTHONPATH": paths}
    ) as outside:
        try:
            deadline = time.monotonic() + SECONDS
            while not reached.exists():
                assert time.monotonic() < deadline, "nothing reads pydantic"
                time.sleep(0.02)
            (first,) = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text().split()
            os.kill(int(first), signal.SIGTERM)
            assert outside.wait(SECONDS) == 128 + signal.SIGTERM
        finally:
            outside.kill()

"""Runs every command of a page of the documentation and compares what it prints with what the page says.

    python -m e2e.tutorial docs/tutorial.md             # on the kind cluster of `make cluster`
    python -m e2e.tutorial --update docs/tutorial.md    # writes what came out into the page

All `sh` blocks of a page run in one bash, as a reader would type them: variables, folders and background jobs
last from block to block. A `text` block that follows is what the block must print, and a `console` block what
a session in the shell of ZooKeeper shows: its commands are typed one by one. (There is no terminal here, so
`exec -it` is run as `exec -i`.) What differs from run to run is left out on both sides: times, ages,
addresses, hexadecimal numbers. For the rest, comments that a reader does not see:

    <!-- varies: zk-3, 42 -->    in the next output these words stand for any of their kind
    <!-- not run: why -->        the next block is not run
    <!-- setup: command -->      run before the first block
    <!-- cleanup: command -->    run when the page has ended, also after a failure

A line `…` in an output stands for any number of lines, a `…` within a line for any text.
"""

import argparse
import difflib
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from e2e.cluster import CONTEXT, run

ROOT: Final = Path(__file__).parents[1]
STEP_SECONDS: Final = 600
SETTLE_SECONDS: Final = 0.4
"""After a prompt came back: events of watches may follow it."""

_FENCE: Final = re.compile(r"^( *)```(\w*)\s*$")
_COMMENT: Final = re.compile(r"^ *<!-- (varies|not run|setup|cleanup): (.*) -->$")
PROMPT: Final = re.compile(r"^\[zk: [^\]]*\] ?", re.MULTILINE)
_LOG_LINE: Final = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ ")

_ALWAYS_VARIES: Final = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \w+ \d{4}\b"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "<time>"),
    (re.compile(r"(?<![\w.=-])(\d+[dhms])+(?!\w)"), "<age>"),
    (re.compile(r"\b(?!127\.0\.0\.1\b|0\.0\.0\.0\b)\d+\.\d+\.\d+\.\d+\b"), "<address>"),
    (re.compile(r"0x[0-9a-f]+"), "<hex>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uid>"),
    (re.compile(r"\b\d+ ms\b"), "<n> ms"),
    (re.compile(r"\bzxid: -?\d+"), "zxid: <n>"),
    (re.compile(r"[ \t]+"), " "),
)

_COMPLAINTS: Final = (
    "Command not found",
    "Exception",
    "does not exist",
    "not valid",
    "Insufficient",
)


@dataclass
class Output:
    """What a page says a command prints."""

    first: int
    """Index of the first line of the block's content in the page."""
    lines: list[str]
    session: bool = False
    varies: tuple[str, ...] = ()
    indent: str = ""
    """What each line of the block begins with, in an item of a list."""


@dataclass
class Step:
    """One block of commands."""

    line: int
    commands: str
    output: Output | None = None
    not_run: str = ""

    def title(self) -> str:
        """Its name in the report."""
        lines = self.commands.strip().splitlines()
        return lines[0] + (" …" if len(lines) > 1 else "")


@dataclass
class Page:
    """A page as its steps."""

    path: Path
    lines: list[str]
    steps: list[Step] = field(default_factory=list)
    setup: list[str] = field(default_factory=list)
    cleanup: list[str] = field(default_factory=list)


def parse(path: Path) -> Page:
    """Find the steps of a page.

    Raises:
        ValueError: a block has no end, or an output no command.
    """
    page = Page(path, path.read_text(encoding="utf-8").splitlines())
    varies: tuple[str, ...] = ()
    not_run = ""
    index = 0
    while index < len(page.lines):
        comment = _COMMENT.match(page.lines[index])
        if comment is not None:
            match comment[1]:
                case "varies":
                    varies = tuple(word.strip() for word in comment[2].split(","))
                case "not run":
                    not_run = comment[2]
                case "setup":
                    page.setup.append(comment[2])
                case _:
                    page.cleanup.append(comment[2])
        fence = _FENCE.match(page.lines[index])
        index += 1
        if fence is None:
            continue
        try:
            end = page.lines.index(f"{fence[1]}```", index)
        except ValueError:
            raise ValueError(f"{path}:{index}: the block has no end") from None
        content = [line.removeprefix(fence[1]) for line in page.lines[index:end]]
        match fence[2]:
            case "sh":
                page.steps.append(Step(index + 1, "\n".join(content), not_run=not_run))
                not_run = ""
            case "text" | "console":
                if not page.steps or page.steps[-1].output is not None:
                    raise ValueError(f"{path}:{index}: an output without a command")
                page.steps[-1].output = Output(
                    index, content, fence[2] == "console", varies, fence[1]
                )
                varies = ()
            case _:
                pass
        index = end + 1
    return page


# ---- comparing ----


def normal(line: str) -> str:
    """A line without what always differs."""
    for pattern, text in _ALWAYS_VARIES:
        line = pattern.sub(text, line)
    return line.strip()


def _kind_of(word: str) -> str:
    """A pattern for words of the same kind."""
    parts = (r"\d+" if part.isdecimal() else re.escape(part) for part in re.split(r"(\d+)", word))
    return "".join(parts) if any(c.isdecimal() for c in word) else r"\S+"


def pattern_of(output: Output) -> re.Pattern[str]:
    """What fits an output: line by line, in this order."""
    parts = []
    for line in output.lines:
        if line.strip() == "…":
            parts.append(r"(?:.*\n)*?")
            continue
        text = re.escape(normal(line)).replace("…", ".*")
        for word in output.varies:
            text = re.sub(
                rf"(?<!\w){re.escape(re.escape(word))}(?!\w)",
                lambda _, word=word: _kind_of(word),  # type: ignore[misc]
                text,
            )
        parts.append(text + r"\n")
    return re.compile("".join(parts))


def fits(output: Output, printed: str) -> bool:
    """Whether a command printed what the page says."""
    lines = [normal(line) for line in printed.strip("\n").splitlines()]
    if output.session:
        return _session_fits(output, lines)
    return pattern_of(output).fullmatch("".join(f"{line}\n" for line in lines)) is not None


def _session_fits(output: Output, lines: Iterable[str]) -> bool:
    """Whether every answer of a session was given, as often as the page says, with no error that it lacks.

    Not line by line: without a terminal the shell's echo of what is typed, its prompts and the events of
    watches run into each other, while an answer stays in one piece.
    """
    said = "\n".join(lines)
    told = [normal(line) for line in output.lines if not PROMPT.match(line) and line.strip()]
    complete = all(said.count(line) >= number for line, number in Counter(told).items())
    return complete and not any(c in said and c not in "\n".join(told) for c in _COMPLAINTS)


def difference(output: Output, printed: str) -> str:
    """Where they differ, for a person."""
    return "\n".join(
        difflib.unified_diff(
            [normal(line) for line in output.lines],
            [normal(line) for line in printed.strip("\n").splitlines()],
            "the page",
            "the cluster",
            lineterm="",
        )
    )


# ---- running ----


class StepError(AssertionError):
    """A step failed or printed something else."""


class Shell:
    """One bash for a whole page."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._folder = folder
        self._environment = environment
        self._blocks = 0
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(self, commands: str, *, seconds: float = STEP_SECONDS) -> str:
        """Run a block and return what it printed.

        Raises:
            StepError: a command of it failed, or it took too long.
        """
        self._blocks += 1
        # A file for each block: what a block leaves running may still print.
        block, out, code = (
            self._folder / f"{name}-{self._blocks}" for name in ("block", "out", "code")
        )
        # The exit code is that of the first command that fails, as if the reader had stopped there.
        block.write_text(f"{commands}\n", encoding="utf-8")
        script = (
            f"trap 'echo $? > {code}; exit' ERR; set -o pipefail -o errtrace\n"
            f". {block} > {out} 2>&1 < /dev/null; echo 0 > {code}\n"
        )
        assert self._bash.stdin is not None
        self._bash.stdin.write(script)
        self._bash.stdin.flush()
        end = time.monotonic() + seconds
        while not (code.exists() and code.read_text().strip()):
            if time.monotonic() > end:
                raise StepError(f"no end within {seconds} s; so far:\n{out.read_text()}")
            time.sleep(0.05)
        printed = out.read_text(encoding="utf-8", errors="replace")
        if code.read_text().strip() != "0":
            raise StepError(f"exit code {code.read_text().strip()}; it printed:\n{printed}")
        return printed

    def session(self, command: str, typed: Sequence[str]) -> str:
        """Type lines into a session, each when the prompt is back; return all from the first prompt on."""
        said = ""
        with subprocess.Popen(
            ["bash", "-c", command.replace("exec -it", "exec -i")],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdin is not None
            try:
                for count, line in enumerate(typed, 1):
                    said = _read_until(process, said, prompts=count)
                    process.stdin.write(f"{line}\n".encode())
                    process.stdin.flush()
                process.stdin.close()
                said = _read_until(process, said, prompts=len(typed) + 1)
            finally:
                process.terminate()
        begin = PROMPT.search(said)
        lines = said[begin.start() if begin else 0 :].replace("\r", "").splitlines()
        return "\n".join(line for line in lines if line.strip() and not _LOG_LINE.match(line))

    def end(self) -> None:
        """End it, and with it the jobs it has left in the background."""
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        self._bash.wait(timeout=30)


def _read_until(process: subprocess.Popen[bytes], said: str, *, prompts: int) -> str:
    """Read until so many prompts were shown and nothing more comes, or until the end."""
    assert process.stdout is not None
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([process.stdout], [], [], SETTLE_SECONDS)
        if not ready:
            if len(PROMPT.findall(said)) >= prompts:
                return said
            continue
        part = os.read(process.stdout.fileno(), 65536)
        if not part:
            return said
        said += part.decode(errors="replace")
    raise StepError(f"prompt {prompts} did not come; the session so far:\n{said}")


def use_tools() -> None:
    """Find the cluster's own kubectl and helm before any other."""
    script = f'eval "$({ROOT}/e2e/kind/cluster.sh env)"; echo "$PATH"'
    os.environ["PATH"] = run("bash", "-c", script).stdout.strip()


def environment(folder: Path) -> dict[str, str]:
    """The tools of the cluster, and a kubeconfig of the page's own: it may change its namespace."""
    use_tools()
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    config = folder / "kubeconfig"
    config.touch(mode=0o600)
    config.write_text(
        run("kubectl", "--context", CONTEXT, "config", "view", "--minify", "--raw").stdout
    )
    return {**os.environ, "PATH": path, "KUBECONFIG": str(config), "LC_ALL": "C.UTF-8"}


def perform(shell: Shell, step: Step) -> str:
    """Run one step; what it printed."""
    output = step.output
    if output is None or not output.session:
        return shell.run(step.commands)
    *before, last = step.commands.strip().splitlines()
    if before:
        shell.run("\n".join(before))
    typed = [PROMPT.sub("", line) for line in output.lines if PROMPT.match(line)]
    return shell.session(last, typed)


def check(step: Step, printed: str) -> None:
    """Compare.

    Raises:
        StepError: it printed something else.
    """
    if step.output is not None and not fits(step.output, printed):
        raise StepError(f"it printed something else:\n{difference(step.output, printed)}")


def follow(page: Page, *, update: bool = False) -> Iterator[tuple[Step, float, str]]:
    """Run a page; yields each step with its seconds and what was wrong, and ends at a step that failed."""
    with tempfile.TemporaryDirectory(prefix="page-") as name:
        shell = Shell(environment(Path(name)), Path(name))
        try:
            for command in page.setup:
                shell.run(command)
            for step in page.steps:
                if step.not_run:
                    continue
                begin = time.monotonic()
                printed = None
                problem = ""
                try:
                    printed = perform(shell, step)
                    check(step, printed)
                except StepError as error:
                    problem = str(error)
                    if update and printed is not None and step.output and not step.output.session:
                        _note(step, printed)
                        problem = ""
                yield step, time.monotonic() - begin, problem
                if problem and printed is None:
                    return
        finally:
            for command in page.cleanup:
                subprocess.run(
                    ["bash", "-c", command],
                    cwd=ROOT,
                    env=shell._environment,  # noqa: SLF001 -- the same environment, a shell that may be gone
                    check=False,
                    capture_output=True,
                )
            shell.end()
            if update:
                _write(page)


def _note(step: Step, printed: str) -> None:
    assert step.output is not None
    step.output.lines = [line.rstrip() for line in printed.strip("\n").splitlines()]


def _write(page: Page) -> None:
    """Write the outputs into the page, from the last to the first so that line numbers stay valid."""
    for step in reversed(page.steps):
        if step.output is not None:
            indent = step.output.indent
            end = page.lines.index(f"{indent}```", step.output.first)
            page.lines[step.output.first : end] = [f"{indent}{line}" for line in step.output.lines]
    page.path.write_text("\n".join(page.lines) + "\n", encoding="utf-8")


def main() -> int:
    """Run pages; the exit code says whether all of them are true."""
    parser = argparse.ArgumentParser(description="run the commands of pages of the documentation")
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--update", action="store_true", help="write what came out into the pages")
    options = parser.parse_args()
    wrong = 0
    for path in options.pages:
        begin = time.monotonic()
        for step, seconds, problem in follow(parse(path), update=options.update):
            print(
                f"{'FAILED' if problem else 'ok':6} {seconds:5.1f} s  {path}:{step.line}  {step.title()}"
            )
            if problem:
                wrong += 1
                print(problem)
        print(f"{path}: {time.monotonic() - begin:.0f} s, {wrong} wrong", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

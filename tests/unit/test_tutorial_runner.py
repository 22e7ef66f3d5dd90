"""The runner of pages: what it takes for the same, and what not."""

from pathlib import Path

import pytest
from e2e.tutorial import Output, Shell, StepError, fits, parse

PAGE = """\
# A page

```yaml
not: looked at
```

<!-- varies: zk-3, 21 -->
```sh
echo "zk-3 has 21"
```

```text
zk-3 has 21
```

<!-- not run: costs money -->
```sh
exit 1
```

```sh
kubectl exec -it zk-1 -- zkCli.sh
```

```console
[zk: localhost:2181(CONNECTED) 0] ls /
[zookeeper]
```

<!-- cleanup: echo done -->
"""


def output(text: str, *varies: str) -> Output:
    return Output(0, text.splitlines(), varies=varies)


def test_a_page_is_its_commands_with_what_they_print(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    first, second, third = parse(page).steps
    assert first.commands == 'echo "zk-3 has 21"'
    assert first.output is not None
    assert first.output.varies == ("zk-3", "21")
    assert fits(first.output, "zk-1 has 4\n")
    assert second.not_run == "costs money"
    assert third.output is not None
    assert third.output.session
    assert parse(page).cleanup == ["echo done"]


def test_a_block_in_a_list_is_run_as_any_other(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("1. Do it:\n\n   ```sh\n   if true; then\n     echo it\n   fi\n   ```\n")
    (step,) = parse(page).steps
    assert step.commands == "if true; then\n  echo it\nfi"


@pytest.mark.parametrize("text", ["```sh\necho", "```text\nnobody prints this\n```"])
def test_a_page_that_is_not_whole_is_refused(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match=r"page\.md:1"):
        parse(page)


@pytest.mark.parametrize(
    ("told", "printed"),
    [
        ("a  b", "a b\n"),
        ("zk   1/1   21s", "zk 1/1 3m4s"),
        ("ctime = Tue Nov 24 22:45:06 UTC 2026", "ctime = Mon Jan  5 01:02:03 UTC 2027"),
        ("cZxid = 0x2", "cZxid = 0x1f00000002"),
        ("at 10.96.0.7", "at 10.244.0.19"),
        ("22:01:02 took 12 ms", "03:04:05 took 7 ms"),
        ("first\n…\nlast", "first\nlast\n"),
        ("first\n…\nlast", "first\n1\n2\nlast\n"),
        ("data-zk-1 … Bound", "data-zk-1 pvc-1234 Bound"),
    ],
)
def test_what_always_varies_is_no_difference(told: str, printed: str) -> None:
    assert fits(output(told), printed)


@pytest.mark.parametrize(
    ("told", "printed"),
    [
        ("zk 3/3", "zk 2/3"),
        ("zk-1 leads", "zk-2 leads"),
        ("at 127.0.0.1", "at 10.96.0.7"),
        ("first\nlast", "first\nand more\nlast"),
        ("first", "first\nand more"),
        ("first\n…\nlast", "first\n"),
        ("a.b", "aXb"),
        ("1Gi", "2Gi"),
        ("anything", ""),
    ],
)
def test_everything_else_is_a_difference(told: str, printed: str) -> None:
    assert not fits(output(told), printed)


def test_a_word_that_varies_varies_within_its_kind() -> None:
    assert fits(output("zk-3 leads zk-1", "zk-3"), "zk-2 leads zk-1")
    assert not fits(output("zk-3 leads zk-1", "zk-3"), "db-2 leads zk-1")
    assert not fits(output("zk-3 leads zk-1", "zk-3"), "zk-2 leads zk-2")


SESSION = """\
[zk: localhost:2181(CONNECTED) 0] create /a 1
WATCHER::
WatchedEvent type:NodeCreated path:/a zxid: 4294967301
Created /a
[zk: localhost:2181(CONNECTED) 1] quit
"""


def test_events_of_a_session_come_when_they_come() -> None:
    told = Output(0, SESSION.splitlines(), session=True)
    assert fits(told, SESSION)
    late = """\
[zk: localhost:2181(CONNECTED) 0] create /a 1
[zk: localhost:2181(CONNECTED) 1] Created /a
quit
WATCHER::
WatchedEvent type:NodeCreated path:/a zxid: 12
"""
    assert fits(told, late)
    assert not fits(told, late.replace("Created /a", "Created /b"))
    assert not fits(told, late.replace("WATCHER::\n", ""))
    assert fits(told, late.replace("quit", "quCreated /b\nit"))
    assert not fits(told, f"{late}Command not found: quti\n")


def test_blocks_share_one_shell_and_the_first_failure_ends_it(tmp_path: Path) -> None:
    shell = Shell({"PATH": "/usr/bin:/bin"}, tmp_path)
    try:
        assert shell.run("number=4\nsleep 60 &") == ""
        assert shell.run('echo "it is $number"; echo wrong >&2') == "it is 4\nwrong\n"
        with pytest.raises(StepError, match=r"(?s)exit code 1.*before"):
            shell.run("echo before\nfalse\necho after")
    finally:
        shell.end()

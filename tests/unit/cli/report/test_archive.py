"""The archive: what is in it, and that nothing gets into it unmasked."""

import io
import tarfile
from datetime import UTC, datetime

import yaml

from zookeeper_operator.cli.report.archive import Collected, Entry, Gap, build_archive, path_of

AT = datetime(2026, 1, 1, tzinfo=UTC)


def unpack(content: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read().decode() for name, file in files.items() if file}


def test_every_entry_in_the_form_its_name_says() -> None:
    collected = Collected(
        [
            Entry("status.txt", "all\n"),
            Entry("objects/pods/zk-1.yaml", {"kind": "Pod", "image": "zürich"}),
            Entry("status.json", {"a": [1]}),
        ]
    )
    files = unpack(build_archive("report", collected, ["# Report"], AT))
    assert sorted(files) == [
        "report/README.txt",
        "report/objects/pods/zk-1.yaml",
        "report/status.json",
        "report/status.txt",
    ]
    assert files["report/status.txt"] == "all\n"
    assert yaml.safe_load(files["report/objects/pods/zk-1.yaml"])["image"] == "zürich"
    assert files["report/status.json"] == '{\n  "a": [\n    1\n  ]\n}\n'
    assert files["report/README.txt"].startswith("# Report\n")
    assert files["report/README.txt"].endswith("Nothing is missing.\n")


def test_nothing_gets_in_unmasked_not_even_a_name_or_a_reason() -> None:
    secret = "correct-horse"
    collected = Collected(
        [Entry(f"logs/{secret}.log", f"x {secret}"), Entry("a.yaml", {"b": [secret]})],
        [Gap(secret, f"because of {secret}")],
        [secret],
    )
    files = unpack(build_archive("report", collected, [secret], AT))
    assert len(files) == 3
    assert not any(secret in text for item in files.items() for text in item)
    assert secret not in repr(collected.secrets and Collected(secrets=[secret]))


def test_the_same_entries_give_the_same_bytes() -> None:
    collected = Collected([Entry("b.txt", "b"), Entry("a.txt", "a")])
    again = Collected([Entry("a.txt", "a"), Entry("b.txt", "b")])
    assert build_archive("r", collected, [], AT) == build_archive("r", again, [], AT)


def test_no_name_leads_out_of_the_archive() -> None:
    assert path_of("logs", "../../etc", "pass wd") == "logs/_.._etc/pass_wd"
    assert path_of("..", "a") == "_/a"


def test_half_a_character_does_not_end_the_report() -> None:
    files = unpack(build_archive("r", Collected([Entry("a.txt", "x\ud800")]), [], AT))
    assert files["r/a.txt"] == "x?"

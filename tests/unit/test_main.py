"""The settings of a process, from its environment and its command line."""

import pytest

from zookeeper_operator.__main__ import read_settings


def test_the_privileges_that_are_allowed_are_a_list_of_names() -> None:
    given = {"ZOOKEEPER_OPERATOR_ALLOW_PRIVILEGED": "hostPath,runAsUser"}
    assert read_settings([], given).allow_privileged == ("hostPath", "runAsUser")
    assert read_settings([], {}).allow_privileged == ()
    assert read_settings(["--allow-privileged", "hostPID"], given).allow_privileged == ("hostPID",)


def test_a_privilege_that_nobody_knows_ends_the_process_with_the_names_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        read_settings(["--allow-privileged", "hostPath,root"], {})
    said = capsys.readouterr().err
    assert "root: unknown" in said
    assert "seccompProfile" in said

"""The settings of a process, and what it sets up before it runs."""

import json
import sys

import pytest

from zookeeper_operator.process import accept_nested_objects, read_settings


def test_the_privileges_that_are_allowed_are_a_list_of_names() -> None:
    given = {"ZOOKEEPER_OPERATOR_ALLOW_PRIVILEGED": "hostPath,runAsUser"}
    assert read_settings([], given).allow_privileged == ("hostPath", "runAsUser")
    assert read_settings([], {}).allow_privileged == ()
    assert read_settings(["--allow-privileged", "hostPID"], given).allow_privileged == ("hostPID",)


def test_the_service_accounts_of_backups_are_a_list_of_names() -> None:
    given = {"ZOOKEEPER_OPERATOR_BACKUP_SERVICE_ACCOUNTS": "uploader,other"}
    assert read_settings([], given).backup_service_accounts == ("uploader", "other")
    assert read_settings([], {}).backup_service_accounts == ()


def test_a_privilege_that_nobody_knows_ends_the_process_with_the_names_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        read_settings(["--allow-privileged", "hostPath,root"], {})
    said = capsys.readouterr().err
    assert "root: unknown" in said
    assert "seccompProfile" in said


def test_an_object_nested_as_deeply_as_the_api_server_stores_can_be_read() -> None:
    before = sys.getrecursionlimit()
    accept_nested_objects()
    try:
        found = json.loads('{"a":' * 9_999 + "1" + "}" * 9_999)
    finally:
        sys.setrecursionlimit(before)
    assert list(found) == ["a"]

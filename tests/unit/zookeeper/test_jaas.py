"""The file of users: what is written is what is read, whatever a password consists of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.zookeeper.jaas import Login, flaw_of_password, read_jaas, render_jaas

OWN = Login("zookeeper-operator", "random")
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", fullmatch=True)
PASSWORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)


@given(st.dictionaries(NAMES, PASSWORDS, min_size=1))
def test_users_are_read_as_they_were_written(users: dict[str, str]) -> None:
    assert read_jaas(render_jaas(users, OWN)) == users


@pytest.mark.parametrize("text", ["", "Server {", "user_app=secret", "\0"])
def test_another_file_has_no_users(text: str) -> None:
    assert read_jaas(text) == {}


def test_the_file_is_what_java_reads() -> None:
    text = render_jaas({"app": 'a"b\\c', OWN.user: OWN.password}, OWN)
    assert text == (
        "Server {\n"
        "  org.apache.zookeeper.server.auth.DigestLoginModule required\n"
        '    user_app="a\\"b\\\\c"\n'
        '    user_zookeeper-operator="random";\n'
        "};\n"
        "Client {\n"
        "  org.apache.zookeeper.server.auth.DigestLoginModule required\n"
        '    username="zookeeper-operator"\n'
        '    password="random";\n'
        "};\n"
    )


@given(PASSWORDS)
def test_what_is_printable_is_a_password(password: str) -> None:
    flawed = "${" in password or len(password) > 256
    assert bool(flaw_of_password(password.encode())) == flawed


def test_a_login_does_not_show_its_password() -> None:
    assert "random" not in repr(OWN)

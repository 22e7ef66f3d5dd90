"""Where credentials come from, and that they stay fresh."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from zookeeper_operator.kube.api import KubeError
from zookeeper_operator.kube.credentials import load_credentials


def write_kubeconfig(path: Path, user: dict[str, Any]) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://kube.example:6443/"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(config))
    return str(path)


async def test_a_token_of_a_kubeconfig(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", {"token": "secret-token"})
    credentials = await load_credentials(path, "")
    assert credentials.server == "https://kube.example:6443"
    assert await credentials.authorization() == "Bearer secret-token"
    facts = await credentials.facts()
    assert (facts.scheme, facts.token) == ("Bearer", "secret-token")
    assert "secret-token" not in repr(facts)


async def test_without_a_token_there_is_no_authorization(tmp_path: Path) -> None:
    credentials = await load_credentials(write_kubeconfig(tmp_path / "config", {}), "")
    assert await credentials.authorization() == ""
    facts = await credentials.facts()
    assert (facts.scheme, facts.token) == (None, None)


async def test_a_replaced_token_is_read_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    path = write_kubeconfig(tmp_path / "config", {"tokenFile": str(token)})
    credentials = await load_credentials(path, "")
    token.write_text("second")
    assert await credentials.authorization() == "Bearer first"
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert await credentials.authorization() == "Bearer second"


async def test_another_context_than_the_current_one(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", {"token": "t"})
    with pytest.raises(KubeError, match="cannot be used"):
        await load_credentials(path, "y")
    assert (await load_credentials(path, "x")).server == "https://kube.example:6443"


@pytest.mark.parametrize("content", [None, "", "]", "clusters: []", "current-context: none"])
async def test_a_bad_kubeconfig_is_an_error_with_its_name(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    with pytest.raises(KubeError, match="cannot be used") as refused:
        await load_credentials(str(path), "")
    assert str(path) in refused.value.message


async def test_outside_a_cluster_and_without_a_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubeError, match="service account cannot be used"):
        await load_credentials("", "")


@pytest.mark.parametrize(
    ("exempt", "proxy"), [("", "http://proxy.example:3128"), ("kube.example", None)]
)
async def test_the_proxy_of_the_environment_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exempt: str, proxy: str | None
) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", exempt)
    credentials = await load_credentials(write_kubeconfig(tmp_path / "config", {"token": "t"}), "")
    monkeypatch.delenv("https_proxy")
    assert credentials.request_options().get("proxy") == proxy
    assert (await credentials.facts()).proxy_url == proxy

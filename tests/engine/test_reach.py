"""The settings that say how far alerts reach."""

from pathlib import Path
from typing import Any

import pytest

from crontopus.config import load, shown
from crontopus.domain.errors import Invalid


def told(**settings: Any) -> dict[str, object]:
    """As people are shown them."""
    loaded = load(settings, environment={})
    return {each.name: each.value for each in shown(loaded.config, loaded.origins)}


def test_networks_are_given_with_blanks_or_commas() -> None:
    config = load({}, environment={"CRONTOPUS_ALERT_NETWORKS": "10.0.0.0/8,127.0.0.1/32 fd00::/8"}).config
    assert [str(each) for each in config.open_networks] == ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"]
    assert load({}, environment={}).config.open_networks == ()


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(Invalid, match="alert_networks is wrong: 'lan' does not appear"):
        load({"alert_networks": ["lan"]}, environment={})


@pytest.mark.parametrize(
    "given",
    ["proxy.lan:3128", "socks5://proxy.lan", "http://", "http://u:s3cret@proxy.lan:x", "http://u:s3cret@proxy.lan/a?b"],
)
def test_a_proxy_that_is_none_is_refused_without_its_password(given: str) -> None:
    with pytest.raises(Invalid, match="alert_proxy must look like") as refused:
        load({"alert_proxy": given}, environment={})
    assert "s3cret" not in str(refused.value)


def test_a_proxy_is_shown_unless_it_holds_a_password(tmp_path: Path) -> None:
    assert told(alert_proxy="http://proxy.lan:3128")["alert_proxy"] == "http://proxy.lan:3128"
    assert told(alert_proxy="http://u:s3cret@proxy.lan:3128")["alert_proxy"] == "(hidden)"
    file = tmp_path / "proxy"
    file.write_text("http://u:s3cret@proxy.lan\n")
    config = load({}, environment={"CRONTOPUS_ALERT_PROXY_FILE": str(file)}).config
    assert config.alert_proxy == "http://u:s3cret@proxy.lan"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert load({"alert_log": str(tmp_path)}, environment={}).config.alert_log == str(tmp_path)
    with pytest.raises(Invalid, match="alert_log must name a folder that is there"):
        load({"alert_log": str(tmp_path / "missing")}, environment={})

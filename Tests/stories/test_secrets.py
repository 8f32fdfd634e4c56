"""Secrets: options that are never shown, and facts about addons that only those with the right see."""

import json
import subprocess

import pytest
from harness.clients import curl
from harness.daemon import Proxyd, binary, clean_environment
from harness.raw_addon import RPCError
from harness.trying import other
from harness.waiting import wait_until

SECRETS = {"proxyauth": "ann:client-secret", "upstream_auth": "us:upstream-secret"}
OWN = {"name": "my_token", "type": "str?", "secret": True}


def shown(attached) -> dict[str, dict]:
    """What each way of reading options shows."""
    listed = {each["name"]: each["value"] for each in attached.call("options.list")["options"]}
    return {
        "initialize": attached.registration["options"],
        "configure": attached.named("configure")[0].params["options"],
        "get": attached.call("options.get")["options"],
        "get by name": attached.call("options.get", names=[*SECRETS, "addons"])["options"],
        "list": listed,
    }


def test_everybody_reads_three_stars(proxyd, addon):
    attached = addon(proxyd(**SECRETS), [])
    for way, options in shown(attached).items():
        assert {name: options[name] for name in SECRETS} == dict.fromkeys(SECRETS, "***"), way
    assert "secret" not in str(attached.events)


def test_what_is_not_set_is_null(proxyd, addon):
    attached = addon(proxyd(), [])
    for way, options in shown(attached).items():
        assert {name: options[name] for name in SECRETS} == dict.fromkeys(SECRETS), way


def upstream(proxyd, login):
    back = proxyd(proxyauth=login)
    front = proxyd("--mode", f"upstream:http://127.0.0.1:{back.port}", upstream_auth=login)
    return front


def status(daemon, url) -> bytes:
    return curl(daemon, "-o", "/dev/null", "-w", "%{http_code}", url).stdout


def test_setting_it_to_three_stars_changes_nothing(proxyd, addon, nginx):
    daemon = upstream(proxyd, "ann:secret")
    attached = addon(daemon, [])
    assert attached.call("options.set", options={"upstream_auth": "***", "flow_detail": 2}) == {"updated": ["flow_detail"]}
    assert status(daemon, nginx.url("/hello.txt")) == b"200"
    assert attached.call("options.set", options={"upstream_auth": "ann:wrong"}) == {"updated": ["upstream_auth"]}
    assert status(daemon, nginx.url("/hello.txt")) == b"407"
    assert attached.wait_for("configure", 3).params["options"] == {"upstream_auth": "***"}


def test_the_login_with_an_upstream_proxy_is_in_no_event(proxyd, addon, nginx):
    """In the events of the daemon's own CONNECT, and afterwards."""
    daemon = upstream(proxyd, "ann:secret")
    attached = addon(daemon, ["*"])
    assert curl(daemon, "-p", nginx.url("/hello.txt")).stdout.endswith(b"hello from nginx\n")
    flow = attached.wait_for("http_connect_upstream").flow
    assert [name for name, _ in flow["request"]["headers"]] == ["Host"]
    assert "YW5uOnNlY3JldA==" not in str(attached.events)
    assert "YW5uOnNlY3JldA==" not in str([attached.call("flow.get", id=each["id"]) for each in attached.call("flow.list")["flows"]])


def test_an_addons_own_login_with_an_upstream_proxy_takes_its_place(proxyd, addon, nginx):
    daemon = upstream(proxyd, "ann:secret")
    wrong = {"flow": {"request": {"headers": {"Proxy-Authorization": "Basic YW5uOndyb25n"}}}}
    events = ["http_connect_upstream", "http_connect_error"]
    attached = addon(daemon, events, replies={"http_connect_upstream": wrong})
    assert curl(daemon, "-p", nginx.url("/hello.txt")).returncode != 0
    assert "407" in attached.wait_for("http_connect_error").flow["error"]["msg"]


@pytest.mark.parametrize("option", SECRETS)
def test_a_wrong_one_is_not_repeated_at_start(made_confdir, option):
    daemon = Proxyd(made_confdir, **{option: "wrong-secret"})
    assert daemon.wait_exit() == 2
    assert option in daemon.stderr.text and "USER:PASSWORD" in daemon.stderr.text
    assert "wrong-secret" not in daemon.stderr.text


def test_a_wrong_one_is_not_repeated_to_others(proxyd, addon):
    daemon = proxyd()
    attached, watching = addon(daemon, []), addon(daemon, ["log"], name="watching")
    with pytest.raises(RPCError) as error:
        attached.call("options.set", options={"upstream_auth": "wrong-secret"})
    assert error.value.code == -32602 and "wrong-secret" not in str(error.value)
    attached.notify("options.set", options={"upstream_auth": "wrong-secret"})
    watching.wait_for("log", where=lambda event: "options.set" in event.params["entry"]["msg"])
    assert "wrong-secret" not in str(watching.events) + daemon.stderr.text


# Addons' own options


def test_a_secret_of_an_addons_own_is_told_to_it_alone(proxyd, addon):
    daemon = proxyd("--addon", "sleeping=sleep 1000", my_token="told-secret", listens=False)
    own = addon(daemon, [], name="own", options=[OWN])
    stranger = addon(daemon, [], name="stranger")
    assert own.named("configure")[0].params["options"]["my_token"] == "told-secret"
    for way, options in shown(stranger).items():
        assert options.get("my_token", "***") == "***", way
    assert stranger.call("options.set", options={"my_token": "***"}) == {"updated": []}
    assert stranger.call("options.set", options={"my_token": "new-secret"}) == {"updated": ["my_token"]}
    assert own.wait_for("configure", 2).params["options"] == {"my_token": "new-secret"}
    assert stranger.wait_for("configure", 2).params["options"] == {"my_token": "***"}
    assert "told-secret" not in str(stranger.events)


def test_a_secret_that_is_kept_goes_to_its_own_addon_alone(proxyd, addon):
    daemon = proxyd("--addon", "sleeping=sleep 1000", my_token="told-secret", listens=False)
    looking = addon(daemon, [], name="looking")

    def told(each) -> object:
        return each.wait_for("configure").params["options"]["my_token"]

    def has_left(name: str) -> bool:
        return all(each["name"] != name for each in looking.call("addon.list")["addons"])

    for value in ("told-secret", "new-secret"):
        own = addon(daemon, [], name="own", options=[OWN])
        assert told(own) == value
        looking.call("options.set", options={"my_token": "new-secret"})
        own.close()
        wait_until(lambda: has_left("own"), "the owner to be gone")
    for name, declared in (("nosy", {"name": "my_token", "type": "str?"}), ("other", OWN)):
        stranger = addon(daemon, [], name=name, options=[declared])
        assert told(stranger) is None
        stranger.close()
        wait_until(lambda name=name: has_left(name), "it to be gone")
    assert told(addon(daemon, [], name="own", options=[OWN])) == "new-secret"


def test_a_tap_shows_no_secrets(proxyd, addon):
    daemon = proxyd(**SECRETS)
    tap, own = addon(daemon, [], name="tap"), addon(daemon, [], name="own", options=[OWN])
    tap.call("tap.start", bodies=True)
    own.call("options.set", options={"my_token": "own-secret", "upstream_auth": "us:new-secret"})
    own.call("options.get")
    own.call("options.list")
    late = addon(daemon, [], name="late")
    late.call("ping")
    shown_ping = lambda event: event.params["message"].get("method") == "ping"  # noqa: E731
    tap.wait_for("tap", where=shown_ping)
    frames = [event.params["message"] for event in tap.named("tap")]
    assert [frame["method"] for frame in frames if "options" in frame.get("params", {})].count("options.set") == 1
    assert "-secret" not in json.dumps(frames)


# Commands and environments


COMMANDS = """
addons:
  quiet: {command: "exec sleep 1000 # command-secret", env: {KEY: env-secret}, on_failure: closed}
"""


@pytest.mark.parametrize("may", [True, False])
def test_commands_and_environments_are_shown_to_those_who_may(proxyd, addon, tmp_path, may):
    (tmp_path / "config.yaml").write_text(COMMANDS)
    rights = ["--set", "attached_rights=options", *(["--set", "attached_rights=addons"] if may else [])]
    attached = addon(proxyd("--config", str(tmp_path / "config.yaml"), *rights, listens=False), [])
    hidden = {"command": "***", "on_failure": "closed", "env": {"KEY": "***"}}
    full = {"command": "exec sleep 1000 # command-secret", "on_failure": "closed", "env": {"KEY": "env-secret"}}
    for way, options in shown(attached).items():
        assert options["addons"] == {"quiet": full if may else hidden}, way


def test_a_tap_shows_commands_only_to_those_who_may(proxyd, addon, tmp_path):
    (tmp_path / "config.yaml").write_text(COMMANDS)
    grants = ("--set", "attached_rights=flows.read", "--set", "grants=acting:addons")
    daemon = proxyd("--config", str(tmp_path / "config.yaml"), *grants, listens=False)
    tap, acting = addon(daemon, [], name="tap"), addon(daemon, [], name="acting")
    tap.call("tap.start")
    acting.call("options.get", names=["addons"])
    acting.call("options.list")
    acting.call("addon.add", name="more", command="exec sleep 1000 # added-secret")
    acting.call("ping")
    tap.wait_for("tap", where=lambda event: event.params["message"].get("method") == "ping")
    assert "-secret" not in str(tap.events)


# proxyd options


def options(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([binary(), "options", *arguments], capture_output=True, text=True, env=clean_environment())


def test_proxyd_options_prints_one_option():
    printed = options("upstream_auth").stdout
    assert printed.startswith("upstream_auth (str?, default (none))") and printed.count("default") == 1
    assert printed in options().stdout


def test_proxyd_options_knows_no_other():
    unknown = options("upstream_aut")
    assert unknown.returncode == 2 and "did you mean upstream_auth" in unknown.stderr


def test_a_started_addons_token_is_in_no_list(proxyd, addon, tmp_path):
    daemon = proxyd("--addon", f"other={other(tmp_path)}")
    daemon.stderr.wait_for("other: ready")
    attached = addon(daemon, [])
    seen = str(shown(attached)) + str(attached.call("addon.list")) + str(attached.call("stats"))
    assert (tmp_path / "token").read_text() not in seen

"""SIGHUP: the config is reread."""

import signal

import pytest
from harness.raw_addon import RPCError

LIST = {"name": "blocklist_file", "type": "str", "default": "none", "help": "where it is"}


@pytest.fixture
def configured(proxyd, made_confdir, tmp_path):
    """A daemon whose config file has these lines, and a function that writes others and sends SIGHUP."""
    path = tmp_path / "config.yaml"

    def start(text, *arguments, **settings):
        path.write_text(text)
        daemon = proxyd("--config", str(path), *arguments, **settings)

        def reload(text, log):
            path.write_text(text)
            daemon.process.send_signal(signal.SIGHUP)
            return daemon.stderr.wait_for(log)

        return daemon, reload

    return start


def options(client, *names):
    return client.call("options.get", names=list(names))["options"]


def test_what_differs_in_the_config_changes_and_addons_are_told(configured, addon):
    daemon, reload = configured("drain_timeout: 4\nflow_detail: 1\n")
    client = addon(daemon, [], name="client")
    reload("drain_timeout: 6\n", "reloaded the config: changed ")
    told = client.wait_for("configure", 2).params["options"]
    assert told["drain_timeout"] == 6 and set(told) <= {"drain_timeout", "flow_detail"}
    assert options(client, "drain_timeout") == {"drain_timeout": 6}


def test_what_an_addon_has_changed_stays(configured, addon):
    daemon, reload = configured("drain_timeout: 4\nhold_limit: 1m\n")
    client = addon(daemon, [], name="client")
    client.call("options.set", options={"hold_limit": "2m"})
    reload("drain_timeout: 6\nhold_limit: 1m\n", "changed drain_timeout")
    assert options(client, "hold_limit") == {"hold_limit": 2 << 20}


def test_the_command_line_outranks_the_config_as_at_the_start(configured, addon):
    daemon, reload = configured("drain_timeout: 4\n", "--set", "drain_timeout=3")
    reload("drain_timeout: 6\n", "no option has changed")
    assert options(addon(daemon, [], name="client"), "drain_timeout") == {"drain_timeout": 3}


def test_what_cannot_change_while_it_runs_is_said(configured, addon):
    daemon, reload = configured("drain_timeout: 4\n")
    reload("threads: 3\ndrain_timeout: 5\n", "option threads has changed in the config")
    assert options(addon(daemon, [], name="client"), "drain_timeout") == {"drain_timeout": 5}


@pytest.mark.parametrize(
    "text, reason",
    [
        ("drain_timeout: 5\nhold_limti: 5\n", "config.yaml:2: unknown option"),
        ("drain_timeout: 5\nhold_limit: many\n", "config.yaml:2: option hold_limit: "),
        ("drain_timeout: 5\ntimeout_ms: 900000\n", "more than max_timeout_ms"),
        ("drain_timeout: [\n", "config.yaml:"),
    ],
    ids=["a typo", "a wrong value", "two that contradict each other", "no YAML"],
)
def test_a_config_that_is_wrong_changes_nothing(configured, addon, text, reason):
    daemon, reload = configured("drain_timeout: 4\n")
    assert reason in reload(text, "nothing has changed")
    client = addon(daemon, [], name="client")
    assert options(client, "drain_timeout") == {"drain_timeout": 4}
    reload("drain_timeout: 7\n", "changed drain_timeout")
    assert options(client, "drain_timeout") == {"drain_timeout": 7}


def test_options_of_addons_change_as_well(configured, addon):
    daemon, reload = configured("blocklist_file: early\n", "--addon", "other=exec sleep 1000", addon_start_timeout=1)
    owner = addon(daemon, [], name="owner", options=[LIST])
    reload("blocklist_file: late\n", "changed blocklist_file")
    assert owner.wait_for("configure", 2).params["options"] == {"blocklist_file": "late"}
    reload("", "reloaded the config: changed blocklist_file")
    owner.wait_for("configure", 3)
    assert options(owner, "blocklist_file") == {"blocklist_file": "none"}


def test_a_veto_changes_nothing_and_is_tried_again(configured, addon):
    daemon, reload = configured("drain_timeout: 4\nhold_limit: 1m\n")
    refusing = [True]

    def veto(event):
        if refusing and event.params["options"].get("drain_timeout") == 6:
            raise RPCError(-32000, "six is too long")

    owner = addon(daemon, [], name="owner", replies={"configure": veto})
    text = "drain_timeout: 6\nhold_limit: 2m\n"
    assert "six is too long" in reload(text, "nothing has changed")
    assert options(owner, "drain_timeout", "hold_limit") == {"drain_timeout": 4, "hold_limit": 1 << 20}
    refusing.clear()
    reload(text, "reloaded the config: changed")
    assert options(owner, "drain_timeout", "hold_limit") == {"drain_timeout": 6, "hold_limit": 2 << 20}


def test_sigusr1_does_no_harm(proxyd):
    daemon = proxyd()
    daemon.process.send_signal(signal.SIGUSR1)
    daemon.process.send_signal(signal.SIGHUP)
    daemon.stderr.wait_for("reloaded the config")
    assert daemon.process.poll() is None

"""The calls that addons may make at any time."""

import pytest
from harness.clients import request
from harness.raw_addon import HOLD, RPCError


def test_calls_while_an_event_of_the_same_addon_waits(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    attached = addon(daemon, ["request"], replies={"request": HOLD})
    connection = client(daemon).send(request("GET", server.url("/waiting")))
    event = attached.wait_for("request")
    assert attached.call("ping") == {}
    [summary] = attached.call("flow.list")["flows"]
    assert summary["id"] == event.flow["id"] and summary["method"] == "GET" and summary["url"] == server.url("/waiting")
    assert "raw" in str(summary["waiting_for"])
    flow = attached.call("flow.get", id=event.flow["id"])["flow"]
    assert flow["request"]["path"] == "/waiting" and flow["id"] == event.flow["id"]
    attached.reply(event)
    assert connection.receive().status == 200


def test_flow_get_of_an_unknown_flow(proxyd, addon):
    with pytest.raises(RPCError) as error:
        addon(proxyd(), []).call("flow.get", id="nonsense")
    assert error.value.code == -32004


def test_log_reaches_stderr_and_other_addons_but_not_its_cause(proxyd, addon):
    daemon = proxyd()
    listener = addon(daemon, ["log"], name="listener")
    talker = addon(daemon, [], name="talker")
    assert talker.call("log", level="warn", msg="a story") == {}
    entry = listener.wait_for("log", where=lambda event: event.params["entry"]["msg"] == "a story").params["entry"]
    assert entry["level"] == "warn" and "talker" in entry["source"] and entry["timestamp"] > 0
    assert "talker" in daemon.stderr.wait_for("a story")
    talker.notify("log", level="info", msg="as a notification")
    daemon.stderr.wait_for("as a notification")


def test_log_with_control_characters_does_not_reach_the_terminal(proxyd, addon):
    daemon = proxyd()
    addon(daemon, []).call("log", level="warn", msg="evil \x1b[31m\nsecond line")
    line = daemon.stderr.wait_for("evil")
    assert "\x1b" not in line and "second line" in line


def test_an_unknown_method(proxyd, addon):
    with pytest.raises(RPCError) as error:
        addon(proxyd(), [], record=False).call("nonsense")
    assert error.value.code == -32601


def test_options_get_and_set(proxyd, addon):
    daemon = proxyd()
    attached = addon(daemon, [])
    options = attached.call("options.get")["options"]
    assert options["drain_timeout"] == 5 and options["ssl_insecure"] is False
    assert attached.call("options.get", names=["drain_timeout"])["options"] == {"drain_timeout": 5}
    assert attached.call("options.set", options={"drain_timeout": 7})["updated"] == ["drain_timeout"]
    configure = attached.wait_for("configure", 2).params
    assert configure["options"] == {"drain_timeout": 7} and configure["updated"] == ["drain_timeout"]
    assert attached.call("options.get", names=["drain_timeout"])["options"] == {"drain_timeout": 7}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("nonsense", 1, ["nonsense"]),
        ("drain_timeout", "long", ["drain_timeout", "long"]),
        ("drain_timeout", -1, ["drain_timeout", "-1"]),
        ("termlog_verbosity", "shout", ["termlog_verbosity", "shout", "debug"]),
    ],
)
def test_a_bad_option_is_refused_with_the_reason_and_nothing_is_set(proxyd, addon, name, value, words):
    attached = addon(proxyd(), [], record=False)
    with pytest.raises(RPCError) as error:
        attached.call("options.set", options={"connect_timeout": 3, name: value})
    text = f"{error.value} {error.value.data}"
    assert all(word in text for word in words), text
    assert attached.call("options.get", names=["connect_timeout"])["options"] == {"connect_timeout": 10}


def test_configure_may_veto_and_everything_is_rolled_back(proxyd, addon):
    daemon = proxyd()
    agreeing = addon(daemon, [], name="agreeing")
    vetoing = addon(daemon, [], name="vetoing")

    def veto(event):
        if event.params["options"].get("drain_timeout") == 9:
            raise RPCError(-32000, "nine is unlucky")
        return None

    vetoing.replies["configure"] = veto
    with pytest.raises(RPCError) as error:
        agreeing.call("options.set", options={"drain_timeout": 9})
    assert error.value.code == -32006 and "nine is unlucky" in f"{error.value} {error.value.data}"
    assert agreeing.call("options.get", names=["drain_timeout"])["options"] == {"drain_timeout": 5}
    changes = [event.params["options"].get("drain_timeout") for event in agreeing.named("configure")[1:]]
    assert changes in ([], [9, 5]), "who heard of the change must hear that it was taken back"


def test_addon_list(proxyd, addon):
    daemon = proxyd()
    attached = addon(daemon, ["request", "response"], name="one", version="1.2")
    addon(daemon, ["tick"], name="two")
    listed = {entry["name"]: entry for entry in attached.call("addon.list")["addons"]}
    assert set(listed) == {"one", "two"}
    assert listed["one"]["version"] == "1.2" and set(listed["one"]["events"]) >= {"request", "response"}
    assert listed["one"]["state"] == "ready"


def test_stats_count(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    attached = addon(daemon, ["request"])
    before = attached.call("stats")
    client(daemon).get(server.url())
    attached.wait_for("request")
    after = attached.call("stats")
    assert after != before
    assert "request" in after["addons"]["raw"]["events"]


def test_shutdown_is_not_for_everybody(proxyd, addon):
    daemon = proxyd(attached_rights="events")
    with pytest.raises(RPCError) as error:
        addon(daemon, []).call("shutdown")
    assert error.value.code == -32003
    assert daemon.process.poll() is None

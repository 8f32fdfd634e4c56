"""Rights and redaction that change while the daemon runs: the next event obeys them."""

import signal

import pytest
from harness.clients import request
from harness.guard import Guard
from harness.raw_addon import HOLD, RPCError
from harness.waiting import wait_until
from test_redaction import MARK, headers
from test_seats import listed, wait_state

NO_GRANT = -32003


@pytest.fixture
def visit(origin, client):
    """Sends one more request through a daemon; returns what the origin received."""
    servers = []

    def get(daemon, *fields):
        servers[:] = servers or [origin()]
        count = len(servers[0].requests)
        assert client(daemon).get(servers[0].url(), *fields).status == 200
        return servers[0].wait_requests(count + 1)[count]

    return get


def events(attached) -> list[str]:
    return attached.call("subscribe", events=[])["events"]


def traffic(attached, visit, daemon) -> list[str]:
    """Waits for the events of one more flow that it gets; returns them."""
    before = len(attached.traffic)
    visit(daemon)
    attached.call("ping")
    return attached.traffic[before:]


def test_an_event_that_is_lost_comes_no_more_and_comes_again(proxyd, addon, visit, setting):
    daemon = proxyd()
    attached = addon(daemon, ["request", "response"], name="attached")
    assert traffic(attached, visit, daemon) == ["request", "response"]
    assert setting(daemon, grants=["attached:events=request"]) == ["grants"]
    assert attached.wait_for("configure", 2).params["options"] == {"grants": ["attached:events=request"]}
    assert traffic(attached, visit, daemon) == events(attached) == ["request"]
    setting(daemon, grants=["attached:-events"])
    assert traffic(attached, visit, daemon) == events(attached) == []
    setting(daemon, grants=[])
    assert traffic(attached, visit, daemon) == events(attached) == ["request", "response"]


def test_what_was_asked_for_later_counts_as_well(proxyd, addon, setting):
    daemon = proxyd()
    attached = addon(daemon, ["request", "response"], name="attached")
    attached.call("subscribe", events=["error"])
    attached.call("unsubscribe", events=["response"])
    setting(daemon, grants=["attached:events=response"])
    assert events(attached) == []
    with pytest.raises(RPCError) as error:
        attached.call("subscribe", events=["requestheaders"])
    assert error.value.code == NO_GRANT
    setting(daemon, grants=[])
    assert set(events(attached)) == {"request", "error"}


def test_a_pattern_takes_what_is_given_later(proxyd, addon, visit, setting):
    daemon = proxyd("--set", "grants=attached:events=request")
    attached = addon(daemon, ["*"], name="attached")
    assert attached.registration["events"] == ["request"]
    setting(daemon, grants=["attached:events=request,response"])
    assert traffic(attached, visit, daemon) == events(attached) == ["request", "response"]


def test_who_may_change_nothing_any_more_observes(proxyd, addon, visit, setting):
    patch = {"flow": {"request": {"headers": {"X-Mark": "1"}}}}
    daemon = proxyd()
    attached = addon(daemon, ["request"], name="attached", replies={"request": patch})
    assert visit(daemon).get(b"x-mark") == b"1" and attached.wait_for("request").id is not None
    setting(daemon, grants=["attached:-mutate"])
    assert visit(daemon).get(b"x-mark") is None and attached.wait_for("request", 2).id is None
    setting(daemon, grants=["attached:mutate=request.path"])
    assert visit(daemon).get(b"x-mark") is None
    assert attached.wait_for("rejected").params["path"] == "flow.request.headers"
    setting(daemon, grants=[])
    assert visit(daemon).get(b"x-mark") == b"1"


def test_what_it_has_before_it_keeps_what_it_began_with(proxyd, addon, origin, client, setting):
    daemon, server = proxyd(), origin()
    attached = addon(daemon, ["request"], name="attached", replies={"request": HOLD})
    connection = client(daemon).send(request("GET", server.url()))
    event = attached.wait_for("request")
    setting(daemon, grants=["attached:-mutate", "attached:-events"])
    attached.reply(event, {"flow": {"request": {"headers": {"X-Mark": "1"}}}})
    assert connection.receive().status == 200 and server.requests[0].get(b"x-mark") == b"1"
    client(daemon).get(server.url())
    assert attached.traffic == ["request"]


def test_calls(proxyd, addon, setting):
    daemon = proxyd()
    attached = addon(daemon, [], name="attached")
    assert attached.call("flow.list")["flows"] == []
    setting(daemon, grants=["attached:-flows.read"])
    with pytest.raises(RPCError) as error:
        attached.call("flow.list")
    assert error.value.code == NO_GRANT
    setting(daemon, grants=[])
    assert attached.call("flow.list")["flows"] == []


def test_ticks_and_the_log(proxyd, addon, setting):
    daemon = proxyd(tick_interval_ms=10)
    attached = addon(daemon, ["tick", "log"], name="attached")
    attached.wait_for("tick")
    setting(daemon, grants=["attached:-events"])
    attached.call("ping")
    count = len(attached.events)
    other = addon(daemon, ["tick"], name="other")
    other.wait_for("tick", 3)
    other.call("log", msg="to all")
    daemon.stderr.wait_for("to all")
    attached.call("ping")
    assert [event.name for event in attached.events[count:]] == []
    setting(daemon, grants=[])
    attached.wait_for("tick", where=lambda event: event in attached.events[count:])


# Redaction

FIELD = b"Authorization: Bearer key"


def authorization(attached, count) -> list[str]:
    return headers(attached.wait_for("request", count).flow["request"])["authorization"]


def test_redaction_begins_and_ends(proxyd, addon, visit, setting):
    returned = {"request": lambda event: {"flow": {**event.flow, "comment": "seen"}}}
    daemon = proxyd()
    attached = addon(daemon, ["request"], name="attached", replies=returned)
    visit(daemon, FIELD)
    assert authorization(attached, 1) == ["Bearer key"]
    assert setting(daemon, redact=["attached:authorization"]) == ["redact"]
    assert visit(daemon, FIELD).get(b"authorization") == b"Bearer key", "it gives back what it was not shown"
    assert authorization(attached, 2) == [MARK]
    flow = attached.wait_for("request", 2).flow["id"]
    assert headers(attached.call("flow.get", id=flow)["flow"]["request"])["authorization"] == [MARK]
    setting(daemon, redact=[])
    visit(daemon, FIELD)
    assert authorization(attached, 3) == ["Bearer key"]


def test_filters_find_nothing_in_what_is_hidden_later(proxyd, addon, visit, setting):
    daemon = proxyd()
    attached = addon(daemon, [{"event": "response", "filter": "~hq key"}], name="attached")
    visit(daemon, FIELD)
    attached.wait_for("response")
    setting(daemon, redact=["attached:authorization"])
    visit(daemon, FIELD)
    attached.call("ping")
    assert attached.traffic == ["response"]


def test_taps_follow(proxyd, addon, visit, setting):
    daemon = proxyd()
    tapping, other = addon(daemon, [], name="tapping"), addon(daemon, ["request"], name="other")
    tapping.call("tap.start", events=["request"])

    def tapped():
        count = len(tapping.named("tap"))
        visit(daemon, FIELD)
        other.call("ping")
        tapping.call("ping")
        return str(tapping.named("tap")[count:])

    assert "Bearer key" in tapped()
    setting(daemon, redact=["tapping:authorization"])
    shown = tapped()
    assert "Bearer key" not in shown and MARK in shown
    setting(daemon, redact=[], grants=["tapping:-flows.read"])
    assert tapped() == "[]"


# Guards that are not there

CLOSED = [{"event": "request", "on_failure": "closed", "timeout_ms": 20_000}]


def test_the_seat_of_a_guard_that_is_away(proxyd, addon, visit, origin, client, setting):
    daemon = proxyd()
    guard = addon(daemon, CLOSED, name="guard")
    setting(daemon, timeout_ms=5_000)
    guard.close()
    looking = addon(daemon, [], name="looking")
    wait_state(looking, "guard", "away")
    setting(daemon, grants=["guard:-events"])
    assert listed(looking, "guard")["events"] == []
    visit(daemon)
    setting(daemon, grants=[])
    assert listed(looking, "guard")["events"] == ["request"]
    waiting = client(daemon).send(request("GET", origin().url()))
    wait_until(lambda: looking.call("flow.list", filter="!~s")["flows"], "the flow to wait")
    addon(daemon, CLOSED, name="guard")
    assert waiting.receive().status == 200


def test_the_seat_of_a_guard_that_has_not_come(proxyd, visit, setting, tmp_path):
    config, guard = tmp_path / "config.yaml", Guard(tmp_path)
    guard.hold_back()
    command = guard.flag().split("=", 1)[1].replace("'", "''")
    config.write_text(f"addons:\n  guard: {{command: '{command}', on_failure: closed, timeout_ms: 20000}}\n")
    daemon = proxyd("--config", str(config), addon_start_timeout=1)
    setting(daemon, grants=["guard:-mutate"])
    assert visit(daemon).get(b"x-guard") is None
    setting(daemon, grants=[])
    guard.let_go()
    assert visit(daemon).get(b"x-guard") == b"guard"


# Who may set them


@pytest.mark.parametrize(
    "given",
    [
        ["attached_rights=options"],
        [*(f"attached_rights={right}" for right in ("events", "mutate", "flows.read", "flows.write", "options", "addons"))],
        ["grants=asking:-flow.body"],
        ["grants=asking:events=request"],
        ["grants=asking:mutate=comment"],
        ["redact=asking:cookie"],
    ],
    ids=lambda given: given[-1],
)
@pytest.mark.parametrize("name", ["grants", "attached_rights", "redact"])
def test_nobody_gives_itself_rights(proxyd, addon, given, name):
    daemon = proxyd(*(word for each in given for word in ("--set", each)))
    asking = addon(daemon, [], name="asking")
    values = {"grants": ["asking:shutdown"], "attached_rights": ["shutdown"], "redact": []}
    former = asking.call("options.get", names=[name])["options"]
    with pytest.raises(RPCError) as error:
        asking.call("options.set", options={"drain_timeout": 9, name: values[name]})
    assert error.value.code == NO_GRANT and f"may not set {name}" in error.value.message
    assert asking.call("options.get", names=[name, "drain_timeout"])["options"] == {**former, "drain_timeout": 5}
    assert asking.call("options.set", options={"drain_timeout": 9}) == {"updated": ["drain_timeout"]}


def test_who_has_all_rights_gives_them(proxyd, addon, setting):
    daemon = proxyd("--set", "grants=poor:-options")
    poor = addon(daemon, [], name="poor")
    with pytest.raises(RPCError):
        poor.call("options.set", options={"drain_timeout": 9})
    setting(daemon, grants=[])
    assert poor.call("options.set", options={"grants": ["setting:-shutdown"]}) == {"updated": ["grants"]}
    with pytest.raises(RPCError) as error:
        setting(daemon, grants=[])
    assert error.value.code == NO_GRANT


def test_who_loses_its_rights_while_it_waits_for_its_turn_is_refused(proxyd, addon):
    daemon = proxyd()
    slow = addon(daemon, [], name="slow")
    one, two, asking = (addon(daemon, [], name=name) for name in ("one", "two", "asking"))
    slow.replies["configure"] = lambda event: HOLD if event.params["updated"] == ["redact"] else None
    first = one.start_call("options.set", options={"redact": ["nobody:cookie"]})
    event = slow.wait_for("configure", 2)
    second = two.start_call("options.set", options={"grants": ["asking:-options"]})
    two.call("ping")
    third = asking.start_call("options.set", options={"grants": ["asking:shutdown"]})
    asking.call("ping")
    slow.reply(event)
    assert one.result_of(first) == {"updated": ["redact"]}
    assert two.result_of(second) == {"updated": ["grants"]}
    with pytest.raises(RPCError) as error:
        asking.result_of(third)
    assert error.value.code == NO_GRANT


def veto(event):
    if event.params["updated"][0] == "grants":
        raise RPCError(-32000, "mine")


def test_nobody_keeps_its_rights_by_a_veto(proxyd, addon, visit, setting):
    daemon = proxyd("--set", "grants=keeping:-shutdown")
    keeping = addon(daemon, ["request"], name="keeping", replies={"configure": veto})
    assert setting(daemon, grants=["keeping:-events"]) == ["grants"]
    daemon.stderr.wait_for("addon keeping: may not set grants, so its veto does not count: mine")
    assert traffic(keeping, visit, daemon) == []


def test_a_veto_of_who_may_set_them_takes_them_back(proxyd, addon, visit, setting):
    daemon = proxyd()
    addon(daemon, [], name="keeping", replies={"configure": veto})
    other = addon(daemon, ["request"], name="other")
    with pytest.raises(RPCError, match="mine") as error:
        setting(daemon, grants=["other:-events"], redact=["other:authorization"])
    assert error.value.code == -32006
    visit(daemon, FIELD)
    assert authorization(other, 1) == ["Bearer key"]


@pytest.mark.parametrize(
    "name, value", [("grants", ["a:fly"]), ("attached_rights", ["-events"]), ("redact", ["a:no field"])]
)
def test_what_is_wrong_changes_nothing(proxyd, addon, visit, setting, name, value):
    daemon = proxyd()
    attached = addon(daemon, ["request"], name="attached")
    with pytest.raises(RPCError) as error:
        setting(daemon, **{name: value, "drain_timeout": 9})
    assert error.value.code == -32602 and name in error.value.message
    assert traffic(attached, visit, daemon) == ["request"]


# By the config, and what else terms depend on


def test_sighup_gives_and_takes_rights(proxyd, addon, visit, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("grants: attached:-mutate\n")
    daemon = proxyd("--config", str(config))
    attached = addon(daemon, ["request", "response"], name="attached")

    def reload(text, names):
        config.write_text(text)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.stderr.wait_for(f"reloaded the config: changed {names}")

    visit(daemon, FIELD)
    assert attached.wait_for("request").id is None and authorization(attached, 1) == ["Bearer key"]
    reload("attached_rights: [events=request, mutate]\nredact: '*:authorization'\n", "attached_rights, grants, redact")
    visit(daemon, FIELD)
    assert attached.wait_for("request", 2).id is not None and authorization(attached, 2) == [MARK]
    assert events(attached) == ["request"]


def test_the_usual_timeout_counts_for_addons_that_are_there(proxyd, addon, origin, client, setting):
    daemon = proxyd()
    closed = {"event": "request", "on_failure": "closed"}
    slow = addon(daemon, [closed], name="slow", replies={"request": HOLD})
    setting(daemon, timeout_ms=120)
    answer = client(daemon).get(origin().url())
    assert answer.status == 504 and b"120 ms" in answer.body
    assert slow.wait_for("request").params["_meta"]["deadline_ms"] == 120

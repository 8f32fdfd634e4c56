"""What addons may do: by identity, and by attached_rights and grants."""

import base64
import os
import subprocess

import pytest
from harness.clients import request
from harness.daemon import Proxyd, clean_environment, short_folder
from harness.raw_addon import RawAddon, RPCError
from harness.trying import Trying, calls_that_need, every_call, other
from harness.users import NOBODY, as_user
from harness.waiting import wait_until

WRITE, ADDONS = calls_that_need("flows.write"), calls_that_need("addons")
NO_GRANT = -32003
PASSWORDS = ["client-secret", "upstream-secret", "env-of-trying", "env-of-other", "default-of-a-secret", "set-of-a-secret"]


@pytest.fixture
def guarded(proxyd, origin, tmp_path):
    """A daemon full of secrets, with the addon `other`; and an upstream proxy behind it."""

    def start(*arguments, addons="", **options):
        proxy = origin()
        config = tmp_path / "config.yaml"
        config.write_text(
            f"""
proxyauth: "ann:client-secret"
upstream_auth: "us:upstream-secret"
other_key: set-of-a-secret
redact: "*:proxy-authorization"
addons:
  other: {{command: "{other(tmp_path)}", env: {{KEY: env-of-other}}}}
{addons}
"""
        )
        mode = ("--mode", f"upstream:http://127.0.0.1:{proxy.port}")
        daemon = proxyd("--config", str(config), *mode, *arguments, **options)
        daemon.stderr.wait_for(f"other: configured, the secret has {len('set-of-a-secret')}")
        return daemon

    return start


def secrets(tmp_path) -> list[bytes]:
    """Everything that must not be shown, and its form on the wire."""
    logins = [base64.b64encode(login) for login in (b"ann:client-secret", b"us:upstream-secret")]
    return [*(text.encode() for text in PASSWORDS), *logins, (tmp_path / "token").read_bytes()]


LOGIN = b"Proxy-Authorization: Basic " + base64.b64encode(b"ann:client-secret")


def assert_refused(daemon, trying: Trying, refused: set[str]) -> None:
    answers = trying.answers()
    assert {name for name, codes in answers.items() if NO_GRANT in codes} == refused
    assert all(answers[name] == [NO_GRANT, NO_GRANT] for name in refused)
    assert set(answers) == {name for name, _ in every_call()}
    for name in refused:
        daemon.stderr.wait_for(f"addon trying: refused {name}: ")
        assert len([line for line in daemon.stderr.lines if f"refused {name}: " in line]) == 1


def test_a_spawned_addon_that_tries_every_call(guarded, client, tmp_path):
    trying = Trying(tmp_path)
    daemon = guarded(addons=f'  trying: {{command: "{trying.command}", env: {{KEY: env-of-trying}}}}')
    daemon.stderr.wait_for("trying: ready")
    assert client(daemon).get("http://shop.test/", LOGIN).status == 200
    assert_refused(daemon, trying, {"options.set", "shutdown", *ADDONS})
    seen = trying.input
    assert b"shop.test" in seen and b"redacted" in seen
    assert [secret for secret in secrets(tmp_path) if secret in seen] == []


def test_an_attached_addon_that_tries_every_call(guarded, client, tmp_path):
    trying = Trying(tmp_path)
    daemon = guarded("--set", "attached_rights=events", "--set", "attached_rights=flows.read")
    environment = clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket))
    with subprocess.Popen(trying.command.split(), env=environment) as process:
        daemon.stderr.wait_for("trying: ready")
        assert client(daemon).get("http://shop.test/", LOGIN).status == 200
        assert_refused(daemon, trying, {"options.set", "shutdown", *ADDONS, *WRITE})
        process.terminate()
    assert [secret for secret in secrets(tmp_path) if secret in trying.input] == []


def test_by_default_an_attached_addon_may_call_everything(proxyd, addon, origin, client):
    daemon, server = proxyd(), origin()
    attached = addon(daemon, ["request"], replies={"request": {"flow": {"comment": "seen"}}})
    client(daemon).get(server.url())
    flow = attached.named("request")[0].flow["id"]
    assert attached.call("flow.get", id=flow)["flow"]["comment"] == "seen"
    assert attached.call("flow.update", id=flow, patch={"comment": "mine"})["applied"]
    assert attached.call("options.set", options={"flow_detail": 2}) == {"updated": ["flow_detail"]}
    assert attached.call("addon.add", name="more", command="sleep 1000") == {}
    assert attached.call("addon.remove", name="more") == {}
    assert attached.call("shutdown") == {}
    assert daemon.wait_exit() == 0


def test_own_options_and_commands_need_no_right(proxyd, addon):
    daemon = proxyd(attached_rights="events")
    option, command = {"name": "my_level", "type": "int"}, {"name": "my.command"}
    own = addon(daemon, [], name="own", options=[option], commands=[command], replies={"command": {"done": True}})
    assert own.call("options.set", options={"my_level": 3}) == {"updated": ["my_level"]}
    assert own.call("command.call", name="my.command") == {"done": True}
    assert own.call("options.get", names=["my_level", "flow_detail"])["options"]["my_level"] == 3
    for options in ({"my_level": 4, "flow_detail": 2}, {"flow_detail": 2}):
        assert_no_grant(own, "options.set", options=options)
    stranger = addon(daemon, [], name="stranger")
    assert_no_grant(stranger, "options.set", options={"my_level": 4})
    assert_no_grant(stranger, "command.call", name="my.command")


def assert_no_grant(attached: RawAddon, method: str, **params) -> RPCError:
    with pytest.raises(RPCError) as error:
        attached.call(method, **params)
    assert error.value.code == NO_GRANT, error.value
    return error.value


GIVEN = ["--set", "grants=one:flows.read", "--set", "grants=*:addon.add", "--set", "grants=one:-flow.body"]


def test_grants_give_groups_and_calls_and_take_them_away(proxyd, addon):
    daemon = proxyd("--set", "attached_rights=events", *GIVEN)
    one, two = (addon(daemon, [], name=name) for name in ("one", "two"))
    assert one.call("flow.list")["flows"] == []
    assert "flows.read" in str(assert_no_grant(one, "flow.body", id="x", part="request"))
    assert_no_grant(two, "flow.list")
    for each in (one, two):
        each.call("addon.add", name=f"{each.name}.added", command="sleep 1000")
        assert_no_grant(each, "addon.remove", name=f"{each.name}.added")


def test_a_refused_notification_is_logged_once(proxyd, addon):
    daemon = proxyd(attached_rights="events")
    attached = addon(daemon, [])
    for _ in range(3):
        attached.notify("shutdown")
    attached.notify("log", msg="the end")
    daemon.stderr.wait_for("the end")
    assert len([line for line in daemon.stderr.lines if "shutdown" in line]) == 1


@pytest.mark.parametrize("wrong", ["read", "NAME:", ":shutdown", "a:fly", "a:events=nothing", "uid=x:events", "a:-mutate=x"])
def test_a_grant_that_is_none_is_refused_at_start(wrong, made_confdir):
    daemon = Proxyd(made_confdir, grants=wrong)
    assert daemon.wait_exit() == 2
    assert "grants" in daemon.stderr.text and "flows.read" in daemon.stderr.text


# Which events, and what may be changed


def test_only_the_events_that_were_given(proxyd, addon, origin, client):
    rights = ("--set", "attached_rights=events=request*,log", "--set", "attached_rights=flows.read")
    daemon, server = proxyd(*rights), origin()
    broad = addon(daemon, ["*"], name="broad")
    assert set(broad.registration["events"]) == {"request", "requestheaders", "request_data", "log"}
    for _ in range(2):
        assert_no_grant(broad, "subscribe", events=["response"])
        assert_no_grant(broad, "flow.subscribe")
    broad.notify("log", msg="the end")
    daemon.stderr.wait_for("the end")
    assert len([line for line in daemon.stderr.lines if ": refused subscribe: " in line]) == 1
    refused = RawAddon(daemon.addon_socket, [], register=False)
    with pytest.raises(RPCError, match="subscribe to response") as error:
        refused.call("initialize", name="refused", events=["response"])
    assert error.value.code == NO_GRANT
    refused.wait_end()
    client(daemon).get(server.url())
    assert broad.traffic[:2] == ["requestheaders", "request"]


def test_who_may_change_nothing_observes(proxyd, addon, origin, client):
    daemon, server = proxyd(attached_rights="events"), origin()
    patch = {"flow": {"request": {"headers": {"X-Mark": "1"}}}}
    watching = addon(daemon, ["request"], replies={"request": patch})
    watching.call("subscribe", events=[{"event": "requestheaders", "mode": "enforce"}])
    assert client(daemon).get(server.url()).status == 200
    assert watching.wait_for("request").id is None and watching.wait_for("requestheaders").id is None
    assert server.requests[0].all(b"x-mark") == []


PATHS = "mutate=request.headers,comment"
ALLOWED = {"request": {"headers": {"X-Mark": "1"}}, "comment": "seen"}


@pytest.mark.parametrize(
    ("reply", "path"),
    [
        ({"flow": ALLOWED}, None),
        ({"flow": {"request": {"path": "/other"}}}, "flow.request.path"),
        ({"flow": {**ALLOWED, "marked": "x"}}, "flow.marked"),
        ({"flow": {"response": {"status_code": 403}}}, "flow.response"),
        ({"action": "kill"}, "action"),
        ({"stop": True}, "stop"),
    ],
    ids=str,
)
def test_only_what_may_be_changed(proxyd, addon, origin, client, reply, path):
    daemon, server = proxyd("--set", "attached_rights=events", "--set", f"attached_rights={PATHS}"), origin()
    attached = addon(daemon, ["request"], replies={"request": reply})
    assert client(daemon).get(server.url("/asked")).status == 200
    assert server.requests[0].target == b"/asked"
    assert server.requests[0].all(b"x-mark") == ([] if path else [b"1"])
    if path:
        assert attached.wait_for("rejected").params["path"] == path


def test_a_whole_snapshot_with_an_allowed_change_comes_back(proxyd, addon, origin, client):
    def reply(event):
        flow = event.flow
        flow["request"]["headers"].append(["X-Mark", "1"])
        return {"flow": flow}

    daemon, server = proxyd("--set", "attached_rights=events", "--set", f"attached_rights={PATHS}"), origin()
    addon(daemon, ["request"], replies={"request": reply})
    client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert server.requests[0].get(b"x-mark") == b"1" and server.requests[0].body == b"body"


def test_flow_update_obeys_the_paths_too(proxyd, addon, origin, client):
    rights = ("--set", "attached_rights=events", "--set", "attached_rights=flows.write", "--set", f"attached_rights={PATHS}")
    daemon, server = proxyd(*rights), origin()
    attached = addon(daemon, ["request"])
    client(daemon).get(server.url())
    flow = attached.named("request")[0].flow["id"]
    assert attached.call("flow.update", id=flow, patch={"comment": "mine"})["applied"]
    with pytest.raises(RPCError, match="marked"):
        attached.call("flow.update", id=flow, patch={"marked": "mine"})


# Identity


@pytest.fixture
def open_socket():
    folder = short_folder()
    folder.chmod(0o711)
    return folder / "addon.sock"


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may be somebody else")


@needs_root
def test_another_user_has_events_only(proxyd, addon, origin, client, open_socket):
    daemon, server = proxyd(addon_uids=NOBODY, addon_socket=open_socket, grants="guest:flows.read"), origin()
    with as_user(NOBODY):
        guest = addon(daemon, ["request"], name="guest", replies={"request": {"action": "kill"}})
    assert client(daemon).get(server.url()).status == 200
    assert guest.wait_for("request").id is None
    for method in ("flow.list", "flow.create", "options.set", "addon.add", "shutdown"):
        assert_no_grant(guest, method)


@needs_root
def test_grants_by_uid(proxyd, addon, open_socket):
    grants = ("--set", f"grants=uid={NOBODY}:flows.read", "--set", "grants=uid=0:-shutdown")
    daemon = proxyd(*grants, addon_uids=NOBODY, addon_socket=open_socket)
    with as_user(NOBODY):
        guest = addon(daemon, [], name="guest")
    assert guest.call("flow.list")["flows"] == []
    assert_no_grant(addon(daemon, []), "shutdown")


@needs_root
@pytest.mark.parametrize("declared", [{"options": [{"name": "my_level", "type": "int"}]}, {"commands": [{"name": "my.run"}]}])
def test_another_user_may_not_share_what_an_addon_has_declared(proxyd, addon, open_socket, declared):
    """Otherwise it could set the option and see it, or get the calls meant for the other."""
    daemon = proxyd(addon_uids=NOBODY, addon_socket=open_socket)
    addon(daemon, [], name="owner", **declared)
    with as_user(NOBODY):
        guest = RawAddon(daemon.addon_socket, [], register=False, record=False)
    with pytest.raises(RPCError) as error:
        guest.call("initialize", name="guest", **declared)
    assert "owner" in str(error.value) and "another user" in str(error.value)
    guest.close()


def test_a_grant_to_a_started_addon_is_not_for_one_that_takes_its_name(proxyd, addon):
    arguments = ("--set", "attached_rights=events", "--set", "grants=guard:shutdown")
    daemon = proxyd("--addon", "guard=sleep 1000", *arguments, listens=False)
    assert_no_grant(addon(daemon, [], name="guard"), "shutdown")


def test_rights_hold_from_the_first_message_on(proxyd, addon):
    """A subscription in the answer to `start` needs its rights like the first one."""
    daemon = proxyd(attached_rights="events=request")
    replacing = {"start": {"replace": {"name": "replacing", "events": ["response"]}}}
    attached = RawAddon(daemon.addon_socket, [], register=False, replies=replacing)
    attached.call("initialize", name="replacing", events=["request"])
    attached.wait_end()
    wait_until(lambda: daemon.stderr.find("subscribe to response"), "the refusal in the log")
    attached.close()

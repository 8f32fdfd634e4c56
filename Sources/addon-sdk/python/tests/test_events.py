import math
import types

import pytest
from proxyd_addon import NO_TIMEOUT, command, event
from proxyd_addon.events import find_handlers


def subscriptions(addon) -> list:
    return [handler.subscription() for handler in find_handlers(addon).values()]


def test_methods_are_found():
    class Addon:
        def requestheaders(self, flow): ...
        def request(self, flow): ...
        def helper(self): ...

    assert subscriptions(Addon()) == ["requestheaders", {"event": "request", "decode": True}]


def test_settings_go_into_the_subscription():
    class Addon:
        @event(body="none", mode="observe", timeout_ms=5)
        def response(self, flow): ...

        @event
        def tick(self): ...

    assert subscriptions(Addon()) == [
        "tick",
        {"event": "response", "body": "none", "mode": "observe", "timeout_ms": 5},
    ]


def test_what_is_kept_and_no_timeout_go_into_the_subscription():
    class Addon:
        @event(body="none", keep=["request.content"], timeout_ms=NO_TIMEOUT)
        def response(self, flow): ...

        @event(keep=["request.content"], timeout_ms=None)
        def error(self, flow): ...

    kept = {"decode": True, "keep": ["request.content"]}
    assert subscriptions(Addon()) == [
        {"event": "response", "body": "none", **kept, "timeout_ms": None},
        {"event": "error", **kept},
    ]


def test_a_module_offers_only_what_it_defines():
    module = types.ModuleType("script")
    module.log = math.log
    exec("def request(flow): ...", module.__dict__)
    assert list(find_handlers(module)) == ["request"]


def test_a_handler_may_take_fewer_arguments():
    class Addon:
        def configure(self, options): ...
        def tick(self): ...
        def serverconnect(self, *args): ...

    handlers = find_handlers(Addon())
    assert {name: handler.arguments for name, handler in handlers.items()} == {
        "configure": ("options",),
        "tick": (),
        "serverconnect": ("server_conn", "client_conn"),
    }


def test_a_handler_that_wants_too_much_is_refused():
    class Addon:
        def request(self, flow, more): ...

    with pytest.raises(TypeError, match=r"request\(flow, more\) takes more than the event has: request\(flow\)"):
        find_handlers(Addon())


def test_bodies_are_decoded_unless_an_addon_wants_them_as_they_came():
    class Addon:
        @event(decode=False)
        def request(self, flow): ...

        @event(body="stream")
        def response(self, flow): ...

    assert subscriptions(Addon()) == [{"event": "request", "decode": False}, {"event": "response", "body": "stream"}]


def addon_with(*names: str, function=lambda *arguments: None):
    return type("Addon", (), {name: staticmethod(function) for name in names})()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("reponse", r"'reponse' is not an event; did you mean 'response'\?"),
        ("request_headers", "did you mean 'requestheaders'"),
        ("websocket_mesage", "did you mean 'websocket_message'"),
        ("tls_start_client", "no event 'tls_start_client': it hands out OpenSSL"),
    ],
)
def test_a_name_that_is_nearly_an_events_is_refused(name, words):
    with pytest.raises(TypeError, match=words):
        find_handlers(addon_with(name))


def test_names_that_are_not_near_are_helpers():
    assert find_handlers(addon_with("respond", "log_it", "_reponse", "load", "stop")) == {}


def test_a_command_may_have_any_name():
    class Addon:
        @command
        def responses(self): ...

    assert find_handlers(Addon()) == {}


def test_a_marked_handler_must_be_an_events():
    with pytest.raises(TypeError, match="there is no event 'on_request'; there are clientconnect"):
        find_handlers(addon_with("on_request", function=event(lambda flow: None)))


def test_mitmproxys_names_take_mitmproxys_arguments():
    seen = []

    class Addon:
        def client_connected(self, client):
            seen.append(client)

        @event(mode="observe")
        def server_connect(self, data):
            seen.append((data.server, data.client))

    handlers = find_handlers(Addon())
    handlers["clientconnect"].function(types.SimpleNamespace(client_conn="client"))
    handlers["serverconnect"].function("server", "client")
    assert seen == ["client", ("server", "client")]
    assert handlers["serverconnect"].subscription() == {"event": "serverconnect", "mode": "observe"}
    with pytest.raises(TypeError, match="server_connect and serverconnect are the same event"):
        find_handlers(addon_with("server_connect", "serverconnect"))

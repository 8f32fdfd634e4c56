import math
import types

import pytest
from proxyd_addon import event
from proxyd_addon.events import find_handlers


def subscriptions(addon) -> list:
    return [handler.subscription() for handler in find_handlers(addon).values()]


def test_methods_are_found():
    class Addon:
        def requestheaders(self, flow): ...
        def request(self, flow): ...
        def helper(self): ...

    assert subscriptions(Addon()) == ["requestheaders", "request"]


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

"""The grammar checker itself: it must detect what it is for."""

import pytest
from grammar import assert_grammar, violations
from harness.raw_addon import Event


def log(text: str) -> list[Event]:
    """`start configure clientconnect:c1 requestheaders:c1/f1 serverconnect:c1/s1 tick …`"""
    return [event(*word.partition(":")[::2]) for word in text.split()]


def event(name: str, subject: str) -> Event:
    client, _, other = subject.partition("/")
    connection = {"id": client}
    if name.startswith("client"):
        return Event(name, {"root_layer": {"client_conn": connection}})
    if name == "serverconnect":
        return Event(name, {"server_conn": {"id": other}, "client_conn": connection})
    if name.startswith("server"):
        return Event(name, {"server_conn": {"id": other}})
    if name.startswith("tls_") and name != "tls_clienthello":
        return Event(name, {"conn": {"id": other or client}})
    if name == "tls_clienthello":
        return Event(name, {"client_conn": connection})
    if name == "next_layer":
        return Event(name, {"layer": {"client_conn": connection}})
    return Event(name, {"flow": {"id": other, "client_conn": connection}} if other else {})


GOOD = (
    "start configure clientconnect:c requestheaders:c/f request:c/f serverconnect:c/s serverconnected:c/s "
    "responseheaders:c/f response:c/f serverdisconnect:c/s clientdisconnect:c done"
)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "start configure tick log configure done",
        GOOD.replace("responseheaders:c/f response:c/f", "error:c/f"),
        GOOD.replace("response:c/f", "error:c/f"),
        "start configure clientconnect:c requestheaders:c/f error:c/f clientdisconnect:c done",
        "start configure clientconnect:c next_layer:c serverconnect:c/s serverconnected:c/s tls_clienthello:c "
        "tls_established_server:c/s tls_failed_client:c serverdisconnect:c/s clientdisconnect:c done",
        "start configure clientconnect:c serverconnect:c/s serverconnected:c/s tls_failed_server:c/s serverdisconnect:c/s "
        "clientdisconnect:c done",
        "start configure clientconnect:c http_connect:c/t http_connected:c/t requestheaders:c/f request:c/f "
        "responseheaders:c/f response:c/f clientdisconnect:c done",
        "start configure clientconnect:c requestheaders:c/f request:c/f serverconnect:c/s serverconnect_error:c/s "
        "error:c/f clientdisconnect:c done",
        "start configure clientconnect:c clientconnect:d requestheaders:c/f requestheaders:d/g request:c/f error:d/g "
        "clientdisconnect:d error:c/f clientdisconnect:c done",
    ],
)
def test_what_is_in_order(text):
    assert_grammar(log(text), finished=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("configure start done", "begins with start configure"),
        (GOOD + " tick", "after done came"),
        (GOOD.replace(" done", ""), "done is missing"),
        (GOOD.replace("response:c/f", "response:c/f error:c/f"), "flow f"),
        (GOOD.replace(" response:c/f", ""), "flow f"),
        (GOOD.replace(" request:c/f", ""), "flow f"),
        (GOOD.replace("requestheaders:c/f ", ""), "flow f"),
        (GOOD.replace(" clientconnect:c", ""), "does not begin with its one clientconnect"),
        (GOOD.replace("serverdisconnect:c/s clientdisconnect:c", "clientdisconnect:c serverdisconnect:c/s"), "goes on after"),
        (GOOD.replace("serverdisconnect:c/s ", ""), "ended before its server connection s"),
        (GOOD.replace(" clientdisconnect:c", ""), "has no clientdisconnect"),
        (GOOD.replace(" serverconnect:c/s", ""), "belongs to no client connection"),
        (GOOD.replace("serverconnected:c/s", "serverconnected:c/s serverconnect_error:c/s"), "server connection s"),
        (GOOD.replace("response:c/f serverdisconnect:c/s clientdisconnect:c",
                      "serverdisconnect:c/s clientdisconnect:c response:c/f"), "goes on after"),
        (GOOD.replace(" response:c/f", ""), "ended before its flow f"),
        (GOOD.replace("clientdisconnect:c", "clientdisconnect:c next_layer:c"), "goes on after"),
        (GOOD.replace("clientdisconnect:c", "clientdisconnect:c tls_failed_client:c"), "goes on after"),
        (GOOD.replace("serverconnected:c/s", "tls_established_server:c/s serverconnected:c/s"), "server connection s"),
        ("start configure clientconnect:c http_connect:c/t response:c/t clientdisconnect:c done", "flow t"),
    ],
)
def test_what_is_not(text, reason):
    found = violations(log(text), finished=True)
    assert any(reason in each for each in found), found


def test_a_life_that_goes_on_may_have_open_ends():
    assert violations(log("start configure clientconnect:c requestheaders:c/f serverconnect:c/s")) == []
    assert violations(log("start configure clientconnect:c requestheaders:c/f request:c/f")) == []
    assert violations(log("start configure clientconnect:c request:c/f")) != []

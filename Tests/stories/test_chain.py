"""Several addons on one flow: their order, and what each of them sees."""

from harness.clients import curl_tls, request


def flow_reply(**parts) -> dict:
    return {"flow": parts}


def add_mark(mark: str):
    """Appends to a header, so that the order of addons shows."""

    def reply(event):
        fields = event.flow["request"]["headers"]
        old = next((value for name, value in fields if name.lower() == "x-marks"), "")
        return flow_reply(request={"headers": {"X-Marks": old + mark}})

    return reply


def test_addons_run_by_priority_then_arrival_and_see_what_came_before(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    for name, priority in (("c", 0), ("d", 0), ("a", 10), ("e", -5), ("b", 5)):
        addon(daemon, ["request"], name=name, replies={"request": add_mark(name)}, order={"priority": priority})
    client(daemon).get(server.url())
    assert server.requests[0].get(b"x-marks") == b"abcde"


def test_before_and_after_go_over_priority(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], name="m", replies={"request": add_mark("m")})
    addon(daemon, ["request"], name="first", replies={"request": add_mark("1")}, order={"before": ["m"], "priority": -9})
    addon(daemon, ["request"], name="last", replies={"request": add_mark("9")}, order={"after": ["m"], "priority": 9})
    client(daemon).get(server.url())
    assert server.requests[0].get(b"x-marks") == b"1m9"


def test_observers_hear_the_state_after_the_chain(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    observer = addon(daemon, [{"event": "request", "mode": "observe"}], name="observer", order={"priority": 100})
    addon(daemon, ["request"], name="first", replies={"request": add_mark("1")})
    addon(daemon, ["request"], name="second", replies={"request": add_mark("2")})
    client(daemon).get(server.url())
    event = observer.wait_for("request")
    assert event.id is None
    assert ["X-Marks", "12"] in event.flow["request"]["headers"]


def test_stop_ends_the_chain_and_later_addons_only_hear(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    stopping = lambda event: {**add_mark("1")(event), "stop": True}  # noqa: E731
    addon(daemon, ["request"], name="first", replies={"request": stopping}, order={"priority": 1})
    second = addon(daemon, ["request"], name="second", replies={"request": add_mark("2")})
    client(daemon).get(server.url())
    assert server.requests[0].get(b"x-marks") == b"1"
    event = second.wait_for("request")
    assert event.id is None and ["X-Marks", "1"] in event.flow["request"]["headers"]


def test_a_kill_ends_the_chain(proxyd, origin, addon, client):
    server, daemon = origin(), proxyd()
    addon(daemon, ["request"], name="first", replies={"request": {"action": "kill"}}, order={"priority": 1})
    second = addon(daemon, ["request", "error"], name="second")
    connection = client(daemon)
    connection.send(request("GET", server.url()))
    assert connection.receive_end() == b""
    second.wait_for("error")
    assert all(event.id is None for event in second.named("request"))


def test_a_response_set_by_the_first_is_seen_by_the_second(proxyd, origin, addon, client):
    daemon = proxyd()
    made = flow_reply(response={"status_code": 200, "content": "first"})
    addon(daemon, ["request"], name="first", replies={"request": made}, order={"priority": 1})

    def extend(event):
        return flow_reply(response={"content": event.flow["response"]["content"] + " second"})

    addon(daemon, ["request"], name="second", replies={"request": extend})
    assert client(daemon).get("http://x.example/").body == b"first second"


def test_mutations_inside_tls(proxyd, nginx, pki, addon):
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    replies = {
        "request": flow_reply(request={"path": "/echo", "headers": {"X-Story": "changed"}}),
        "response": flow_reply(response={"status_code": 201, "headers": {"X-Answer": "changed"}}),
    }
    addon(daemon, [*replies], replies=replies)
    output = curl_tls(daemon, "-i", "--suppress-connect-headers", nginx.tls_url("/hello.txt")).stdout
    assert output.startswith(b"HTTP/1.1 201") and b"X-Answer: changed" in output and b"changed" in output.splitlines()[-1]

"""Bodies that are not held: passed on as they come, shown chunk by chunk, or too endless to wait for."""

import hashlib
import threading
from base64 import b64decode, b64encode
from queue import Queue

import pytest
from harness.clients import Client, request
from harness.http_text import chunked, read_head, response
from harness.raw_addon import HOLD

PIECE = bytes(range(256)) * 4096
SIZE = 2 << 30
GROWTH_KB = 16 * 1024
DATA = ["requestheaders", "request", "responseheaders", "response", "request_data", "response_data", "error"]


def streams(part: str, mode) -> dict:
    return {f"{part}headers": {"flow": {part: {"stream": mode}}}}


def data_of(event) -> bytes:
    data = event.params["data"]
    return data.encode() if isinstance(data, str) else b64decode(data["base64"])


def value_of(data: bytes):
    return {"base64": b64encode(data).decode()}


def first_byte_changed(event):
    data = data_of(event)
    return {"data": value_of(b"!" + data[1:])} if data else None


class Digest:
    """Of what was shown, with the first byte of each chunk changed."""

    def __init__(self):
        self.hash = hashlib.sha256()

    def change(self, event):
        data = data_of(event)
        if not data:
            return None
        new = b"!" + data[1:]
        self.hash.update(new)
        return {"data": value_of(new)}


# 2 GiB


def received(stream, size: int | None) -> str:
    """The digest of a body of this size, or of a chunked one."""
    digest = hashlib.sha256()
    if size is not None:
        while size and (data := stream.read(min(size, 1 << 20))):
            size -= len(data)
            digest.update(data)
        assert size == 0, f"{size} bytes are missing"
        return digest.hexdigest()
    while count := int(stream.readline(), 16):
        digest.update(stream.read(count))
        stream.readline()
    return digest.hexdigest()


def sent(send, size: int) -> str:
    digest = hashlib.sha256()
    for _ in range(size // len(PIECE)):
        digest.update(PIECE)
        send(PIECE)
    return digest.hexdigest()


@pytest.mark.parametrize("mode", [True, "events"])
def test_a_2_gib_download(proxyd, origin, addon, mode):
    hashes = Queue()

    def serve(visit):
        read_head(visit.stream)
        visit.socket.settimeout(60)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        hashes.put(sent(visit.send, SIZE))

    daemon, server, digest = proxyd(), origin(serve=serve), Digest()
    replies = {**streams("response", mode), "response_data": digest.change}
    seen = addon(daemon, ["responseheaders", "response", "response_data"], replies=replies, record=False)
    with Client(daemon) as connection:
        connection.socket.settimeout(60)
        daemon.forget_peak()
        before = daemon.resident_kb()
        connection.send(request("GET", server.url()))
        head = read_head(connection.stream)
        assert (b"chunked" in head) == (mode == "events")
        got = received(connection.stream, SIZE if mode is True else None)
        assert daemon.peak_kb() - before < GROWTH_KB
    assert got == (hashes.get(timeout=60) if mode is True else digest.hash.hexdigest())
    flow = seen.wait_for("response").flow["response"]
    assert (flow["content"], flow["content_complete"], flow["content_size"]) == (None, False, SIZE)


@pytest.mark.parametrize("mode", [True, "events"])
def test_a_2_gib_upload(proxyd, origin, addon, mode):
    hashes = []

    def serve(visit):
        head = read_head(visit.stream)
        assert (b"chunked" in head) == (mode == "events")
        visit.socket.settimeout(60)
        hashes.append(received(visit.stream, SIZE if mode is True else None))
        visit.send(response(b"done"))

    daemon, server, digest = proxyd(), origin(serve=serve), Digest()
    replies = {**streams("request", mode), "request_data": digest.change}
    addon(daemon, ["requestheaders", "request", "request_data"], replies=replies, record=False)
    with Client(daemon) as connection:
        connection.socket.settimeout(60)
        daemon.forget_peak()
        before = daemon.resident_kb()
        connection.send(request("POST", server.url(), b"Content-Length: %d" % SIZE))
        plain = sent(connection.send, SIZE)
        assert connection.receive().body == b"done"
        assert daemon.peak_kb() - before < GROWTH_KB
    assert hashes == [plain if mode is True else digest.hash.hexdigest()]


# Chunk by chunk


def test_the_chunks_have_offsets_and_an_end(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    seen = addon(daemon, DATA, replies=streams("response", "events"))
    answer = client(daemon).get(server.url())
    assert answer.body == b"0123456789" and answer.get(b"content-length") is None
    seen.wait_for("response")
    events = seen.named("response_data")
    assert b"".join(map(data_of, events)) == b"0123456789"
    assert [event.params["end"] for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1].params["offset"] == 10 and events[0].params["flow"] == {"id": seen.named("response")[0].flow["id"]}
    assert seen.log.index("response") > seen.log.index("response_data")
    assert seen.named("responseheaders")[0].flow["response"]["stream"] is False
    assert seen.named("response")[0].flow["response"]["stream"] == "events"


def test_without_who_may_change_it_the_length_stays(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    addon(daemon, ["responseheaders"], replies=streams("response", "events"))
    seen = addon(daemon, [{"event": "response_data", "mode": "observe"}], name="observer")
    answer = client(daemon).get(server.url())
    assert answer.body == b"0123456789" and answer.get(b"content-length") == b"10"
    assert seen.wait_for("response_data", where=lambda event: event.params["end"]).id is None


def test_chunks_are_split_dropped_and_appended_to(proxyd, origin, addon, client):
    def edit(event):
        if event.params["end"]:
            return {"data": ["tail", "!"]}
        return {"data": {"one": ["a", "", "b"], "two": "", "three": []}[event.params["data"]]}

    gates = {name: threading.Event() for name in ("two", "three", "end")}

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        for name, gate in gates.items():
            gate.wait(15)
            visit.send(b"%x\r\n%b\r\n" % (len(name), name.encode()) if name != "end" else b"0\r\nX-Trailer: 1\r\n\r\n")

    daemon, server = proxyd(), origin(serve=serve)
    first = addon(daemon, ["responseheaders", "response_data"], replies={**streams("response", "events"), "response_data": edit})
    second = addon(daemon, ["response_data"], name="second")
    connection = client(daemon).send(request("GET", server.url()))
    for count, name in enumerate(gates, 1):
        first.wait_for("response_data", count)
        gates[name].set()
    answer = connection.receive()
    assert answer.body == b"abtail!" and answer.trailers == [(b"X-Trailer", b"1")]
    assert b"1\r\na\r\n1\r\nb\r\n" in answer.raw_body
    shown = [(event.params["data"], event.params["offset"], event.params["end"]) for event in second.named("response_data")]
    assert shown == [("a", 0, False), ("b", 1, False), ("tail", 2, False), ("!", 6, True)]


def test_each_addon_sees_what_the_one_before_it_made(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    double = lambda event: {"data": event.params["data"] * 2}
    addon(daemon, ["requestheaders", "request_data"], name="a", replies={**streams("request", "events"), "request_data": double})
    upper = lambda event: {"data": event.params["data"].upper() + str(len(event.params["data"]))} if event.params["data"] else None
    addon(daemon, ["request_data"], name="b", replies={"request_data": upper})
    client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert server.requests[0].body == b"BODYBODY8"
    assert server.requests[0].get(b"transfer-encoding") == b"chunked"


def test_the_rest_passes_unseen(proxyd, origin, addon, client):
    gate = threading.Event()

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
        gate.wait(15)
        visit.send(b"two")

    daemon, server = proxyd(), origin(serve=serve)
    replies = {**streams("response", "events"), "response_data": {"data": "ONE", "rest": "original"}}
    seen = addon(daemon, ["responseheaders", "response_data", "response"], replies=replies)
    connection = client(daemon).send(request("GET", server.url()))
    seen.wait_for("response_data")
    gate.set()
    assert connection.receive().body == b"ONEtwo"
    seen.wait_for("response")
    assert len(seen.named("response_data")) == 1


@pytest.mark.parametrize("reply", [{"data": 1}, {"data": ["x", 2]}, {"rest": "nothing", "data": "x"}, {"dada": "x"}, {"offset": 3}])
def test_a_refused_reply_leaves_the_chunk_as_it_was(proxyd, origin, addon, client, reply):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    replies = {**streams("response", "events"), "response_data": reply}
    seen = addon(daemon, ["responseheaders", "response_data"], replies=replies, record=False)
    assert client(daemon).get(server.url()).body == b"0123456789"
    assert seen.wait_for("rejected").params["event"] == "response_data"


def test_kill_at_a_chunk(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    seen = addon(daemon, DATA, replies={**streams("response", "events"), "response_data": {"action": "kill"}})
    connection = client(daemon).send(request("GET", server.url()))
    assert b"0123" not in connection.receive_end()
    assert seen.wait_for("error").flow["error"]["kind"] == "killed" and "response" not in seen.log


def test_kill_at_a_chunk_of_the_request(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    seen = addon(daemon, DATA, replies={**streams("request", "events"), "request_data": {"action": "kill"}})
    connection = client(daemon).send(request("POST", server.url(), body=b"body"))
    assert connection.receive_end() == b""
    assert seen.wait_for("error").flow["error"]["kind"] == "killed" and server.requests == []


@pytest.mark.parametrize("policy", ["open", "closed"])
def test_an_addon_that_fails_at_a_chunk(proxyd, origin, addon, client, policy):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    addon(daemon, ["responseheaders"], name="head", replies=streams("response", "events"))
    data = {"event": "response_data", "timeout_ms": 100, "on_failure": policy}
    addon(daemon, [data], name="slow", replies={"response_data": HOLD})
    connection = client(daemon).send(request("GET", server.url()))
    if policy == "open":
        assert connection.receive().body == b"0123456789"
    else:
        whole = connection.receive_end()
        assert b"0123" not in whole and not whole.endswith(b"0\r\n\r\n")


def test_a_slow_addon_holds_the_sender_back(proxyd, origin, addon):
    blocked = threading.Event()

    def serve(visit):
        read_head(visit.stream)
        visit.socket.settimeout(2)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        try:
            sent(visit.send, SIZE)
        except TimeoutError:
            blocked.set()

    daemon, server = proxyd(), origin(serve=serve)
    events = ["responseheaders", {"event": "response_data", "timeout_ms": 60_000}]
    addon(daemon, events, replies={**streams("response", "events"), "response_data": HOLD})
    with Client(daemon) as connection:
        daemon.forget_peak()
        before = daemon.resident_kb()
        connection.send(request("GET", server.url()))
        assert blocked.wait(60), "the server was never held up"
        assert daemon.peak_kb() - before < GROWTH_KB


def test_a_client_that_leaves_while_a_chunk_waits(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin()
    replies = {**streams("request", "events"), "request_data": HOLD}
    seen = addon(daemon, DATA, replies=replies)
    connection = client(daemon).send(request("POST", server.url(), body=b"body"))
    seen.wait_for("request_data")
    connection.close()
    assert seen.wait_for("error").flow["error"]["kind"] == "client_disconnected"
    seen.wait_for("$/cancel")


def test_an_http_1_0_client_gets_changed_chunks_until_close(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123"))
    replies = {**streams("response", "events"), "response_data": first_byte_changed}
    addon(daemon, ["responseheaders", "response_data"], replies=replies)
    got = client(daemon).send(f"GET {server.url()} HTTP/1.0\r\n\r\n".encode()).receive_end()
    head, _, body = got.partition(b"\r\n\r\n")
    assert body == b"!123" and b"chunked" not in head and b"content-length" not in head.lower()


def test_trailers_follow_a_streamed_body(proxyd, origin, addon, client):
    daemon = proxyd()
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc", trailers=((b"X-Sum", b"1"),))
    server = origin(body)
    addon(daemon, ["requestheaders", "responseheaders"], replies={**streams("response", True), **streams("request", True)})
    send = request("POST", server.url(), b"Transfer-Encoding: chunked") + chunked(b"xyz", trailers=((b"X-Up", b"2"),))
    answer = client(daemon).send(send).receive()
    assert answer.body == b"abc" and answer.trailers == [(b"X-Sum", b"1")]
    assert server.requests[0].body == b"xyz" and server.requests[0].trailers == [(b"X-Up", b"2")]


# Body "stream"


def test_body_stream_asks_for_the_chunks(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123"))
    subscriptions = [{"event": "response", "body": "stream"}, {"event": "request", "body": "stream"}, "request_data", "response_data"]
    seen = addon(daemon, subscriptions, replies={"request_data": first_byte_changed, "response_data": first_byte_changed})
    answer = client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert answer.body == b"!123" and server.requests[0].body == b"!ody"
    assert seen.wait_for("response").flow["response"]["content"] is None


def test_body_stream_sees_what_is_held_for_others(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123"))
    holder = addon(daemon, ["request", "response"], name="holder", replies={"response": {"flow": {"response": {"content": "4567"}}}})
    subscriptions = [{"event": "response", "body": "stream"}, {"event": "request", "body": "stream"}, "request_data", "response_data"]
    addon(daemon, subscriptions, replies={"request_data": first_byte_changed, "response_data": first_byte_changed})
    answer = client(daemon).send(request("POST", server.url(), body=b"body")).receive()
    assert answer.body == b"!567" and answer.get(b"content-length") == b"4" and server.requests[0].body == b"!ody"
    assert holder.wait_for("response").flow["response"]["content"] == "0123"


# Endless and large


def test_server_sent_events_arrive_one_by_one(proxyd, origin, addon, client):
    gates = [threading.Event() for _ in range(3)]

    def serve(visit):
        read_head(visit.stream)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n\r\n")
        for number, gate in enumerate(gates):
            gate.wait(15)
            visit.send(b"data: %d\n\n" % number)

    daemon, server = proxyd(), origin(serve=serve)
    seen = addon(daemon, ["responseheaders", "response"])
    connection = client(daemon).send(request("GET", server.url()))
    read_head(connection.stream)
    for number, gate in enumerate(gates):
        gate.set()
        assert int(connection.stream.readline(), 16) == 9
        assert connection.stream.read(9) == b"data: %d\n\n" % number and connection.stream.readline() == b"\r\n"
    assert connection.stream.readline() == b"0\r\n"
    assert seen.named("responseheaders")[0].flow["response"]["stream"] is True
    assert seen.wait_for("response").flow["response"]["content_complete"] is False


def endless(visit) -> None:
    """Sends without end, in chunks, until nobody takes it."""
    read_head(visit.stream)
    visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        visit.send(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))


def test_a_body_past_hold_limit_streams_on(proxyd, origin, addon):
    daemon, server = proxyd(hold_limit="1m"), origin(serve=endless)
    reply = {"flow": {"response": {"headers": {"X-Story": "1"}}}}
    seen = addon(daemon, ["response", "error"], replies={"response": reply}, record=False)
    with Client(daemon) as connection:
        connection.send(request("GET", server.url()))
        head = read_head(connection.stream)
        flow = seen.wait_for("response").flow["response"]
        assert b"X-Story: 1" in head and flow["content_complete"] is False and flow["content_size"] > 1 << 20
        data = b""
        while len(data) < 5 << 20:
            data += connection.stream.read(int(connection.stream.readline(), 16))
            connection.stream.readline()
        assert data == (PIECE * 6)[: len(data)]
    assert "error" not in seen.log


def test_content_of_a_body_past_hold_limit_cannot_be_replaced(proxyd, origin, addon):
    daemon, server = proxyd(hold_limit="1m"), origin(serve=endless)
    reply = {"flow": {"response": {"content": "other"}}}
    seen = addon(daemon, ["response"], replies={"response": reply}, record=False)
    with Client(daemon) as connection:
        connection.send(request("GET", server.url()))
        read_head(connection.stream)
        assert seen.wait_for("rejected").params["path"] == "flow.response.content"


def test_a_request_past_hold_limit_streams_on(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin()
    seen = addon(daemon, ["request", "response"], replies={"request": {"flow": {"request": {"headers": {"X-Story": "1"}}}}})
    send = request("POST", server.url(), b"Transfer-Encoding: chunked", b"Expect: 100-continue") + chunked(*[PIECE] * 3)
    connection = client(daemon)
    threading.Thread(target=connection.send, args=(send,), daemon=True).start()
    assert connection.receive().status == 100
    assert connection.receive().status == 200
    assert server.requests[0].body == PIECE * 3 and server.requests[0].get(b"x-story") == b"1"
    flow = seen.wait_for("request").flow["request"]
    assert flow["content_complete"] is False and flow["content_size"] < 3 << 20 and len(seen.named("request")) == 1


def test_a_response_set_in_a_request_past_hold_limit(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin()
    addon(daemon, ["request"], replies={"request": {"flow": {"response": {"status_code": 403, "content": "no"}}}})
    connection = client(daemon)
    send = request("POST", server.url(), b"Transfer-Encoding: chunked") + chunked(*[PIECE] * 3)
    threading.Thread(target=connection.send, args=(send,), daemon=True).start()
    assert connection.receive().status == 403 and server.requests == []


def test_a_known_length_is_held_past_hold_limit(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin(response(PIECE * 2))
    seen = addon(daemon, ["response"])
    assert client(daemon).get(server.url()).body == PIECE * 2
    assert seen.wait_for("response").flow["response"]["content_complete"] is True


CLOSED = {"body": "full", "on_failure": "closed"}


def test_a_closed_addon_lets_no_endless_response_pass(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin(serve=endless)
    seen = addon(daemon, [{"event": "response", **CLOSED}, "error"])
    answer = client(daemon).get(server.url())
    assert answer.status == 502 and b"hold_limit" in answer.body
    assert seen.wait_for("error").flow["error"]["kind"] == "body_too_large"


def test_a_closed_addon_lets_no_event_stream_pass(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"data: 1\n\n", (b"Content-Type", b"text/event-stream")))
    addon(daemon, [{"event": "response", **CLOSED}])
    assert client(daemon).get(server.url()).status == 502


def test_a_closed_addon_lets_no_endless_request_pass(proxyd, origin, addon, client):
    daemon, server = proxyd(hold_limit="1m"), origin()
    addon(daemon, [{"event": "request", **CLOSED}])
    connection = client(daemon)
    send = request("POST", server.url(), b"Transfer-Encoding: chunked") + chunked(*[PIECE] * 3)
    threading.Thread(target=connection.send, args=(send,), daemon=True).start()
    assert connection.receive().status == 413 and server.requests == []


def test_a_closed_addon_does_not_mind_bodies_that_it_did_not_ask_for(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"data: 1\n\n", (b"Content-Type", b"text/event-stream")))
    addon(daemon, [{"event": "response", "body": "none", "on_failure": "closed"}])
    assert client(daemon).get(server.url()).status == 200


def test_large_bodies_are_streamed(proxyd, origin, addon, client):
    daemon, server = proxyd(stream_large_bodies="1m"), origin(response(PIECE * 2))
    seen = addon(daemon, ["requestheaders", "request", "responseheaders", "response"])
    connection = client(daemon)
    threading.Thread(target=connection.send, args=(request("POST", server.url(), body=PIECE * 2),), daemon=True).start()
    assert connection.receive().body == PIECE * 2 and server.requests[0].body == PIECE * 2
    flow = seen.wait_for("response").flow
    assert flow["request"]["stream"] is True and flow["response"]["stream"] is True
    assert flow["response"]["content"] is None and flow["response"]["content_size"] == 2 << 20
    small = origin(response(PIECE))
    assert connection.get(small.url()).body == PIECE
    assert seen.wait_for("response", 2).flow["response"]["content_complete"] is True


def test_an_addon_holds_a_large_body_after_all(proxyd, origin, addon, client):
    daemon, server = proxyd(stream_large_bodies="1m"), origin(response(PIECE * 2))
    replies = {**streams("response", False), "response": {"flow": {"response": {"content": "small"}}}}
    addon(daemon, ["responseheaders", "response"], replies=replies)
    assert client(daemon).get(server.url()).body == b"small"


def test_bodies_that_grow_large_are_streamed(proxyd, origin, addon, client):
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*[PIECE] * 3)
    daemon, server = proxyd(stream_large_bodies="1m"), origin(body)
    seen = addon(daemon, ["response"])
    assert client(daemon).get(server.url()).body == PIECE * 3
    assert seen.wait_for("response").flow["response"]["content_complete"] is False


def test_a_preview_of_a_streamed_body(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(response(b"0123456789"))
    addon(daemon, ["responseheaders"], replies=streams("response", True))
    short = addon(daemon, [{"event": "response", "body": {"preview": 4}}], name="short")
    long = addon(daemon, [{"event": "response", "body": {"preview": 10}}], name="long")
    assert client(daemon).get(server.url()).body == b"0123456789"

    def shown(addon):
        flow = addon.wait_for("response").flow["response"]
        return flow["content"], flow["content_complete"], flow["content_size"]

    assert shown(short) == ("0123", False, 10) and shown(long) == ("0123456789", True, 10)


def test_a_head_has_no_chunks(proxyd, origin, addon, client):
    daemon, server = proxyd(), origin(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    seen = addon(daemon, DATA, replies=streams("response", "events"))
    answer = client(daemon).send(request("HEAD", server.url())).receive(b"HEAD")
    assert answer.get(b"content-length") == b"10"
    seen.wait_for("response")
    assert seen.named("response_data") == []

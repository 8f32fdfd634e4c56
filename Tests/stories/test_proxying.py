"""HTTP through the proxy, as clients and servers see it."""

import concurrent.futures
import hashlib
import http.client
import threading

import pytest
from harness.clients import Client, curl, free_port, request, tls_client
from harness.http_text import chunked, read_head, read_request, response
from harness.origin import Visit
from harness.waiting import TIMEOUT

MEGABYTE = 1 << 20


def test_get_goes_to_the_origin_in_origin_form(proxyd, origin, client):
    server = origin(response(b"hello", (b"X-From", b"origin")))
    answer = client(proxyd()).get(server.url("/a?b=c"))
    assert (answer.status, answer.reason, answer.body) == (200, b"OK", b"hello")
    assert answer.get(b"X-From") == b"origin"
    [seen] = server.requests
    assert seen.start_line == b"GET /a?b=c HTTP/1.1"
    assert seen.get(b"host") == b"127.0.0.1:%d" % server.port


def test_post_with_content_length(proxyd, origin, client):
    server = origin()
    client(proxyd()).send(request("POST", server.url(), body=b"x" * 1000)).receive()
    assert server.requests[0].method == b"POST"
    assert server.requests[0].body == b"x" * 1000
    assert server.requests[0].get(b"content-length") == b"1000"


def test_post_chunked_with_trailers(proxyd, origin, client):
    server = origin()
    head = request("POST", server.url(), b"Transfer-Encoding: chunked", b"Trailer: X-Sum")
    client(proxyd()).send(head + chunked(b"abc", b"defg", trailers=((b"X-Sum", b"7"),))).receive()
    assert server.requests[0].body == b"abcdefg"
    assert server.requests[0].trailers == [(b"X-Sum", b"7")]


def test_keep_alive_reuses_the_client_and_the_server_connection(proxyd, origin, client):
    server = origin(lambda request, visit: response(request.target))
    connection = client(proxyd())
    for number in range(5):
        assert connection.get(server.url(f"/{number}")).body == b"/%d" % number
    assert len(server.visits) == 1 and len(server.requests) == 5


def test_a_server_that_closes_is_connected_to_again(proxyd, origin, client):
    def answer(request, visit):
        visit.send(response(b"bye", (b"Connection", b"close")))
        visit.close()

    server, connection = origin(answer), client(proxyd())
    for _ in range(3):
        assert connection.get(server.url()).body == b"bye"
    assert len(server.visits) == 3


def test_another_destination_on_the_same_client_connection(proxyd, origin, client):
    one, two = origin(response(b"one")), origin(response(b"two"))
    connection = client(proxyd())
    bodies = [connection.get(server.url()).body for server in (one, two, one, two)]
    assert bodies == [b"one", b"two", b"one", b"two"]


def test_pipelined_requests_are_answered_in_order(proxyd, origin, client):
    server = origin(lambda request, visit: response(request.target + b" " + request.body))
    connection = client(proxyd())
    connection.send(
        request("GET", server.url("/1"))
        + request("POST", server.url("/2"), body=b"two")
        + request("GET", server.url("/3"))
    )
    assert [connection.receive().body for _ in range(3)] == [b"/1 ", b"/2 two", b"/3 "]


def test_a_request_may_arrive_byte_by_byte(proxyd, origin, client):
    server, connection = origin(), client(proxyd())
    for byte in request("POST", server.url("/slow"), body=b"abc"):
        connection.send(bytes([byte]))
    assert connection.receive().body == b"hello"
    assert server.requests[0].body == b"abc"


def test_a_chunked_response_with_trailers(proxyd, origin, client):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    server = origin(head + chunked(b"ab", b"cde", trailers=((b"X-Sum", b"5"),)))
    answer = client(proxyd()).get(server.url(), b"TE: trailers", b"Connection: TE")
    assert answer.body == b"abcde" and answer.trailers == [(b"X-Sum", b"5")]


def test_a_response_until_eof(proxyd, origin, client):
    def answer(request, visit):
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil ")
        visit.send(b"the end")
        visit.close()

    answer = client(proxyd()).get(origin(answer).url())
    assert answer.body == b"until the end"


def test_an_informational_response_comes_before_the_final_one(proxyd, origin, client):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    connection = client(proxyd())
    connection.send(request("GET", origin(hints + response(b"final")).url()))
    first, second = connection.receive(), connection.receive()
    assert (first.status, first.get(b"link")) == (103, b"</style.css>")
    assert (second.status, second.body) == (200, b"final")


def test_curl_expects_100_continue(proxyd, origin, tmp_path):
    (tmp_path / "body").write_bytes(b"x" * MEGABYTE)
    server = origin(lambda request, visit: response(b"%d" % len(request.body)))
    result = curl(proxyd(), "-H", "Expect: 100-continue", "--data-binary", f"@{tmp_path}/body", server.url())
    assert result.stdout == b"%d" % MEGABYTE, result.stderr


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 500\r\n\r\n"),
    ],
)
def test_responses_without_a_body_leave_the_connection_usable(proxyd, origin, client, method, answer):
    server = origin(lambda request, visit: response(b"next") if request.target == b"/next" else answer)
    connection = client(proxyd())
    first = connection.send(request(method, server.url())).receive(to=method.encode())
    assert first.status == int(answer.split()[1]) and first.body == b""
    if b"Content-Length" in answer:
        assert first.get(b"content-length") == b"500"
    assert connection.get(server.url("/next")).body == b"next"


def test_connection_close_of_the_client_is_honoured(proxyd, origin, client):
    connection = client(proxyd())
    answer = connection.get(origin().url(), b"Connection: close")
    assert answer.body == b"hello" and answer.get(b"connection") == b"close"
    assert connection.receive_end() == b""


def test_hop_by_hop_fields_go_one_hop(proxyd, origin, client):
    server = origin(response(b"", (b"Connection", b"X-Hop"), (b"X-Hop", b"1"), (b"Keep-Alive", b"timeout=5"), (b"X-End", b"2")))
    fields = (b"Connection: X-Mine", b"X-Mine: 1", b"Proxy-Connection: keep-alive", b"Proxy-Authorization: Basic eDp5", b"X-Other: 2")
    answer = client(proxyd()).get(server.url(), *fields)
    [seen] = server.requests
    assert seen.get(b"x-other") == b"2" and answer.get(b"x-end") == b"2"
    for gone in (b"x-mine", b"proxy-connection"):
        assert seen.get(gone) is None
    for gone in (b"x-hop", b"keep-alive"):
        assert answer.get(gone) is None


def test_an_http_1_0_client_gets_what_it_understands(proxyd, origin, client):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server, connection = origin(head + chunked(b"abc", b"def")), client(proxyd())
    connection.send(f"GET {server.url()} HTTP/1.0\r\n\r\n".encode())
    answer = connection.receive()
    assert answer.body == b"abcdef" and answer.get(b"transfer-encoding") is None
    assert connection.receive_end() == b""


def test_an_http_1_0_client_may_ask_to_keep_alive(proxyd, origin, client):
    server, connection = origin(), client(proxyd())
    for _ in range(2):
        connection.send(f"GET {server.url()} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".encode())
        assert connection.receive().body == b"hello"


def test_an_http_1_0_origin(proxyd, origin, client):
    def answer(request, visit):
        visit.send(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold")
        visit.close()

    server, connection = origin(answer), client(proxyd())
    for _ in range(2):
        assert connection.get(server.url()).body == b"old"


def test_connect_with_tls_inside_is_intercepted(proxyd, origin, pki, addon):
    server = origin(tls=pki.context())
    daemon = proxyd(ssl_verify_upstream_trusted_ca=pki.ca)
    seen = addon(daemon, ["request"])
    with tls_client(daemon, "localhost", server.port) as connection:
        for number in range(3):
            connection.send(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
            assert connection.receive().body == b"hello"
    assert [event.flow["request"]["url"] for event in seen.named("request")] == [
        f"https://localhost:{server.port}/{number}" for number in range(3)
    ]
    assert len(server.visits) == 1


def test_connect_with_plain_http_inside_is_intercepted(proxyd, origin, client, addon):
    server, daemon = origin(), proxyd()
    seen = addon(daemon, ["request"])
    connection = client(daemon)
    assert connection.connect("127.0.0.1", server.port).startswith(b"HTTP/1.1 200")
    connection.send(b"GET /inside HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert connection.receive().body == b"hello"
    assert seen.wait_for("request").flow["request"]["path"] == "/inside"
    assert server.requests[0].start_line == b"GET /inside HTTP/1.1"


def test_connect_with_something_else_inside_is_tunnelled_untouched(proxyd, origin, client):
    def echo(visit: Visit) -> None:
        while data := visit.socket.recv(65536):
            visit.send(data)

    server, connection = origin(serve=echo), client(proxyd())
    assert connection.connect("127.0.0.1", server.port).startswith(b"HTTP/1.1 200")
    data = b"\x00\x01SSH-2.0-nothing\r\n\xff" + bytes(range(256)) * 500
    connection.send(data)
    assert connection.stream.read(len(data)) == data


def test_a_tunnel_where_the_server_speaks_first(proxyd, origin, client):
    def greet(visit: Visit) -> None:
        visit.send(b"220 mail.example ESMTP\r\n")
        assert visit.stream.readline() == b"QUIT\r\n"
        visit.send(b"221 bye\r\n")

    server, connection = origin(serve=greet), client(proxyd())
    connection.connect("127.0.0.1", server.port)
    assert connection.stream.readline() == b"220 mail.example ESMTP\r\n"
    assert connection.send(b"QUIT\r\n").stream.readline() == b"221 bye\r\n"
    assert connection.receive_end() == b""


def test_a_refused_port_is_a_502_that_says_so(proxyd, client):
    port = free_port()
    answer = client(proxyd()).get(f"http://127.0.0.1:{port}/")
    assert answer.status == 502
    assert b"refused" in answer.body.lower() and str(port).encode() in answer.body


def test_a_name_that_does_not_exist_is_a_502_that_says_so(proxyd, client):
    answer = client(proxyd()).get("http://no-such-host.invalid/")
    assert answer.status == 502
    assert b"no-such-host.invalid" in answer.body


def test_a_server_that_says_nothing_and_closes_is_a_502(proxyd, origin, client):
    answer = client(proxyd()).get(origin(lambda request, visit: visit.close()).url())
    assert answer.status == 502


def test_a_server_that_dies_mid_body_does_not_look_complete(proxyd, origin, client):
    def answer(request, visit):
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        visit.reset()

    connection = client(proxyd())
    connection.send(request("GET", origin(answer).url()))
    everything = connection.receive_end()
    assert everything.startswith(b"HTTP/1.1 502") or b"Content-Length: 100" in everything and len(everything) < 200


def test_a_request_the_server_answers_before_its_body_is_sent(proxyd, origin, client):
    def serve(visit: Visit) -> None:
        read_head(visit.stream)
        visit.send(response(b"too large", (b"Connection", b"close"), status=b"413 Content Too Large"))
        visit.close()

    connection = client(proxyd())
    connection.send(request("POST", origin(serve=serve).url(), body=b"x" * 10_000))
    assert connection.receive().status in (413, 502)


def test_50_megabytes_up(proxyd, origin, client):
    server = origin(lambda request, visit: response(hashlib.sha256(request.body).hexdigest().encode()))
    body = hashlib.sha256(b"seed").digest() * (50 * MEGABYTE // 32)
    answer = client(proxyd()).send(request("POST", server.url(), body=body)).receive()
    assert answer.body.decode() == hashlib.sha256(body).hexdigest()


def test_50_megabytes_down(proxyd, origin, client):
    body = hashlib.sha256(b"seed").digest() * (50 * MEGABYTE // 32)
    answer = client(proxyd()).get(origin(response(body)).url())
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()


def test_50_megabytes_both_ways_at_once_with_curl_and_nginx(proxyd, nginx):
    body = bytes(range(256)) * (50 * MEGABYTE // 256)
    (nginx.www / "big").write_bytes(body)
    daemon = proxyd()
    results: dict[int, bytes] = {}
    threads = [
        threading.Thread(target=lambda n=n: results.__setitem__(n, curl(daemon, nginx.url("/big")).stdout)) for n in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT * 4)
    assert len(results) == 2 and all(data == body for data in results.values())


def test_a_body_over_body_size_limit_is_refused_both_ways(proxyd, origin, client):
    server = origin(lambda request, visit: response(b"y" * 2000))
    daemon = proxyd(body_size_limit="1k")
    assert client(daemon).send(request("POST", server.url(), body=b"x" * 2000)).receive().status == 413
    assert server.requests == []
    assert client(daemon).get(server.url()).status == 502


def test_python_http_client(proxyd, nginx):
    connection = http.client.HTTPConnection(*proxyd().address, timeout=TIMEOUT)
    for _ in range(3):
        connection.request("GET", nginx.url("/hello.txt"))
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"hello from nginx\n")
    connection.close()


def test_curl_with_nginx(proxyd, nginx):
    daemon = proxyd()
    result = curl(daemon, "-L", "-w", " %{num_redirects} %{http_code}", "-H", "X-Story: one", nginx.url("/redirect"))
    assert result.stdout.startswith(b"GET /echo") and result.stdout.endswith(b"one 1 200"), result
    result = curl(daemon, "-r", "6-9", nginx.url("/hello.txt"))
    assert result.stdout == b"from"
    result = curl(daemon, "-I", nginx.url("/hello.txt"))
    assert b"Content-Length: 17" in result.stdout
    result = curl(daemon, "-F", "file=@/etc/hostname", nginx.url("/echo"))
    assert result.stdout.startswith(b"POST /echo")


def test_many_clients_at_once(proxyd, origin):
    server, daemon = origin(lambda request, visit: response(request.target)), proxyd()

    def run(number: int) -> bool:
        with Client(daemon) as connection:
            return all(connection.get(server.url(f"/{number}/{turn}")).body == b"/%d/%d" % (number, turn) for turn in range(20))

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert all(pool.map(run, range(32)))


def test_an_unfinished_request_at_the_origin_ends_when_the_client_leaves(proxyd, origin, client):
    ended = threading.Event()

    def serve(visit: Visit) -> None:
        read_request(visit.stream)
        visit.wait_end()
        ended.set()

    connection = client(proxyd())
    server = origin(serve=serve)
    connection.send(request("GET", server.url()))
    server.wait_visits(1)
    connection.close()
    assert ended.wait(TIMEOUT), "the server connection stayed open after the client had left"

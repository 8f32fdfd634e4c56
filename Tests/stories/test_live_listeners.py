"""Modes and listeners that change while the daemon runs."""

import signal
import socket
import threading

import pytest
from harness.clients import Client, curl, free_port, request
from harness.daemon import Proxyd
from harness.guard import Guard
from harness.http_text import response
from harness.raw_addon import HOLD, RawAddon, RPCError
from harness.waiting import TIMEOUT, wait_until
from test_modes import fetched, modes, plain_curl, socks_curl


class At:
    """Addresses another listener of a daemon, for code that talks to a daemon."""

    def __init__(self, port, host="127.0.0.1"):
        self.port, self.address = port, (host, port)


def is_open(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), TIMEOUT).close()
        return True
    except ConnectionRefusedError:
        return False


def listening(daemon):
    """What it reports about its listeners on stdout."""
    return [line for line in daemon.stdout.lines if " listening on " in line]


def hello(origin):
    return origin(response(b"hello"))


def test_a_mode_more_and_a_mode_less(proxyd, nginx, setting):
    daemon, port, reverse = proxyd(), free_port(), f"reverse:http://127.0.0.1:{nginx.port}"
    with Client(daemon) as before:
        assert before.get(nginx.url("/hello.txt")).body == b"hello from nginx\n"
        assert setting(daemon, mode=["regular", f"{reverse}@{port}"]) == ["mode"]
        daemon.stdout.wait_for(f"{reverse}@{port} listening on 127.0.0.1:{port}")
        daemon.stderr.wait_for(f"{reverse}@{port} listening on 127.0.0.1:{port}")
        assert fetched(plain_curl(f"http://127.0.0.1:{port}/hello.txt")) == b"hello from nginx\n"
        with Client(At(port)) as kept:
            assert kept.send(b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n").receive().status == 200
            setting(daemon, mode=["regular"])
            daemon.stderr.wait_for(f"no longer {reverse}@{port} listening on 127.0.0.1:{port}")
            assert not is_open(port)
            assert kept.send(b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n").receive().status == 200
        assert before.get(nginx.url("/hello.txt")).body == b"hello from nginx\n"


def test_listen_changes_where_the_proxy_listens(proxyd, nginx, setting):
    daemon, port = proxyd(), free_port()
    assert setting(daemon, listen=f"127.0.0.1:{port}") == ["listen"]
    assert not is_open(daemon.port)
    assert curl(At(port), nginx.url("/hello.txt")).stdout == b"hello from nginx\n"
    setting(daemon, listen="127.0.0.1:0")
    *_, new = wait_until(lambda: len(told := listening(daemon)) == 3 and told, "the new address")
    assert int(new.rpartition(":")[2]) != port and not is_open(port)


def test_a_listener_that_stays_misses_nobody(proxyd, origin, setting):
    """Clients that connect all the time find it open, whatever happens to the others."""
    daemon, server = proxyd(), hello(origin)
    ports = [free_port() for _ in range(3)]
    others = [[], [f"socks5@{ports[0]}"], [f"socks5@{ports[1]}", f"upstream:http://127.0.0.1:1@{ports[2]}"]]
    answers, is_over = [], threading.Event()

    def come():
        while not is_over.is_set():
            try:
                with Client(daemon) as client:
                    answers.append(client.get(server.url()).body)
            except (OSError, AssertionError) as error:
                answers.append(error)

    coming = threading.Thread(target=come)
    coming.start()
    try:
        for turn in range(30):
            setting(daemon, mode=["regular", *others[turn % 3]])
            seen = len(answers)
            wait_until(lambda: len(answers) > seen, "a client to come")
    finally:
        is_over.set()
        coming.join()
    assert set(answers) == {b"hello"}


MODES = {
    "socks5": lambda port, url: socks_curl(f"127.0.0.1:{port}", url),
    "upstream": lambda port, url: curl(At(port), url),
    "reverse": lambda port, url: plain_curl(f"http://127.0.0.1:{port}/hello.txt"),
    "regular": lambda port, url: curl(At(port), url),
}


def test_one_listener_in_every_mode(proxyd, nginx, setting):
    """The address stays, and so does the socket; the next client is served in the new mode, and the earlier one as before."""
    behind = proxyd()
    daemon = proxyd(listen=f"127.0.0.1:{free_port()}")
    specs = {
        "socks5": f"socks5@{daemon.port}",
        "upstream": f"upstream:http://127.0.0.1:{behind.port}",
        "reverse": f"reverse:http://127.0.0.1:{nginx.port}",
        "regular": "regular",
    }
    with Client(daemon) as before:
        for name, spec in specs.items():
            setting(daemon, mode=[spec])
            assert fetched(MODES[name](daemon.port, nginx.url("/hello.txt"))) == b"hello from nginx\n"
            assert before.get(nginx.url("/hello.txt")).status == 200
    names = ["proxy", *list(specs.values())[:3], "proxy"]
    expected = [f"{name} listening on 127.0.0.1:{daemon.port}" for name in names]
    wait_until(lambda: listening(daemon) == expected, "each mode to be told")


def test_addons_see_the_mode_and_upstream_is_used(proxyd, nginx, addon, setting):
    behind, daemon = proxyd(), proxyd()
    seen = addon(daemon, ["response"], name="seen")
    upstream = f"upstream:http://127.0.0.1:{behind.port}"
    setting(daemon, mode=[upstream])
    port = int(daemon.stdout.wait_for(upstream).rpartition(":")[2])
    assert curl(At(port), nginx.url("/hello.txt")).stdout == b"hello from nginx\n"
    flow = seen.wait_for("response").flow
    assert flow["client_conn"]["proxy_mode"] == upstream
    assert flow["server_conn"]["via"] == ["http", ["127.0.0.1", behind.port]]


def test_transparent_closes_what_was_not_redirected(proxyd, setting):
    daemon, port = proxyd(), free_port()
    setting(daemon, mode=["regular", f"transparent@{port}"])
    with Client(At(port)) as client:
        assert client.send(b"GET / HTTP/1.1\r\n\r\n").receive_end() == b""


@pytest.mark.parametrize("host, other", [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1")])
def test_from_one_address_to_all_and_back(proxyd, nginx, setting, host, other):
    """The daemon's own listener has the port, and closes it."""
    port = free_port()
    daemon = proxyd(listen=f"{host}:{port}")
    setting(daemon, listen=f"{other}:{port}")
    daemon.stdout.wait_for(f"proxy listening on {other}:{port}")
    assert curl(daemon, nginx.url("/hello.txt")).stdout == b"hello from nginx\n"
    with socket.socket() as third, pytest.raises(OSError, match="in use"):
        third.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        third.bind((host, port))
    if other == "0.0.0.0":
        daemon.stderr.wait_for(f"listens on 0.0.0.0:{port} without proxyauth")


# What cannot be


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def refused(call):
    with pytest.raises(RPCError) as error:
        call()
    return error.value


def test_an_address_in_use_changes_nothing(proxyd, nginx, addon, setting, taken):
    daemon, free = proxyd(), free_port()
    changes = {"mode": ["regular", f"socks5@{free}", f"regular@{taken}"], "drain_timeout": 9}
    error = refused(lambda: setting(daemon, **changes))
    assert error.code == -32602 and f"cannot listen on 127.0.0.1:{taken}: Address already in use" in error.message
    assert not is_open(free)
    assert curl(daemon, nginx.url("/hello.txt")).stdout == b"hello from nginx\n"
    values = addon(daemon, [], name="looking").call("options.get", names=["mode", "drain_timeout"])["options"]
    assert values == {"mode": ["regular"], "drain_timeout": 5}
    assert setting(daemon, mode=["regular", f"socks5@{free}"]) == ["mode"] and is_open(free)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"mode": []}, "at least one"),
        ({"mode": ["regular", "regular"]}, "listed twice"),
        ({"mode": ["reverse:ftp://a"]}, "reverse:ftp://a"),
        ({"mode": ["regular@7001", "socks5@7001"]}, "both listen on 127.0.0.1:7001"),
        ({"listen": "nowhere"}, "listen"),
        ({"mode": ["transparent"], "proxyauth": "a:b"}, "cannot log in"),
        ({"listen": "192.0.2.1:1"}, "cannot listen on 192.0.2.1:1"),
    ],
    ids=str,
)
def test_what_is_wrong_changes_nothing(proxyd, nginx, setting, changes, words):
    daemon = proxyd()
    error = refused(lambda: setting(daemon, **changes))
    assert error.code == -32602 and words in error.message
    assert curl(daemon, nginx.url("/hello.txt")).stdout == b"hello from nginx\n"


def test_a_veto_closes_what_was_opened(proxyd, nginx, addon, setting):
    daemon, port = proxyd(), free_port()
    asked = addon(daemon, [], name="asked", replies={"configure": lambda event: None})
    asked.replies["configure"] = HOLD
    client = addon(daemon, [], name="client")
    call = client.start_call("options.set", options={"listen": f"127.0.0.1:{port}"})
    event = asked.wait_for("configure", 2)
    with Client(At(port)) as early:
        early.send(request("GET", nginx.url("/hello.txt")))
        assert curl(daemon, nginx.url("/hello.txt")).stdout == b"hello from nginx\n"
        asked.reply_error(event, message="stay")
        error = refused(lambda: client.result_of(call))
        assert error.code == -32006 and "stay" in error.message
        assert early.receive_end() == b""
    assert not is_open(port) and is_open(daemon.port)


def test_who_comes_early_is_served_when_nobody_objects(proxyd, nginx, addon):
    daemon, port = proxyd(), free_port()
    asked = addon(daemon, [], name="asked", replies={"configure": lambda event: None})
    asked.replies["configure"] = HOLD
    client = addon(daemon, [], name="client")
    call = client.start_call("options.set", options={"mode": ["regular", f"regular@{port}"]})
    event = asked.wait_for("configure", 2)
    with Client(At(port)) as early:
        early.send(request("GET", nginx.url("/hello.txt")))
        asked.reply(event)
        assert client.result_of(call) == {"updated": ["mode"]}
        assert early.receive().body == b"hello from nginx\n"


def test_changes_at_the_same_time_follow_one_another(proxyd, addon):
    daemon = proxyd()
    clients = [addon(daemon, [], name=f"client{number}") for number in range(4)]
    ports = [free_port() for _ in range(20)]
    calls = [
        (client, client.start_call("options.set", options={"mode": ["regular", f"socks5@{port}"]}))
        for client, port in zip(clients * 5, ports)
    ]
    for client, call in calls:
        assert client.result_of(call) == {"updated": ["mode"]}
    [_, last] = clients[0].call("options.get", names=["mode"])["options"]["mode"]
    assert [port for port in ports if is_open(port)] == [int(last.partition("@")[2])]


# By the config


def test_sighup_changes_modes(proxyd, nginx, tmp_path, taken):
    config, port = tmp_path / "config.yaml", free_port()
    config.write_text("drain_timeout: 4\n")
    daemon = proxyd("--config", str(config))

    def reload(text, log):
        config.write_text(text)
        daemon.process.send_signal(signal.SIGHUP)
        return daemon.stderr.wait_for(log)

    reload(f"mode: [regular, reverse:http://127.0.0.1:{nginx.port}@{port}]\n", "reloaded the config: changed mode, drain_timeout")
    assert fetched(plain_curl(f"http://127.0.0.1:{port}/hello.txt")) == b"hello from nginx\n"
    line = reload(f"mode: [regular, socks5@{taken}]\ndrain_timeout: 3\n", "nothing has changed")
    assert f"cannot listen on 127.0.0.1:{taken}: Address already in use" in line
    assert is_open(port) and is_open(daemon.port)
    reload("mode: regular\n", "no longer reverse:")
    wait_until(lambda: not is_open(port), "it to be closed")
    assert is_open(daemon.port)


def test_a_daemon_that_stops_closes_what_was_opened_later(proxyd, setting):
    daemon, port = proxyd(), free_port()
    setting(daemon, mode=["regular", f"socks5@{port}"])
    daemon.stop()
    assert not is_open(port)


def test_what_is_set_before_the_listeners_open_counts(made_confdir, nginx, tmp_path):
    guard, port = Guard(tmp_path), free_port()
    guard.hold_back()
    daemon = Proxyd(made_confdir, "--addon", guard.flag())
    try:
        daemon.stderr.wait_for("started, pid")
        early = RawAddon(daemon.addon_socket, [], name="early")
        assert early.call("options.set", options={"listen": f"127.0.0.1:{port}"}) == {"updated": ["listen"]}
        assert not is_open(port)
        guard.let_go()
        assert daemon.wait_ready().port == port
        assert curl(daemon, nginx.url("/hello.txt")).stdout == b"hello from nginx\n"
        early.close()
        daemon.stop()
    finally:
        daemon.kill()

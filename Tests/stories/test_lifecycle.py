"""Starting, invalid settings, and stopping."""

import os
import signal
import socket
import subprocess
import threading

import pytest
from harness.clients import Client, request
from harness.daemon import Proxyd, binary, clean_environment, short_folder
from harness.http_text import read_request, response
from harness.raw_addon import HOLD
from harness.waiting import TIMEOUT, wait_until


@pytest.mark.parametrize("way", ["signal", "shutdown"])
def test_a_stop_does_not_wait_for_addons_that_are_starting(proxyd, addon, way):
    daemon = proxyd("--addon", "late=exec sleep 1000", addon_start_timeout=3_600, listens=False)
    daemon.stderr.wait_for("addon late: started")
    if way == "signal":
        daemon.process.send_signal(signal.SIGTERM)
    else:
        addon(daemon, []).call("shutdown")
    assert daemon.wait_exit() == 0
    assert "stopping: " in daemon.stderr.text and "listening" not in daemon.stderr.text + daemon.stdout.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_flow_may_end_and_the_daemon_exits_0(proxyd, origin, client, addon, number):
    going = threading.Event()

    def slow(visit):
        read_request(visit.stream)
        going.wait(TIMEOUT)
        visit.send(response(b"late but whole"))

    daemon, server = proxyd(), origin(serve=slow)
    seen = addon(daemon, ["*"])
    connection = client(daemon).send(request("GET", server.url()))
    server.wait_visits(1)
    daemon.process.send_signal(number)
    wait_refused(daemon)
    going.set()
    assert connection.receive().body == b"late but whole"
    assert daemon.wait_exit() == 0
    seen.wait_end()
    assert seen.log[-1] == "done" and "response" in seen.traffic and seen.traffic[-1] == "clientdisconnect"
    assert seen.wait_for("done").params["reason"]


def wait_refused(daemon) -> None:
    """Waits until the daemon accepts no new connections."""
    def refused() -> bool:
        try:
            socket.create_connection(daemon.address, 1).close()
            return False
        except OSError:
            return True

    wait_until(refused, "the daemon to stop accepting")


def test_the_drain_has_a_limit(proxyd, origin, client, addon):
    def never(visit):
        read_request(visit.stream)
        visit.wait_end()

    daemon, server = proxyd(drain_timeout=1), origin(serve=never)
    seen = addon(daemon, ["*"])
    connection = client(daemon).send(request("GET", server.url()))
    server.wait_visits(1)
    daemon.terminate()
    assert daemon.wait_exit() == 0
    connection.receive_end()
    seen.wait_end()
    assert seen.log[-1] == "done" and seen.log.count("error") == 1


def test_idle_connections_do_not_hold_it_up(proxyd, origin, client):
    daemon, server = proxyd(drain_timeout=60), origin()
    idle, used = client(daemon), client(daemon)
    used.get(server.url())
    daemon.terminate()
    assert daemon.wait_exit() == 0
    assert idle.receive_end() == b"" and used.receive_end() == b""


def test_an_addon_that_does_not_answer_done_does_not_hold_it_up(proxyd, addon):
    daemon = proxyd()
    addon(daemon, [], replies={"done": HOLD})
    daemon.terminate()
    assert daemon.wait_exit() == 0


def test_the_socket_file_is_gone_after_the_end(proxyd):
    daemon = proxyd()
    assert daemon.addon_socket.exists()
    daemon.stop()
    assert not daemon.addon_socket.exists()


def fails(daemon: Proxyd, code: int, *words: str) -> None:
    """It must exit with `code` and one line on stderr that contains all the words."""
    assert daemon.wait_exit() == code, daemon.stderr.text
    assert len(daemon.stderr.lines) == 1, daemon.stderr.text
    missing = [word for word in words if word not in daemon.stderr.text]
    assert not missing, f"{missing} missing in: {daemon.stderr.text}"


def test_a_port_in_use(made_confdir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fails(Proxyd(made_confdir, listen=f"127.0.0.1:{port}"), 1, f"127.0.0.1:{port}", "in use")


def test_a_socket_that_a_living_daemon_holds(proxyd, made_confdir, origin, client):
    daemon = proxyd()
    fails(Proxyd(made_confdir, addon_socket=daemon.addon_socket), 1, str(daemon.addon_socket))
    assert client(daemon).get(origin().url()).status == 200
    assert daemon.addon_socket.exists()


def test_a_stale_socket_is_replaced(proxyd, addon):
    path = short_folder() / "addon.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    assert addon(proxyd(addon_socket=path), []).call("ping") == {}


def test_a_file_in_the_sockets_place_is_left_alone(made_confdir):
    path = short_folder() / "addon.sock"
    path.write_text("precious")
    fails(Proxyd(made_confdir, addon_socket=path), 1, str(path))
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("thread=1", ["thread", "threads"]),
        ("drain_timeout=soon", ["drain_timeout", "soon"]),
        ("drain_timeout=-1", ["drain_timeout", "-1"]),
        ("ssl_insecure=maybe", ["ssl_insecure", "maybe", "true"]),
        ("termlog_verbosity=shout", ["termlog_verbosity", "shout", "debug", "info"]),
        ("tls_version_client_min=TLS9", ["tls_version_client_min", "TLS9", "TLS1_3"]),
        ("listen=nowhere", ["listen", "nowhere"]),
        ("novalue", ["novalue"]),
    ],
)
def test_a_bad_option_is_named_with_its_value_and_what_is_allowed(made_confdir, option, words):
    fails(Proxyd(made_confdir, "--set", option), 2, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("thread: 1\n", ["thread", "threads"]),
        ("drain_timeout: soon\n", ["drain_timeout", "soon"]),
        ("ssl_insecure: 5\n", ["ssl_insecure", "5"]),
        ("termlog_verbosity: shout\n", ["termlog_verbosity", "shout", "info"]),
        ("addons: [1]\n", ["addons"]),
        ("just text\n", ["config.yaml"]),
        ("a: [1\n", ["config.yaml"]),
    ],
)
def test_a_bad_config_file(made_confdir, tmp_path, text, words):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    fails(Proxyd(made_confdir, "--config", str(file)), 2, *words)


def test_a_config_file_that_is_not_there(made_confdir):
    fails(Proxyd(made_confdir, "--config", "/no/such/config.yaml"), 2, "/no/such/config.yaml")


def test_the_config_file_sets_options_and_the_command_line_goes_over_it(proxyd, addon, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("drain_timeout: 3\nconnect_timeout: 4\n")
    daemon = proxyd("--config", str(file), connect_timeout=6)
    options = addon(daemon, []).call("options.get", names=["drain_timeout", "connect_timeout"])["options"]
    assert options == {"drain_timeout": 3, "connect_timeout": 6}


def test_an_unknown_flag(made_confdir):
    process = subprocess.run([binary(), "run", "--nonsense"], capture_output=True, text=True, timeout=TIMEOUT, check=False,
                             env=clean_environment())
    assert process.returncode != 0 and "--nonsense" in process.stderr


def test_help_and_version():
    for arguments in (["--help"], ["run", "--help"], ["--version"]):
        process = subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=TIMEOUT, check=False,
                                 env=clean_environment())
        assert process.returncode == 0 and process.stdout.strip()


def test_a_flow_is_one_line_on_stdout(proxyd, origin, client):
    daemon, server = proxyd(), origin()
    client(daemon).get(server.url("/line"))
    line = daemon.stdout.wait_for("/line")
    assert "GET" in line and "200" in line


def test_flow_detail_0_prints_no_flows(proxyd, origin, client, addon):
    daemon, server = proxyd(flow_detail=0), origin()
    seen = addon(daemon, [{"event": "response", "mode": "observe"}])
    client(daemon).get(server.url("/line"))
    seen.wait_for("response")
    daemon.stop()
    assert daemon.stdout.find("/line") is None


def test_no_file_descriptor_is_left_behind(proxyd, origin, addon):
    daemon, server = proxyd(), origin()

    def life() -> None:
        with Client(daemon) as connection:
            connection.get(server.url())

    life()
    before = daemon.open_files()
    for _ in range(50):
        life()
    wait_until(lambda: daemon.open_files() <= before + 2, "the daemon to close its sockets")


def test_the_default_socket_is_in_the_runtime_folder(made_confdir, addon):
    runtime = short_folder()
    process = subprocess.Popen(
        [binary(), "run", "--listen", "127.0.0.1:0", "--confdir", str(made_confdir)],
        stdout=subprocess.PIPE,
        env=clean_environment(XDG_RUNTIME_DIR=str(runtime)),
        text=True,
    )
    try:
        path = next(line for line in process.stdout if line.startswith("addon socket at ")).split(" at ")[1].strip()
        assert path == str(runtime / "proxyd" / "addon.sock")
        assert os.stat(runtime / "proxyd").st_mode & 0o777 == 0o700
    finally:
        process.terminate()
        assert process.wait(TIMEOUT) == 0

"""What docs/tutorial.md asks its reader to write and do."""

import re
import subprocess
import sys

import pytest
from harness.daemon import ROOT, clean_environment, short_folder
from harness.http_text import response
from harness.tools import Recorder, proxyd_tool
from harness.waiting import wait_until

PAGE = (ROOT / "docs" / "tutorial.md").read_text()
ADDONS = dict(zip(("hello", "shop"), re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL), strict=True))


@pytest.fixture
def running(addon):
    """An addon of the page, attached to a daemon: `running(daemon, name)`; its script."""
    processes = []

    def start(daemon, name):
        script = short_folder() / f"{name}.py"
        script.write_text(ADDONS[name])
        environment = clean_environment(PROXYD_ADDON_SOCKET=str(daemon.addon_socket))
        processes.append(subprocess.Popen([sys.executable, script], env=environment))
        looking = addon(daemon, [], name="looking")
        ready = {"name": name, "state": "ready"}.items()
        wait_until(lambda: any(ready <= each.items() for each in looking.call("addon.list")["addons"]), f"{name} to attach")
        return script

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_the_first_addon_adds_a_header(proxyd, origin, client, running):
    daemon, server = proxyd(), origin()
    running(daemon, "hello")
    client(daemon).get(server.url())
    assert server.requests[0].get(b"x-hello") == b"from an addon"
    assert "changed:hello" in proxyd_tool("flows", "--socket", daemon.addon_socket).stdout


def test_the_second_blocks_and_doubles_and_is_recorded_played_and_checked(proxyd, origin, client, running):
    lamp = response(b'{"item": "lamp", "price": 10}', (b"Content-Type", b"application/json"))
    daemon, server = proxyd(), origin(lambda request, visit: lamp)
    script = running(daemon, "shop")
    recorder = Recorder(daemon, script.with_name("shop.jsonl"))
    with client(daemon) as connection:
        assert connection.get("http://ads.example/banner").body == b"no ads\n"
        assert connection.get(server.url("/lamp.json")).body == b'{"item": "lamp", "price": 20}'
    assert recorder.stop().splitlines()[-1] == "proxyd: 8 frames of shop, none missed" in PAGE
    again = proxyd_tool("play", recorder.path, "--fast", "--", sys.executable, script)
    assert again.stdout == "shop: 4 replies, no difference\n" and again.stdout in PAGE
    script.write_text(ADDONS["shop"].replace("*= 2", "*= 3"))
    other = proxyd_tool("play", recorder.path, "--fast", "--", sys.executable, script)
    assert other.returncode == 1 and other.stdout.endswith("shop: 4 replies, 1 difference\n")
    assert proxyd_tool("check", "--", sys.executable, script).stdout.endswith('"shop" keeps the 19 rules\n')


def test_the_same_three_commands_on_a_terminal(proxyd, origin, client, running, terminal):
    daemon, server = proxyd(), origin(lambda request, visit: response(b"{}"))
    script = running(daemon, "hello")
    recording = str(script.with_name("hello.jsonl"))
    recorder = terminal(daemon, "record", recording)
    recorder.wait_for("Ctrl-C ends it")
    client(daemon).get(server.url())
    assert recorder.interrupt() == 0
    recorder.wait_for("2 frames of hello, none missed")
    player = terminal(daemon, "play", "--fast", recording, "--", f"{sys.executable} {script}")
    player.wait_for("hello: 1 reply, no difference")
    assert player.wait_exit() == 0
    checker = terminal(daemon, "check", "--", f"{sys.executable} {script}")
    checker.wait_for('"hello" keeps the')
    assert checker.wait_exit() == 0

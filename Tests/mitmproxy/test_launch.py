"""proxyd-mitm as users start it: by the daemon, by hand, installed from its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from harness.clients import Client
from harness.daemon import Proxyd, clean_environment, short_folder
from harness.origin import Origin
from harness.raw_addon import RawAddon
from side.programs import PACKAGE
from side.stage import answer


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with the command, installed with pip from the package's folder."""
    target = tmp_path_factory.mktemp("installed")
    source = target / "source"
    subprocess.run(["cp", "-r", str(PACKAGE), str(source)], check=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--target", str(target / "site"), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target / "site"


@pytest.fixture
def launch(installed):
    daemons = []

    def start(*arguments: str, **options) -> Proxyd:
        path = os.pathsep.join([str(installed / "bin"), os.environ.get("PATH", "")])
        environment = {"PATH": path, "PYTHONPATH": str(installed)}
        daemons.append(Proxyd(short_folder() / "confdir", *arguments, environment=environment, **options).wait_ready())
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.stop()


@pytest.fixture
def origin():
    origin = Origin(answer)
    yield origin
    origin.close()


def get(daemon: Proxyd, url: str):
    with Client(SimpleNamespace(address=daemon.address)) as client:
        return client.get(url)


def test_the_daemon_starts_it_in_the_place_of_mitmdump(launch, origin, tmp_path):
    (tmp_path / "x.py").write_text("import logging\ndef request(flow):\n    flow.request.headers['x'] = '1'\n    print('printed')\n    logging.info('logged')")
    daemon = launch("--addon", f"x=proxyd-mitm -s {tmp_path}/x.py --modify-headers /~s/y/2 -w {tmp_path}/flows.mitm")
    assert get(daemon, origin.url()).get(b"y") == b"2"
    assert origin.requests[0].get(b"x") == b"1"
    daemon.stderr.wait_for("info  addon x: logged")
    daemon.stderr.wait_for("info  addon x: printed")
    daemon.stop()
    assert read_back(tmp_path / "flows.mitm") == "GET / 200\n"


def read_back(file: Path) -> str:
    """What mitmproxy itself reads from a file."""
    script = file.with_name("reader.py")
    script.write_text("def response(flow): print(flow.request.method, flow.request.path, flow.response.status_code)")
    command = [sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()", "-q", "-n", "-r", str(file), "-s", str(script)]
    return subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=60, check=True).stdout


def test_what_cannot_work_is_not_started_again(launch, origin, tmp_path):
    (tmp_path / "x.py").write_text("def tls_start_client(data): pass")
    daemon = launch("--addon", f"x=proxyd-mitm -s {tmp_path}/x.py")
    line = daemon.stderr.wait_for("does not take part")
    assert "x.py has the hook tls_start_client, which cannot work here" in line
    assert "OpenSSL" in line and "tls_clienthello which `certificate` and `alpn`" in line
    assert get(daemon, origin.url()).status == 200
    daemon.stop()
    assert sum("started, pid" in each for each in daemon.stderr.lines) == 1


DECLARING = """
from mitmproxy import command, ctx
def load(loader): loader.add_option("word", str, "", "A word of NAME.")
@command.command("my.command")
def run(REST) -> None: pass
def request(flow): flow.request.headers["x-NAME"] = ctx.options.word
"""


def test_two_addons_share_what_they_declare_alike(launch, origin, tmp_path):
    script = DECLARING.replace('"x-NAME"', '"x-" + (ctx.options.onboarding_host or "none")').replace("REST", "")
    (tmp_path / "x.py").write_text(script)
    addons = [f"{name}=proxyd-mitm --name {name} -s {tmp_path}/x.py --set word={name} --set onboarding_host={name}" for name in ("a", "b")]
    daemon = launch("--addon", addons[0], "--addon", addons[1])
    assert not [line for line in daemon.stderr.lines if "of this process only" in line]
    caller = RawAddon(daemon.addon_socket, [], name="caller", record=False)
    word = next(each for each in caller.call("options.list")["options"] if each["name"] == "word")
    assert (word["default"], word["value"] in ("a", "b")) == ("", True)
    caller.call("options.set", options={"word": "shared"})
    caller.call("command.call", name="my.command")
    caller.close()
    get(daemon, origin.url())
    assert (origin.requests[0].get(b"x-a"), origin.requests[0].get(b"x-b")) == (b"shared", b"shared")


def test_what_another_addon_has_declared_otherwise_is_known_to_the_process_only(launch, origin, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(DECLARING.replace("NAME", name).replace("REST", f"{name}: str"))
    addons = [f"{name}=proxyd-mitm --name {name} -s {tmp_path}/{name}.py --set word={name}" for name in ("a", "b")]
    daemon = launch("--addon", addons[0], "--addon", addons[1])
    daemon.stderr.wait_for("word is among the options of this process only")
    daemon.stderr.wait_for("my.command is among the commands of this process only")
    get(daemon, origin.url())
    assert (origin.requests[0].get(b"x-a"), origin.requests[0].get(b"x-b")) == (b"a", b"b")


def test_a_broken_script_is_told_and_the_traffic_goes_on(launch, origin, tmp_path):
    (tmp_path / "x.py").write_text("def request(flow: what")
    daemon = launch("--addon", f"x=proxyd-mitm -s {tmp_path}/x.py", addon_start_timeout=3)
    daemon.stderr.wait_for("error in script")
    assert get(daemon, origin.url()).status == 200


def test_started_by_hand_it_waits_for_the_daemon_and_comes_back(installed, origin, tmp_path):
    script = "def request(flow): flow.request.headers['x'] = '1'\ndef response(flow): print('response')\ndef done(): print('done')"
    (tmp_path / "x.py").write_text(script)
    socket = short_folder() / "addon.sock"
    environment = clean_environment(PYTHONPATH=str(installed), PROXYD_ADDON_SOCKET=str(socket), PYTHONUNBUFFERED="1")
    command = [sys.executable, str(installed / "bin" / "proxyd-mitm"), "-s", str(tmp_path / "x.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as program:
        try:
            for count in (1, 2):
                daemon = Proxyd(short_folder() / "confdir", addon_socket=socket).wait_ready()
                daemon.stderr.wait_for("addon x: ready")
                get(daemon, origin.url())
                daemon.stop()
                assert [each.get(b"x") for each in origin.requests] == [b"1"] * count
        finally:
            program.terminate()
        assert program.wait(10) == 0
        printed = [line for line in program.stdout.read().splitlines() if line in ("response", "done")]
        assert printed == ["response", "response", "done"]


def test_the_help_has_the_flags_of_mitmdump(installed):
    environment = clean_environment(PYTHONPATH=str(installed))
    command = [sys.executable, str(installed / "bin" / "proxyd-mitm"), "--help"]
    text = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True).stdout
    for flag in ("--scripts", "--set", "--save-stream-file", "--modify-body", "--map-local", "--map-remote", "--socket"):
        assert flag in text



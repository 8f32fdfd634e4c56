"""How a daemon gets rules: by flag, by option, from a program beside it, and from a file that changes."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from harness.clients import request
from harness.daemon import ROOT, binary, clean_environment, short_folder
from harness.lines import Lines
from harness.raw_addon import RPCError
from harness.terminal import run_tool
from harness.waiting import wait_until


def header(name: str, value: str) -> str:
    return f"- set-response-headers: {{{name}: {value}}}\n"


def test_a_file_is_read_again_when_it_changes(proxyd, origin, client, tmp_path):
    path, server = tmp_path / "rules.yaml", origin()
    path.write_text(header("x-a", "one"))
    daemon = proxyd("--rules", str(path))
    assert client(daemon).get(server.url()).get(b"x-a") == b"one"
    path.write_text(header("x-a", "two"))
    daemon.stderr.wait_for("again: 1 rule")
    assert client(daemon).get(server.url()).get(b"x-a") == b"two"
    path.write_text("- blok: true\n")
    daemon.stderr.wait_for(f"{path}:1:3: there is no blok (did you mean block?)")
    daemon.stderr.wait_for("the previous rules stay in force")
    assert client(daemon).get(server.url()).get(b"x-a") == b"two"
    new = tmp_path / "new"
    new.write_text(header("x-a", "three") + header("x-b", "1"))
    new.rename(path)
    daemon.stderr.wait_for("again: 2 rules")
    assert client(daemon).get(server.url()).get(b"x-a") == b"three"


@pytest.mark.parametrize(
    "flags, text, fault",
    [
        (["--rules", "FILE"], "- block: maybe\n", 'FILE:1:10: "maybe" is not allowed; allowed is true (403), a status'),
        (["--rules", "FILE-2"], "", "FILE-2: cannot open: No such file or directory"),
        (["--map-remote", "|a"], "", 'option map_remote: "|a": it needs 2 or 3 parts'),
        (["--map-remote", "|(|b"], "", 'option map_remote: "|(|b": ( is not a regular expression'),
        (["--map-local", "|a|/no/such"], "", "there is no file or folder /no/such"),
        (["--modify-headers", "/~zz/a/b"], "", "there is no ~zz"),
        (["--modify-body", "|a|@/no/such"], "", "there is no file /no/such"),
        (["--block-list", "/~d a/99"], "", '"99" is not allowed'),
        (["--block-list", "/~d a"], "", "it needs 2 parts"),
    ],
)
def test_a_fault_ends_the_start(made_confdir, tmp_path, flags, text, fault):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    flags = [flag.replace("FILE", str(path)) for flag in flags]
    command = [binary(), "run", "--listen", "127.0.0.1:0", "--addon-socket", str(short_folder() / "s")]
    command += ["--confdir", str(made_confdir), *flags]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=60)
    assert (done.returncode, done.stdout) == (2, ""), done
    [line] = done.stderr.splitlines()
    assert fault.replace("FILE", str(path)) in line


def test_the_addon_comes_with_the_first_rule_and_objects_to_faults(proxyd, origin, client, addon, setting):
    daemon, server = proxyd(), origin()
    control = addon(daemon, [], name="control")
    assert "proxyd-rules" not in [each["name"] for each in control.call("addon.list")["addons"]]
    setting(daemon, modify_headers=["/~s/x-a/b"])
    wait_until(lambda: client(daemon).get(server.url()).get(b"x-a") == b"b", "the rule")
    with pytest.raises(RPCError, match="it needs 2 or 3 parts"):
        setting(daemon, map_remote=["|x"])
    assert control.call("options.get", names=["map_remote"])["options"] == {"map_remote": []}
    setting(daemon, modify_headers=[])
    assert client(daemon).get(server.url()).get(b"x-a") is None


def test_a_program_beside_a_running_daemon(proxyd, origin, client, attached, addon, tmp_path):
    path, server = tmp_path / "rules.yaml", origin()
    path.write_text(header("x-a", "one"))
    daemon = proxyd()
    attached(daemon, "proxyd-rules", binary(), "rules", str(path))
    assert client(daemon).get(server.url()).get(b"x-a") == b"one"
    path.write_text(header("x-a", "two"))
    daemon.stderr.wait_for("again: 1 rule")
    assert client(daemon).get(server.url()).get(b"x-a") == b"two"


RULES = """- name: no ads
  when: ~d ^ads & ~m GET
  block: true
  stop: true
- when: ~d ^api
  map-remote: {from: http://api.example/v1/, to: http://local.example/}
- when: ~d ^local
  chance: 0.5
  set-headers: {x-a: b}
- when: ~d ^local & ~c 500
  set-response-headers: {x-a: b}
- when: ~hq 'accept. text/html'
  respond: hi
"""


def test_check_says_which_rules_apply_and_why_others_do_not(proxyd, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)

    def check(*arguments: str) -> list[str]:
        done = run_tool(tmp_path / "nowhere", "rules", "--check", str(path), *arguments)
        assert done.returncode == 0, done.stderr
        return [line.removeprefix(f"{path}:") for line in done.stdout.splitlines()]

    assert check() == ["5 rules, no fault"]
    assert check("http://ads.example/") == [
        "1:3 (no ads): applies: block, stop",
        *(f"{line}:3: not reached, since {path}:1:3 stops" for line in (5, 7, 10, 12)),
    ]
    assert check("http://api.example/v1/a?b", "--method", "POST", "--header", "accept: text/html") == [
        "1:3 (no ads): does not apply, since ~d ^ads does not hold",
        "5:3: applies: map-remote → http://local.example/a?b",
        "7:3: applies (chance 0.5): set-headers",
        "10:3: may apply, depending on ~c 500: set-response-headers",
        "12:3: applies: respond",
    ]
    assert check("http://ads.example/", "--method", "POST")[0] == "1:3 (no ads): does not apply, since ~m GET does not hold"
    path.write_text("- when: (\n  block: true\n")
    done = run_tool(tmp_path / "nowhere", "rules", "--check", str(path))
    assert done.returncode == 2 and ":1:9: the filter ( is not valid" in done.stderr


def test_the_example_has_no_fault(tmp_path):
    path = ROOT / "examples" / "rules" / "rules.yaml"
    done = run_tool(tmp_path / "nowhere", "rules", "--check", str(path))
    assert (done.returncode, done.stdout) == (0, "6 rules, no fault\n"), done.stderr


def test_what_blocks_does_so_while_its_process_is_away(proxyd, addon, origin, client):
    server = origin()
    daemon = proxyd("--block-list", "|~u /blocked|403")
    looking = addon(daemon, [], name="looking")

    def of_rules() -> dict:
        return next(each for each in looking.call("addon.list")["addons"] if each["name"] == "proxyd-rules")

    for _ in range(3):
        killed = of_rules()["pid"]
        os.kill(killed, signal.SIGKILL)
        assert client(daemon).get(server.url("/blocked")).status in (403, 502, 503)
        assert client(daemon).get(server.url("/other")).status == 200
        wait_until(lambda: of_rules()["state"] == "ready" and of_rules()["pid"] != killed, "the rules to be back")
    assert [each.target for each in server.requests] == [b"/other"] * 3

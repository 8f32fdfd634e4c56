"""`proxyd ca`, and `require_ca`."""

import json
import re
import shutil
import stat

import pytest
from harness.clients import run
from harness.daemon import Proxyd, short_folder
from harness.terminal import TerminalTool
from harness.tools import proxyd_tool

FORMATS = {
    "pem": ["x509"],
    "cer": ["x509", "-inform", "DER"],
    "p12": ["pkcs12", "-passin", "pass:", "-nodes"],
}


def ca(confdir, *arguments):
    return proxyd_tool("ca", "--confdir", confdir, *arguments)


def fingerprint(confdir) -> str:
    return run("openssl", "x509", "-in", str(confdir / "proxyd-ca-cert.pem"), "-noout", "-fingerprint", "-sha256").decode().strip().partition("=")[2]


def test_it_shows_the_ca(made_confdir):
    done = ca(made_confdir)
    assert done.returncode == 0
    for part in (f"{made_confdir}/proxyd-ca-cert.pem", fingerprint(made_confdir), "O=proxyd,CN=proxyd", "GMT to", "proxyd run -- COMMAND"):
        assert part in done.stdout
    [shown] = [json.loads(ca(made_confdir, "--json").stdout)]
    assert shown["folder"] == str(made_confdir) and shown["sha256"].upper() == fingerprint(made_confdir).replace(":", "")
    assert set(shown) == {"folder", "key", "certificate", "subject", "sha256", "not_before", "not_after"}


def test_the_folder_comes_from_the_config_file_as_for_run(made_confdir, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(f"confdir: {made_confdir}\n")
    assert fingerprint(made_confdir) in proxyd_tool("ca", "--config", config).stdout
    done = proxyd_tool("ca", "--config", tmp_path / "none.yaml")
    assert done.returncode == 2 and "none.yaml" in done.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_exported_is_the_certificate_without_its_key(made_confdir, tmp_path, form):
    file = tmp_path / "exported"
    assert ca(made_confdir, "--export", form, "--output", file).returncode == 0
    text = run("openssl", *FORMATS[form], "-in", str(file)).decode()
    [certificate] = re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)
    assert certificate in (made_confdir / "proxyd-ca-cert.pem").read_text() and "PRIVATE" not in text
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0o044


def test_pem_goes_to_stdout_and_binary_not_to_a_terminal(made_confdir):
    assert ca(made_confdir, "--export", "pem").stdout == (made_confdir / "proxyd-ca-cert.pem").read_text()
    tool = TerminalTool(short_folder() / "s", "ca", "--confdir", str(made_confdir), "--export", "p12")
    try:
        assert tool.wait_exit() == 2
        assert "p12 is not for a terminal; write it with --output proxyd-ca-cert.p12" in "".join(tool.lines)
    finally:
        tool.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "x"], "--output needs --export"), (["--export", "der"], "pem"), (["--json", "--export", "pem"], "choose one"),
        (["--export", "pem", "--output", "/nowhere/x"], "cannot write /nowhere/x"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly(made_confdir, arguments, said):
    done = ca(made_confdir, *arguments)
    assert done.returncode == 2 and said in done.stderr


def test_a_key_is_never_written_over(made_confdir):
    confdir = short_folder() / "confdir"
    shutil.copytree(made_confdir, confdir)
    key = (confdir / "proxyd-ca.pem").read_bytes()
    refused = ca(confdir, "--export", "pem", "--output", confdir / "proxyd-ca.pem")
    assert refused.returncode == 2 and "holds a private key" in refused.stderr
    assert (confdir / "proxyd-ca.pem").read_bytes() == key
    assert ca(confdir, "--export", "pem", "--output", confdir / "proxyd-ca-cert.pem").returncode == 0


def test_a_certificate_that_is_in_no_file_of_its_own(made_confdir):
    confdir = short_folder()
    shutil.copy(made_confdir / "proxyd-ca.pem", confdir)
    assert "in no file of its own" in ca(confdir).stdout
    assert json.loads(ca(confdir, "--json").stdout)["certificate"] is None


def test_without_a_ca_none_is_made_unless_asked_for():
    folder = short_folder() / "new"
    done = ca(folder)
    assert done.returncode == 1 and not folder.exists()
    assert done.stderr == f"proxyd: there is no CA: {folder}/proxyd-ca.pem does not exist; proxyd ca --create makes one, as proxyd run does\n"
    made = ca(folder, "--create")
    assert made.returncode == 0 and fingerprint(folder) in made.stdout
    assert fingerprint(folder) in ca(folder, "--create").stdout


def test_a_broken_ca_is_said_to_be(made_confdir):
    folder = short_folder()
    (folder / "proxyd-ca.pem").write_text("nothing")
    done = ca(folder)
    assert done.returncode == 1 and f"{folder}/proxyd-ca.pem" in done.stderr


# require_ca


@pytest.mark.parametrize("way", [["--require-ca"], ["--set", "require_ca=true"]], ids=["flag", "option"])
def test_where_a_ca_is_required_none_is_made(way):
    folder = short_folder() / "new"
    daemon = Proxyd(folder, *way)
    assert daemon.wait_exit() == 1 and not folder.exists()
    assert daemon.stderr.text.strip() == f"proxyd: there is no CA: {folder}/proxyd-ca.pem does not exist, and require_ca forbids creating one"


def test_one_that_is_there_is_used_and_nothing_is_written(proxyd, made_confdir, client):
    folder = short_folder()
    (folder / "proxyd-ca.pem").write_bytes((made_confdir / "proxyd-ca.pem").read_bytes())
    daemon = proxyd("--require-ca", confdir=folder)
    assert client(daemon).get("http://proxyd.test/cert/pem").body == (made_confdir / "proxyd-ca-cert.pem").read_bytes()
    assert [path.name for path in folder.iterdir()] == ["proxyd-ca.pem"]

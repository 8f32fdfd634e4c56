"""Starts the release build with the inspector, an example addon and a demo origin, and prints what to open and what to try.

LISTEN, WEB_LISTEN, CONFDIR, ADDON_SOCKET and ADDON come from the environment, as does PROXYD_BIN for another build; further
arguments are passed to `proxyd run`.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import demo_origin

ROOT = Path(__file__).resolve().parent.parent
UP = "proxy listening on "


def command(trust: Path) -> list[str]:
    found = [os.environ.get("PROXYD_BIN") or str(ROOT / ".build" / "release" / "proxyd"), "run"]
    found += ["--listen", os.environ["LISTEN"], "--confdir", os.environ["CONFDIR"]]
    found += ["--web", "--set", f"web_listen={os.environ['WEB_LISTEN']}"]
    found += ["--set", f"ssl_verify_upstream_trusted_ca={trust}"]
    if os.environ.get("ADDON_SOCKET"):
        found += ["--addon-socket", os.environ["ADDON_SOCKET"]]
    if os.environ.get("ADDON"):
        found += ["--addon", os.environ["ADDON"]]
    return found + sys.argv[1:]


def to_try(proxy: str, http: int, https: int) -> str:
    # curl bypasses the proxy for hosts in no_proxy, which often has localhost.
    direct = " --noproxy ''" if os.environ.get("no_proxy") or os.environ.get("NO_PROXY") else ""
    plain = f"  curl -x http://{proxy}{direct} -i"
    secure = f"  curl -x http://{proxy}{direct} --cacert {os.environ['CONFDIR']}/proxyd-ca-cert.pem -i"
    return (
        "\nTry in another terminal (a demo origin on this machine answers; no network needed):\n"
        f"{plain} http://127.0.0.1:{http}/\n"
        f"{secure} https://localhost:{https}/\n"
        f"or any site:\n{secure} https://example.com/\n"
    )


def environment() -> dict[str, str]:
    """Makes the Python SDK available without installing it."""
    paths = [str(ROOT / "Sources" / "addon-sdk" / "python"), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def follow(process: subprocess.Popen, http: int, https: int) -> int:
    """Prints the daemon's lines until it ends. Returns the daemon's exit code."""
    for line in process.stdout:
        print(line, end="", flush=True)
        if line.startswith(UP):
            print(to_try(line.removeprefix(UP).strip(), http, https), flush=True)
    return process.wait()


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="proxyd-demo-") as folder:
        http, https, trust = demo_origin.start(Path(folder))
        process = subprocess.Popen(
            command(trust), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True, errors="replace"
        )
        # The terminal sends Ctrl-C to both: the daemon drains, and this process waits for it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return follow(process, http, https)


if __name__ == "__main__":
    sys.exit(main())

"""Servers of other protocols than HTTP, written by others: PostgreSQL, OpenSSH, and aiosmtpd's SMTP."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from .clients import free_port, run
from .daemon import clean_environment, short_folder
from .programs import wait_listening
from .waiting import TIMEOUT, wait_until


def found(program: str, *folders: str) -> str:
    """The path of the program; skips the story if it is not installed."""
    path = shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), *folders]))
    if path is None:
        pytest.skip(f"there is no {program}")
    return path


class PostgreSQL:
    """A fresh cluster, in which anyone on loopback is `postgres`."""

    def __init__(self) -> None:
        places = sorted(str(path) for path in Path("/usr/lib/postgresql").glob("*/bin"))
        initdb, server = found("initdb", *places), found("postgres", *places)
        self.folder = short_folder()
        self.port = free_port()
        user = other_user()
        if user:
            shutil.chown(self.folder, user)
        data = str(self.folder / "data")
        options = {"user": user, "env": clean_environment(), "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        make = [initdb, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        made = subprocess.run(make, stderr=subprocess.PIPE, timeout=60, check=False, cwd="/", **options)
        assert made.returncode == 0, made.stderr.decode()
        self.process = subprocess.Popen(
            [server, "-D", data, "-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder), "-F"],
            stderr=subprocess.DEVNULL, cwd="/", **options,
        )
        # It listens before it accepts sessions.
        ready = [found("pg_isready", *places), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "postgres to have started")

    def psql(self, statement: str, port: int | None = None) -> str:
        """The output of a statement, at the server or through another port."""
        target = f"host=127.0.0.1 port={port or self.port} user=postgres dbname=postgres sslmode=disable gssencmode=disable"
        return run(found("psql"), target, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", statement).decode()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)
        shutil.rmtree(self.folder)


def other_user() -> str | None:
    """The user as whom root runs PostgreSQL, which refuses to run as root; None for anyone else."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


class SSHServer:
    """An `sshd` that admits the user who runs the story, with a key made for it."""

    def __init__(self) -> None:
        server = found("sshd", "/usr/sbin")
        found("ssh")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.folder = short_folder()
        for name in ("host", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name))
        self.port = free_port()
        config = self.folder / "sshd_config"
        lines = [
            f"ListenAddress 127.0.0.1:{self.port}", f"HostKey {self.folder}/host", f"PidFile {self.folder}/pid",
            f"AuthorizedKeysFile {self.folder}/user.pub", "StrictModes no", "UsePAM no", "PermitRootLogin yes",
            "PasswordAuthentication no",
        ]
        config.write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen(
            [server, "-D", "-e", "-f", str(config)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_listening(self.port, "sshd")

    def run(self, command: str, data: bytes, proxy_command: str) -> bytes:
        """The output of a command on the server, which ssh reaches through `proxy_command`, with %h and %p."""
        options = {
            "ProxyCommand": proxy_command, "IdentitiesOnly": "yes", "BatchMode": "yes", "LogLevel": "ERROR",
            "UserKnownHostsFile": str(self.folder / "known_hosts"), "StrictHostKeyChecking": "accept-new",
        }
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        target = ["-p", str(self.port), f"{getpass.getuser()}@127.0.0.1"]
        return run("ssh", "-F", "none", "-i", str(self.folder / "user"), *given, *target, command, data=data)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)
        shutil.rmtree(self.folder)


class SMTPServer(MessageHandler):
    """Collects the messages that it receives in `messages`."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list = []
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port(), server_hostname="mail.test")
        self.controller.start()
        self.port = self.controller.port

    def handle_message(self, message) -> None:
        self.messages.append(message)

    def close(self) -> None:
        self.controller.stop()

"""The file of the addon socket: where it may be, who can connect, and who removes it."""

import grp
import os
import socket
import stat
import subprocess

import pytest
from harness.daemon import Proxyd, binary, clean_environment, short_folder
from harness.lines import Lines
from harness.raw_addon import RawAddon, RPCError
from harness.users import NOBODY, as_user
from harness.waiting import TIMEOUT

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may be somebody else")
GROUP = grp.getgrnam("games")


@pytest.fixture
def refused(made_confdir):
    """The message of a daemon that does not start with this socket."""

    def start(path, **options) -> str:
        daemon = Proxyd(made_confdir, addon_socket=path, **options)
        assert daemon.wait_exit() == 1
        assert not os.path.lexists(path) or os.path.islink(path)
        return daemon.stderr.text

    return start


@pytest.fixture
def folder():
    """A folder that others may traverse."""
    folder = short_folder()
    folder.chmod(0o711)
    return folder


def mode(path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


# Where it may be


def test_alone_it_is_for_the_owner(proxyd, folder):
    daemon = proxyd(addon_socket=folder / "new" / "s")
    assert (mode(folder / "new"), mode(daemon.addon_socket)) == (0o700, 0o600)


@pytest.mark.parametrize("wrong", [0o777, 0o1777, 0o770, 0o720])
def test_a_folder_that_others_may_write_is_refused(refused, folder, wrong):
    folder.chmod(wrong)
    text = refused(folder / "s")
    assert str(folder) in text and "is writable by others" in text and f"mode {wrong:o}" in text


@needs_root
def test_a_folder_of_somebody_else_is_refused(refused, folder):
    os.chown(folder, NOBODY, -1)
    assert f"{folder} belongs to uid {NOBODY}" in refused(folder / "s")


def test_a_link_as_folder_is_refused(refused, folder):
    (folder / "real").mkdir(0o700)
    (folder / "link").symlink_to("real")
    for path in (f"{folder}/link/s", f"{folder}/link//s"):
        assert f"{folder}/link is a symbolic link" in refused(path)


@pytest.mark.parametrize("target", ["socket", "nothing"])
def test_a_link_as_socket_is_refused_and_stays(refused, folder, target):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "socket"))
        (folder / "s").symlink_to(target)
        assert f"{folder}/s is a symbolic link" in refused(folder / "s")
        assert (folder / "socket").is_socket() and (folder / "s").is_symlink()


@needs_root
def test_a_link_of_somebody_else_on_the_way_is_refused(refused, folder):
    (folder / "real" / "in").mkdir(0o700, parents=True)
    (folder / "link").symlink_to("real")
    os.lchown(folder / "link", NOBODY, -1)
    assert f"{folder}/link on its path is a symbolic link of uid {NOBODY}" in refused(folder / "link" / "in" / "s")


def test_a_link_of_ones_own_on_the_way_is_followed(proxyd, addon, folder):
    (folder / "real" / "in").mkdir(0o700, parents=True)
    (folder / "link").symlink_to("real")
    addon(proxyd(addon_socket=folder / "link" / "in" / "s"), []).call("ping")


# Who can connect


def no_connection(daemon) -> type[OSError] | int:
    """How a connection fails: the system refuses it, or the daemon says why."""
    try:
        stranger = RawAddon(daemon.addon_socket, [], register=False, record=False)
    except OSError as error:
        return type(error)
    try:
        with pytest.raises((RPCError, OSError, AssertionError)) as error:
            stranger.call("initialize", name="stranger", events=[])
        return getattr(error.value, "code", None) or -32001
    finally:
        stranger.close()


@needs_root
def test_users_of_addon_uids_connect_and_others_do_not(proxyd, addon, folder):
    daemon = proxyd(addon_socket=folder / "new" / "s", addon_uids=NOBODY)
    with as_user(NOBODY):
        addon(daemon, [], name="guest").call("ping")
    with as_user(NOBODY - 1):
        assert no_connection(daemon) == -32001
    daemon.stderr.wait_for(f"refused a process with uid {NOBODY - 1}")
    assert mode(folder / "new") == 0o711


@needs_root
@pytest.mark.parametrize("as_main", [True, False])
def test_members_of_addon_group_connect_and_others_do_not(proxyd, addon, folder, as_main):
    daemon = proxyd(addon_socket=folder / "new" / "s", addon_group=GROUP.gr_name)
    with as_user(NOBODY, *((GROUP.gr_gid,) if as_main else ()), groups=() if as_main else (GROUP.gr_gid,)):
        guest = addon(daemon, ["request"], name="guest")
    assert guest.registration["events"] == ["request"]
    with as_user(NOBODY):
        assert no_connection(daemon) is PermissionError
    status = os.lstat(daemon.addon_socket)
    assert (status.st_gid, mode(daemon.addon_socket), mode(folder / "new")) == (GROUP.gr_gid, 0o660, 0o710)


@needs_root
def test_by_default_no_other_user_connects(proxyd, folder):
    daemon = proxyd(addon_socket=folder / "new" / "s")
    with as_user(NOBODY):
        assert no_connection(daemon) is PermissionError


@pytest.mark.parametrize("option", [{"addon_uids": NOBODY}, {"addon_group": GROUP.gr_name}], ids=str)
def test_a_way_that_is_closed_to_those_who_may_come_is_refused(refused, folder, option):
    (folder / "closed").mkdir(0o700)
    text = refused(folder / "closed" / "s", **option)
    assert f"cannot reach it through {folder}/closed" in text and "chmod" in text


def test_a_group_that_is_none_is_refused(refused, folder):
    assert "addon_group: there is no group no-such-group" in refused(folder / "s", addon_group="no-such-group")


# Who removes it


def test_it_is_gone_with_the_daemon(proxyd, folder):
    daemon = proxyd(addon_socket=folder / "s")
    daemon.stop()
    assert not os.path.lexists(folder / "s")


def test_a_daemon_removes_no_socket_but_its_own(proxyd, addon, folder):
    first = proxyd(addon_socket=folder / "s")
    (folder / "s").unlink()
    second = proxyd(addon_socket=folder / "s")
    first.stop()
    addon(second, []).call("ping")


def test_one_that_nobody_serves_is_replaced(proxyd, addon, folder):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(folder / "s"))
    addon(proxyd(addon_socket=folder / "s"), []).call("ping")


def test_the_socket_of_the_environment_is_used(made_confdir):
    path = short_folder() / "own.sock"
    command = [binary(), "run", "--listen", "127.0.0.1:0", "--confdir", str(made_confdir)]
    process = subprocess.Popen(command, env=clean_environment(PROXYD_ADDON_SOCKET=str(path)), stdout=subprocess.PIPE)
    try:
        Lines(process.stdout, "proxyd's stdout").wait_for(f"addon socket at {path}")
    finally:
        process.terminate()
        process.wait(TIMEOUT)

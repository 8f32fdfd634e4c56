"""Acting as another user, which only root can."""

from __future__ import annotations

import ctypes
import os
import platform
import pwd
from contextlib import contextmanager
from typing import Iterator

NOBODY = pwd.getpwnam("nobody").pw_uid
NOGROUP = pwd.getpwnam("nobody").pw_gid
# The raw calls setgroups, setresgid and setresuid, since those of the C library affect all threads.
_CALLS = {"x86_64": (116, 119, 117), "aarch64": (159, 149, 147)}
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def as_user(uid: int, gid: int = NOGROUP, groups: tuple[int, ...] = ()) -> Iterator[None]:
    """Meanwhile, this thread acts as this user."""
    set_groups, set_gid, set_uid = _CALLS[platform.machine()]
    former = os.getgroups()
    _groups(set_groups, groups)
    _call(set_gid, -1, gid, -1)
    _call(set_uid, -1, uid, -1)
    try:
        yield
    finally:
        _call(set_uid, -1, 0, -1)
        _call(set_gid, -1, 0, -1)
        _groups(set_groups, tuple(former))


def _groups(number: int, groups: tuple[int, ...]) -> None:
    _call(number, len(groups), (ctypes.c_uint32 * len(groups))(*groups))


def _call(number: int, *arguments: object) -> None:
    if _libc.syscall(number, *arguments) != 0:
        raise OSError(ctypes.get_errno(), "cannot act as another user")

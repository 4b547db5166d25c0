# SPDX-License-Identifier: Apache-2.0
"""The user of this process: who that is, who logged in, and where their data lies. None of it has to be known.

In a container a user is often a number without a name and without a home. This module imports the standard library
only and is shipped inside the collection as it stands.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["data_folder", "effective_user", "login_user"]

_LOGIN = Path("/proc/self/loginuid")
# What the kernel says of a process that nobody logged in for, and of a user whom this container does not know.
_NOBODY = frozenset({2**32 - 1, 65534})
_LONGEST = 256


def effective_user() -> str:
    """Return the user as whom this process works: by name, or ``uid 54321`` where the number has none."""
    return _named(os.geteuid())


def login_user(environ: Mapping[str, str]) -> str:
    """Return who is behind this process: the user of ``sudo``, else who logged in, else who it works as.

    :param environ: the environment of the process. ``sudo`` leaves there who called it.
    """
    name = environ.get("SUDO_USER", "").strip()
    if name:
        return name[:_LONGEST]
    login = _login()
    return effective_user() if login is None else _named(login)


def data_folder(environ: Mapping[str, str]) -> Path:
    """Return forge-events' part of the user's data, absolute: where everything is that has no place of its own.

    For a user without a home it lies beside other temporary files, and is made here, before somebody else does.

    :raises PermissionError: there it belongs to somebody else.
    """
    is_mac = sys.platform == "darwin"
    data = Path("" if is_mac else environ.get("XDG_DATA_HOME", "").strip())
    try:
        usual = Path("~/Library/Application Support" if is_mac else "~/.local/share").expanduser()
    except RuntimeError:  # there is no home
        return data / "forge-events" if data.is_absolute() else _temporary()
    return ((data if data.is_absolute() else usual) / "forge-events").absolute()


def _login() -> int | None:
    """Return the number of the user who logged in, as the kernel has kept it since."""
    try:
        number = int(_LOGIN.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if number in _NOBODY else number


def _named(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def _temporary() -> Path:
    folder = Path(tempfile.gettempdir()).absolute() / f"forge-events-{os.geteuid()}"
    with contextlib.suppress(OSError):  # it is there, or cannot be: then whoever needs it says so
        folder.mkdir(mode=0o700)
    try:
        found = folder.lstat()
    except OSError:
        return folder
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "belongs to somebody else", str(folder))
    return folder

# SPDX-License-Identifier: Apache-2.0
"""Open files that stand where others can write: regular files alone, never what a link, a pipe or a device leads to.

A file is opened without waiting, so that a pipe without a writer holds nobody up, and looked at when it is open, so
that nobody can change what it is in between.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LINK", "NotRegular", "kind_of", "open_binary", "open_file"]

LINK = "it is a symbolic link, which is not followed"
"""What is said of a link that somebody put where a file should be."""

_CAREFULLY = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


class NotRegular(OSError):
    """Something is no regular file; ``strerror`` says what it is, and trying again is of no use."""


def open_file(
    path: str | Path, flags: int = os.O_RDONLY, *, folder: int | None = None, follows: bool = False, owns: bool = False
) -> int:
    """Return the descriptor of a regular file; one that is made has mode 0600.

    :param folder: the descriptor of the folder that ``path`` is relative to.
    :param follows: the user has named the file, and a link is what they want.
    :param owns: what is written shall be in this place alone: a file that has another name somewhere is refused, too.
    :raises NotRegular: there is something else. OSError: the file cannot be opened.
    """
    try:
        descriptor = os.open(path, flags | _CAREFULLY | (0 if follows else os.O_NOFOLLOW), 0o600, dir_fd=folder)
    except OSError as error:
        reason = _reason(error, follows=follows)
        raise (NotRegular(error.errno, reason, str(path)) if reason else error) from None
    found = os.fstat(descriptor)
    reason = f"it is {kind_of(found.st_mode)}, not a file" if not stat.S_ISREG(found.st_mode) else ""
    if owns and not reason and found.st_nlink > 1:
        reason = "it has another name, where somebody else may read or need it"
    if reason:
        os.close(descriptor)
        raise NotRegular(errno.EINVAL, reason, str(path))
    return descriptor


def open_binary(path: str | Path, *, follows: bool = False) -> BinaryIO:
    """Open a regular file to read it; see :func:`open_file`."""
    return os.fdopen(open_file(path, follows=follows), "rb")


def kind_of(mode: int) -> str:
    """Return in words what something is that is no regular file."""
    return next((name for test, name in _KINDS.items() if test(mode)), "something else")


def _reason(error: OSError, *, follows: bool) -> str:
    """Return what else than a file an error of the opening tells of; empty where it is none of that."""
    if error.errno == errno.ELOOP:
        return "its symbolic links lead in a circle" if follows else LINK
    if error.errno == errno.ENXIO:
        return "it is a pipe or a socket, not a file"
    return "it is a folder, not a file" if error.errno == errno.EISDIR else ""

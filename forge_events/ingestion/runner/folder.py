# SPDX-License-Identifier: Apache-2.0
"""Read a folder that is not to be trusted: its regular files, never what a link or a pipe in it leads to.

Every file is opened relative to the open folder and without following links, so that nothing outside is read even while
somebody is changing the folder; and without waiting, so that a pipe without a writer holds nobody up.

What cannot be taken is told in one line each, and in no more lines than somebody reads.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple, Self

from forge_events.files import LINK, kind_of, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["Folder", "Trouble", "Troubles", "Unreadable"]

_MOST = 100


class Trouble(NamedTuple):
    """One thing that cannot be taken: the path of it below the source, and why."""

    name: str
    reason: str


class Troubles:
    """The troubles with one source, each told once."""

    def __init__(self) -> None:
        self._found: dict[Trouble, None] = {}
        self._more = 0
        self._told = 0

    def add(self, name: str, reason: str) -> None:
        """Write a trouble down."""
        trouble = Trouble(name, reason)
        if trouble in self._found:
            return
        if len(self._found) < _MOST:
            self._found[trouble] = None
        else:
            self._more += 1

    def has(self, name: str) -> bool:
        """Return whether something was written down of a name."""
        return any(trouble.name == name for trouble in self._found)

    def take(self) -> Iterator[Trouble]:
        """Yield what has not been yielded before."""
        fresh = list(self._found)[self._told :]
        self._told = len(self._found)
        yield from fresh
        if self._more:
            yield Trouble("", f"{self._more} more files have troubles")
            self._more = 0


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PIECE = 1024 * 1024


class Unreadable(Exception):
    """A file or folder cannot be taken; its words say why, and hold nothing of what is in it."""


class Folder:
    """An open folder.

    :param name: how to call it to people.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self.name = name

    @classmethod
    def at(cls, path: str) -> Self:
        """Open a folder that the user has named; here a link is what the user wants.

        :raises Unreadable: there is none.
        """
        return cls(_opened(path, _FOLDER, None), path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the folder; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def folder(self, name: str) -> Folder:
        """Open a folder in this one.

        :raises Unreadable: it is none, or a link.
        """
        descriptor = _opened(name, _FOLDER | os.O_NOFOLLOW, self._descriptor)
        return type(self)(descriptor, os.path.join(self.name, name))  # noqa: PTH118 - only to be shown

    def names(self) -> Iterator[tuple[str, bool]]:
        """Yield each name in the folder and whether it is a regular file's, in no order.

        :raises Unreadable: the folder cannot be listed.
        """
        try:
            with os.scandir(self._descriptor) as found:
                for entry in found:
                    yield entry.name, entry.is_file(follow_symlinks=False)
        except OSError as error:
            raise Unreadable(_reason(error)) from error

    def has(self, name: str) -> bool:
        """Return whether there is something of this name, whatever it is."""
        try:
            os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except OSError:
            return False
        return True

    def oddity(self, name: str) -> str:
        """Return why something is no regular file; empty if it is one."""
        try:
            mode = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False).st_mode
        except OSError as error:
            return _reason(error)
        if stat.S_ISLNK(mode):
            return LINK
        return "" if stat.S_ISREG(mode) else f"it is {kind_of(mode)}, not a file"

    def changed(self, name: str = ".") -> float | None:
        """Return when a file of the folder, or the folder itself, was changed; None if it is not there."""
        try:
            return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False).st_mtime
        except OSError:
            return None

    def read(self, name: str, limit: int) -> bytes:
        """Return the content of a regular file.

        :raises Unreadable: it is none, or larger than ``limit`` bytes.
        """
        descriptor = self._file(name)
        try:
            data = os.read(descriptor, limit + 1 if limit < _PIECE else _PIECE)
            if len(data) == _PIECE and os.fstat(descriptor).st_size > limit:
                raise Unreadable(_too_large(limit))  # before any more of it is in memory
            while data and len(data) <= limit and (more := os.read(descriptor, _PIECE)):
                data += more
        except OSError as error:
            raise Unreadable(_reason(error)) from error
        finally:
            os.close(descriptor)
        if len(data) > limit:
            raise Unreadable(_too_large(limit))
        return data

    def _file(self, name: str) -> int:
        try:
            return open_file(name, folder=self._descriptor)
        except (OSError, ValueError) as error:
            raise Unreadable(_reason(error)) from error

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the content of a regular file of any size, piece by piece.

        :raises Unreadable: it is none.
        """
        descriptor = self._file(name)
        try:
            while piece := os.read(descriptor, _PIECE):
                yield piece
        except OSError as error:
            raise Unreadable(_reason(error)) from error
        finally:
            os.close(descriptor)


def _opened(path: str, flags: int, folder: int | None) -> int:
    try:
        return os.open(path, flags, dir_fd=folder)
    except (OSError, ValueError) as error:
        raise Unreadable(_reason(error)) from error


def _reason(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return "no file can have this name"
    if error.errno == errno.ELOOP:
        return LINK
    if error.errno == errno.ENOTDIR:
        return "it is no folder, or a symbolic link"
    return error.strerror or type(error).__name__


def _too_large(limit: int) -> str:
    return f"it is larger than {limit} bytes"

# SPDX-License-Identifier: Apache-2.0
"""Wake whoever waits for something new: with PostgreSQL by NOTIFY, with a file by named pipes beside it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from forge_events.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import psycopg

__all__ = ["CHANNEL", "NEWS", "FileListener", "Listener", "ServerListener", "notify"]

CHANNEL = "forge_events_jobs"
"""What PostgreSQL's notifications are called."""

NEWS = "forge_events_news"
"""What those are called that tell of a job's events and status, as ``41:1200``, its id and its last counter."""

_ENOUGH = 65536
_PREFIX = "listener-"


class Listener(Protocol):
    """Is readable once there is something new to look at; what it says carries no truth, the store does."""

    def fileno(self) -> int:
        """Return a descriptor that is readable once something has come."""

    def drain(self) -> bool:
        """Return whether something has come, and forget it.

        :raises StoreUnavailable: nothing can come any more.
        """

    def news(self) -> list[tuple[int, int]] | None:
        """Take what has come: jobs with their last counters; None where nobody says of which jobs.

        :raises StoreUnavailable: nothing can come any more.
        """

    def close(self) -> None:
        """Listen no more."""


class FileListener:
    """A named pipe in a folder; whoever notifies writes into all that are there.

    :raises StoreUnavailable: the folder or the pipe cannot be made.
    """

    def __init__(self, folder: Path, where: str) -> None:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            made = Path(tempfile.mktemp(prefix="new-", dir=folder))  # noqa: S306 - mkfifo refuses one that is there
            os.mkfifo(made, 0o600)
            # Opened for writing too, or it would count as readable whenever nobody else has it open.
            self._pipe = os.open(made, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            # Its name comes last: whoever notifies takes one away that nobody has open.
            self._path = made.rename(made.with_name(made.name.replace("new-", _PREFIX, 1)))
        except OSError as error:
            raise StoreUnavailable(where, error.strerror or str(error)) from error

    def fileno(self) -> int:
        """Return the pipe."""
        return self._pipe

    def drain(self) -> bool:
        """Take out what was written."""
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self._pipe, _ENOUGH))
        return False

    def news(self) -> list[tuple[int, int]] | None:
        """Take out what was written; None, since a pipe does not say of which job there is news."""
        self.drain()
        return None

    def close(self) -> None:
        """Take the pipe away."""
        self._path.unlink(missing_ok=True)
        os.close(self._pipe)


class ServerListener:
    """A connection to PostgreSQL that listens.

    :param connection: psycopg's, without a transaction.
    :param explained: turns the errors of the driver into ours.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], explained: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._connection, self._explained = connection, explained

    def fileno(self) -> int:
        """Return the connection's socket."""
        return self._connection.fileno()

    def drain(self) -> bool:
        """Take what has come."""
        with self._explained():
            return bool(list(self._connection.notifies(timeout=0)))

    def news(self) -> list[tuple[int, int]] | None:
        """Take what has come, and return of which jobs there is news, and how far they are."""
        with self._explained():
            told = {notify.payload.partition(":")[0]: notify for notify in self._connection.notifies(timeout=0)}
        return [(int(job), int(last.payload.partition(":")[2])) for job, last in told.items()]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def notify(folder: Path) -> None:
    """Wake all that listen in a folder; those that a killed process left behind are taken away."""
    try:
        paths = [entry.path for entry in os.scandir(folder) if entry.name.startswith(_PREFIX)]
    except OSError:
        return  # nobody listens, and whoever comes looks first
    for path in paths:
        with contextlib.suppress(OSError):
            _notify(path)


def _notify(path: str) -> None:
    if not stat.S_ISFIFO(os.lstat(path).st_mode):
        return  # somebody else has put it there
    try:
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nobody has it open
            Path(path).unlink()
        return
    try:
        if stat.S_ISFIFO(os.fstat(pipe).st_mode):
            os.write(pipe, b".")
    finally:
        os.close(pipe)

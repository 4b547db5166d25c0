# SPDX-License-Identifier: Apache-2.0
"""Tell a spool how the command ended that wrote it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from forge_events import spool
from forge_events.files import open_file
from forge_events.recording import early

if TYPE_CHECKING:
    from pathlib import Path

    from forge_events.recording.early import Ended
    from forge_events.recording.environment import Wish

__all__ = ["append_exit", "close"]


def close(wish: Wish, ended: Ended) -> OSError | ValueError | None:
    """Tell the spool that the command has ended; write the whole of it where Ansible never did.

    :return: why it could not be told.
    """
    try:
        if wish.path.exists():
            append_exit(wish.path, ended.exit)
        else:
            early.write_spool(wish, ended)
    except (OSError, ValueError) as error:
        return error
    return None


def append_exit(path: Path, exit_: dict[str, Any]) -> None:
    """Write the last line of a spool whose other writers have ended.

    :param exit_: ``finished`` and, as far as they are known, ``rc``, ``status`` and ``explanation``.
    :raises OSError: the spool is missing or cannot be written.
    """
    _end_line(path)
    writer = spool.Writer(str(path), append=True)
    try:
        writer.exit(exit_)
    finally:
        writer.close()


def _end_line(path: Path) -> None:
    """End the last line if it is torn, so that what follows is a line of its own; the command that wrote it is gone."""
    with os.fdopen(open_file(path, os.O_RDWR), "r+b") as file:
        if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            file.write(b"\n")

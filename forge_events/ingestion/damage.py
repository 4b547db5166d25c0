# SPDX-License-Identifier: Apache-2.0
"""What cannot be taken in: lines that are no events, kept beside their spool, and files that are no spools, set aside.

Both are told of once, and nothing of them is lost.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from forge_events.files import NotRegular, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["Damage", "beside", "keep", "kept_in", "reason_of", "set_aside"]

_LONGEST_NAME = 255
"""Bytes of the longest name that file systems take."""

_MOST = 1000


def beside(path: Path, suffix: str) -> Path:
    """Return the path of what belongs to a file and stands beside it; a name too long for that is cut and hashed."""
    name = os.fsencode(path.name)
    if len(name) + len(suffix) > _LONGEST_NAME:
        digest = hashlib.sha256(name).hexdigest()[:16]
        kept = name[: _LONGEST_NAME - len(suffix) - len(digest) - 1].decode("utf-8", "ignore")
        return path.with_name(f"{kept}-{digest}{suffix}")
    return path.with_name(f"{path.name}{suffix}")


def set_aside(path: Path) -> Path | None:
    """Rename whatever has a path, and return its new place; None where the folder is not ours to change."""
    for number in range(1, _MOST):
        kept = beside(path, ".broken" if number == 1 else f".broken-{number}")
        try:
            is_folder = stat.S_ISDIR(path.lstat().st_mode)
            # The name is taken first, so that nothing that has it is written over.
            kept.mkdir(mode=0o700) if is_folder else kept.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            continue
        except OSError:
            return None
        return kept if _is_moved(path, kept, is_folder=is_folder) else None
    return None


def _is_moved(path: Path, kept: Path, *, is_folder: bool) -> bool:
    try:
        path.rename(kept)
    except OSError:
        with suppress(OSError):
            kept.rmdir() if is_folder else kept.unlink()
        return False
    return True


_PIECE = 1024 * 1024
_LONGEST_LINE = 8 * _PIECE
"""Bytes of the longest line that a piece makes, and some more."""

_OURS = b'{"position":'
_ATTEMPTS, _PAUSE = 50, 0.1


class Damage(NamedTuple):
    """One line that was skipped: where it stands in bytes, and why; the reason holds nothing of the line."""

    start: int
    end: int
    reason: str


def reason_of(error: Exception) -> str:
    """Say why a line is no event, without what it holds."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['type']}" for part in error.errors())
    return f"it is no event: {type(error).__name__}"


def kept_in(spool: Path) -> Path:
    """Return the file that keeps the damaged lines of a spool."""
    return beside(spool, ".damaged")


def keep(spool: Path, file: BinaryIO, damages: Sequence[Damage]) -> None:
    """Copy damaged lines to the file that keeps them, each once, however many processes do it.

    That file has an object a line: ``position`` in the spool, ``reason``, and ``line``; bytes of it that are not UTF-8
    are lone surrogates (Python's ``surrogateescape``), and a very long line is spread over several objects.
    """
    with _opened(kept_in(spool)) as target:
        _lock(target)
        kept = _positions(target, min(damage.start for damage in damages))
        for damage in damages:
            for piece in _pieces(file, damage):
                if piece["position"] not in kept:
                    target.write(json.dumps(piece).encode("ascii") + b"\n")
        target.flush()
        os.fsync(target.fileno())


def _opened(path: Path) -> BinaryIO:
    """Open the file that keeps lines; what has its name and cannot be it is set aside."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    try:
        return os.fdopen(open_file(path, flags, owns=True), "r+b")
    except NotRegular:
        if set_aside(path) is None:
            raise
    return os.fdopen(open_file(path, flags, owns=True), "r+b")


def _lock(target: BinaryIO) -> None:
    """Keep others away, as far as the file system can; whoever keeps it locked for long holds up nobody."""
    for _ in range(_ATTEMPTS):
        try:
            return fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        except OSError:
            return None
    raise BlockingIOError(errno.EWOULDBLOCK, "somebody keeps the file locked that takes its damaged lines")


def _positions(target: BinaryIO, first: int) -> set[int]:
    """Return the positions from ``first`` on that are kept already; a line that is not ours stays as it is.

    The last line has an end afterwards: one of ours that a crash has torn is cut off and written again.
    """
    found, whole = set(), 0
    while line := target.readline(_LONGEST_LINE):
        position = _position(line)
        if position is not None and position >= first:
            found.add(position)
        whole += len(line)
        last = line
    if whole and not last.endswith(b"\n"):
        if last.startswith(_OURS):
            target.truncate(whole - len(last))
        else:
            target.write(b"\n")
    return found


def _position(line: bytes) -> int | None:
    """Return the position that a line tells of; None where it is torn or was written by somebody else."""
    try:
        position = json.loads(line)["position"] if line.startswith(_OURS) and line.endswith(b"\n") else None
    except (ValueError, KeyError, RecursionError):
        return None
    return position if isinstance(position, int) else None


def _pieces(file: BinaryIO, damage: Damage) -> Iterator[dict[str, Any]]:
    for start in range(damage.start, damage.end, _PIECE):
        data = os.pread(file.fileno(), min(_PIECE, damage.end - start), start)
        yield {"position": start, "reason": damage.reason, "line": data.decode("utf-8", "surrogateescape")}

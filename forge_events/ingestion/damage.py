# SPDX-License-Identifier: Apache-2.0
"""Lines of a spool that cannot become events: named, and kept beside the spool when that is about to go."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["Damage", "keep", "kept_in", "reason_of"]

_PIECE = 1024 * 1024


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
    return spool.with_name(f"{spool.name}.damaged")


def keep(spool: Path, file: BinaryIO, damages: Sequence[Damage]) -> None:
    """Copy damaged lines to the file that keeps them, each once, however many processes do it.

    That file has an object a line: ``position`` in the spool, ``reason``, and ``line``; bytes of it that are not UTF-8
    are lone surrogates (Python's ``surrogateescape``), and a very long line is spread over several objects.
    """
    descriptor = os.open(kept_in(spool), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as target:
        fcntl.flock(target, fcntl.LOCK_EX)
        kept = _positions(target, min(damage.start for damage in damages))
        for damage in damages:
            for piece in _pieces(file, damage):
                if piece["position"] not in kept:
                    target.write(json.dumps(piece).encode("ascii") + b"\n")
        target.flush()
        os.fsync(target.fileno())


def _positions(target: BinaryIO, first: int) -> set[int]:
    """Return the positions from ``first`` on that are kept already, and cut off what a crash left behind the last."""
    found, whole = set(), 0
    for line in target:
        if not line.endswith(b"\n"):
            target.truncate(whole)
            break
        position = json.loads(line)["position"]
        whole += len(line)
        if position >= first:
            found.add(position)
    return found


def _pieces(file: BinaryIO, damage: Damage) -> Iterator[dict[str, Any]]:
    for start in range(damage.start, damage.end, _PIECE):
        data = os.pread(file.fileno(), min(_PIECE, damage.end - start), start)
        yield {"position": start, "reason": damage.reason, "line": data.decode("utf-8", "surrogateescape")}

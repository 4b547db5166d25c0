# SPDX-License-Identifier: Apache-2.0
"""Set aside what is no spool, under a name that nothing reads: it is told of once, and nothing is lost."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["beside", "set_aside"]

_LONGEST = 255
"""Bytes of the longest name that file systems take."""

_MOST = 1000


def beside(path: Path, suffix: str) -> Path:
    """Return the path of what belongs to a file and stands beside it; a name too long for that is cut and hashed."""
    name = os.fsencode(path.name)
    if len(name) + len(suffix) > _LONGEST:
        digest = hashlib.sha256(name).hexdigest()[:16]
        kept = name[: _LONGEST - len(suffix) - len(digest) - 1].decode("utf-8", "ignore")
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

# SPDX-License-Identifier: Apache-2.0
"""Find the Pythons of this machine by version, wherever it keeps them."""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find"]


@functools.cache
def find(version: str) -> str | None:
    """Return a Python of a version such as ``3.12`` that really runs, or None.

    Looked for as ``python3.12`` on the PATH, as this very Python, and among pyenv's versions: the ``python3.12`` that
    pyenv puts on the PATH runs for its chosen versions only.
    """
    return next((python for python in _candidates(version) if _runs(python, version)), None)


def _candidates(version: str) -> Iterator[str]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    yield sys.executable
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    for folder in sorted(pyenv.glob(f"versions/{version}.*"), reverse=True):
        yield str(folder / "bin" / "python")


def _runs(python: str, version: str) -> bool:
    code = f"import sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != {version!r})"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False

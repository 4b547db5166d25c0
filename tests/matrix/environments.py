# SPDX-License-Identifier: Apache-2.0
"""Environments with ansible-core and nothing else, one for each version and Python, kept in ``.cache`` between runs."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from tests.matrix import pythons

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMBINATIONS", "CORE_ALONE", "SHORT", "Combination", "Environment", "make"]

CACHE = pathlib.Path(__file__).parents[2] / ".cache" / "matrix"

CORE_ALONE = frozenset(
    {"ansible-core", "cffi", "cryptography", "jinja2", "markupsafe", "packaging", "pycparser", "pyyaml", "resolvelib"}
    | {"typing_extensions"}
)
"""All that an installation of ansible-core brings; the last one on Python 3.10 alone."""


class Combination(NamedTuple):
    """A minor version of ansible-core on a minor version of Python."""

    core: str
    python: str

    def __str__(self) -> str:
        return f"core{self.core}-py{self.python}"


COMBINATIONS = [
    Combination("2.16", "3.11"),
    Combination("2.16", "3.10"),
    Combination("2.16", "3.12"),
    Combination("2.17", "3.12"),
    Combination("2.18", "3.11"),
    Combination("2.19", "3.11"),
    Combination("2.19", "3.12"),
    Combination("2.19", "3.13"),
    Combination("2.20", "3.12"),
    Combination("2.21", "3.12"),
    Combination("2.21", "3.13"),
    Combination("2.21", "3.14"),
]


def _short() -> frozenset[Combination]:
    """Choose for the oldest, the middle and the newest version the first Python that this machine has."""
    rows = [[row for row in COMBINATIONS if row.core == core] for core in ("2.16", "2.19", "2.21")]
    return frozenset(next((row for row in some if pythons.find(row.python)), some[0]) for some in rows)


SHORT = _short()
"""What ``make test`` runs; ``make test-matrix`` runs all."""


class Environment(NamedTuple):
    """A virtual environment with ansible-core alone."""

    combination: Combination
    folder: pathlib.Path

    @property
    def bin(self) -> pathlib.Path:
        """The folder of its commands."""
        return self.folder / "bin"

    def packages(self) -> frozenset[str]:
        """Return the names of the installed distributions."""
        found = json.loads(_pip(self.bin / "python", "list", "--format", "json"))
        return frozenset(package["name"].lower() for package in found)

    def run(
        self, *command: str, cwd: pathlib.Path, env: Mapping[str, str] | None = None, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its commands in a bare environment, with its error output among the output."""
        bare = {
            "HOME": str(cwd),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{self.bin}:{os.defpath}",
            # An interpreter that Ansible would have to look for may be missing, and a warning says so.
            "ANSIBLE_PYTHON_INTERPRETER": os.path.realpath(self.bin / "python"),
            # The user may have no home for what modules are copied to.
            "ANSIBLE_REMOTE_TMP": str(cwd / "remote"),
        }
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=cwd,
            env={**bare, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )


def make(combination: Combination) -> Environment | None:
    """Return the environment of a combination, made now if it is not in the cache; None without such a Python."""
    python = pythons.find(combination.python)
    if python is None:
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    environment = Environment(combination, CACHE / str(combination))
    with (CACHE / f"{combination}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers of pytest-xdist may want it at once
        if not _is_whole(environment):
            _fill(environment, python)
    return environment


def _is_whole(environment: Environment) -> bool:
    ready = environment.folder / "ready"
    return ready.exists() and ready.read_text(encoding="utf-8") == str(environment.folder)


def _fill(environment: Environment, python: str) -> None:
    # pip comes from outside, so that the environment has none of its own.
    shutil.rmtree(environment.folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", "--without-pip", str(environment.folder)], check=True)
    _pip(environment.bin / "python", "install", "--quiet", f"ansible-core=={environment.combination.core}.*")
    (environment.folder / "ready").write_text(str(environment.folder), encoding="utf-8")


def _pip(python: pathlib.Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout

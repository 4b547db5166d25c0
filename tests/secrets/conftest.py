# SPDX-License-Identifier: Apache-2.0
"""Places to record in, of which every byte can be looked at, with the installed ansible-core and with other ones."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.conftest import BIN, ROOT
from tests.matrix import environments

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAYBOOKS = pathlib.Path(__file__).parent / "playbooks"
OTHERS = ("2.16", "2.19", "2.21")


class Place:
    """A home of forge-events and a folder for temporary files, both empty.

    :param programs: the folder of Ansible's commands.
    """

    def __init__(self, folder: pathlib.Path, programs: pathlib.Path) -> None:
        self.folder = folder
        self.home, self.target = folder / "home", folder / "target"
        for path in (self.home, self.target):
            path.mkdir()
        # From 2.21 on Ansible has a socket there, whose path may have 107 characters.
        self.temporary = pathlib.Path(tempfile.mkdtemp(prefix="hush-"))
        self.programs = programs
        self.environ = {
            **os.environ,
            "FORGE_EVENTS_HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "tests" / "callback" / "playbooks" / "connection_plugins"),
            "ANSIBLE_PYTHON_INTERPRETER": os.path.realpath(sys.executable),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
        }

    def forge_events(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run ``forge-events`` in the folder of the playbooks."""
        return subprocess.run(
            [str(BIN / "forge-events"), *arguments],
            cwd=PLAYBOOKS,
            env={**self.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=280,
            check=False,
        )

    def export(self) -> bytes:
        """Return all that the store says of the last job."""
        shown = (("export", "latest"), ("show", "latest", "--json"), ("stdout", "latest"), ("tree", "latest"))
        return b"".join(self.forge_events(*words).stdout for words in shown)

    def found(self) -> list[str]:
        """Return the marks that are in any file that is kept, and in what the commands show of it."""
        shown = self.export()
        kept = [path for top in (self.home, self.temporary) for path in top.rglob("*") if path.is_file()]
        return sorted(
            {mark.decode() for data in (shown, *map(_read, kept)) for mark in re.findall(rb"HUSH-[\w-]+", data)}
        )


def _read(path: pathlib.Path) -> bytes:
    # What modules have left is Ansible's.
    return b"" if "ansible" in path.as_posix().rpartition("/tmp/")[2] else path.read_bytes()


def _cores() -> Iterator[object]:
    yield pytest.param("", id="installed")
    for core in OTHERS:
        yield pytest.param(core, id=f"core{core}", marks=pytest.mark.full)


@pytest.fixture(params=_cores())
def place(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Place]:
    """Yield a place to record in with one of several ansible-cores."""
    found = Place(tmp_path, _programs(request.param))
    yield found
    shutil.rmtree(found.temporary)


def _programs(core: str) -> pathlib.Path:
    if not core:
        return BIN
    combination = next(row for row in sorted(environments.SHORT) if row.core == core)
    environment = environments.make(combination)
    if environment is None:
        pytest.skip(f"this machine has no Python {combination.python} to run ansible-core {combination.core} on")
    return environment.bin

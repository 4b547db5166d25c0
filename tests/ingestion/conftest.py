# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import pathlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from forge_events.store import upgrade
from tests import postgresql
from tests.conftest import ROOT
from tests.ingestion.receivers import ReceiverProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


_numbers = itertools.count(1)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the folder of the spools."""
    path = tmp_path / "spool"
    path.mkdir()
    return path


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a module of these tests as a process, which does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def run(module: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", f"tests.ingestion.{module}", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def receive(tmp_path: pathlib.Path, folder: pathlib.Path) -> Iterator[Callable[..., ReceiverProcess]]:
    """Start a receiver of the folder into a database, which does not outlive the test."""
    started: list[ReceiverProcess] = []

    def run(url: str, *options: str, place: pathlib.Path = folder, before: Sequence[str] = ()) -> ReceiverProcess:
        made = ReceiverProcess(tmp_path / f"receiver-{len(started)}", url, place, *options, before=before)
        started.append(made)
        return made

    yield run
    for receiver in started:
        receiver.process.kill()
        receiver.process.wait()


@pytest.fixture(scope="module")
def fragile(request: pytest.FixtureRequest) -> Iterator[postgresql.Server]:
    """Return a server that a test may stop, kill and start again; it is not running."""
    bin_folder = request.config.getoption("--postgresql-bin")
    with postgresql.server(pathlib.Path(bin_folder) if bin_folder else None) as made:
        yield made


@pytest.fixture
def fragile_url(fragile: postgresql.Server) -> Iterator[str]:
    """Return the URL of a new database of that server, which is running."""
    name = f"test_{next(_numbers)}"
    fragile.start()
    fragile.execute(f"CREATE DATABASE {name}")
    upgrade(fragile.url(name))
    yield fragile.url(name)
    fragile.stop()

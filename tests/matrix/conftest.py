# SPDX-License-Identifier: Apache-2.0
"""A folder in which the built collection is installed and enabled, for each core-only environment of the matrix."""

from __future__ import annotations

import dataclasses
import types
from typing import TYPE_CHECKING, Any

import pytest

from forge_events import spool
from tests.matrix import environments

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from tests.matrix.environments import Combination, Environment

CONFIG = """\
[defaults]
{enabled}
collections_path = {project}/collections

[callback_job_events]
spool_dir = {project}/spool
"""


def parameters() -> Iterator[Any]:
    for combination in environments.COMBINATIONS:
        marks = [] if combination in environments.SHORT else [pytest.mark.full]
        yield pytest.param(combination, id=str(combination), marks=marks)


@pytest.fixture(scope="session", params=parameters())
def environment(request: pytest.FixtureRequest) -> Environment:
    combination: Combination = request.param
    found = environments.make(combination)
    if found is None:
        pytest.skip(f"this machine has no Python {combination.python} to run ansible-core {combination.core} on")
    return found


@dataclasses.dataclass
class Run:
    """What a command printed, how it ended, and the events that it left."""

    rc: int
    output: str
    records: list[spool.Record]

    @property
    def events(self) -> list[Any]:
        return [types.SimpleNamespace(**record.value) for record in self.records if record.kind == "event"]


@dataclasses.dataclass
class Project:
    """A folder with an ``ansible.cfg`` that enables the plugin of the collection installed in it."""

    environment: Environment
    folder: pathlib.Path

    def configure(self, *, is_enabled: bool = True) -> None:
        enabled = "callbacks_enabled = forge.events.job_events" if is_enabled else "# nothing is enabled"
        config = CONFIG.format(enabled=enabled, project=self.folder)
        (self.folder / "ansible.cfg").write_text(config, encoding="utf-8")

    def run(self, *command: str, **env: str) -> Run:
        before = self._spools()
        done = self.environment.run(*command, cwd=self.folder, env=env)
        new = sorted(self._spools() - before)
        assert len(new) <= 1, "one run leaves one spool"
        return Run(done.returncode, done.stdout, [record for path in new for record in _records(path)])

    def _spools(self) -> set[pathlib.Path]:
        return set((self.folder / "spool").glob("*.jsonl"))


def _records(path: pathlib.Path) -> list[spool.Record]:
    with path.open("rb") as file:
        return list(spool.read(file))


@pytest.fixture(scope="session")
def installed(environment: Environment, tarball: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(environment, tmp_path_factory.mktemp(f"project-{environment.combination}"))
    project.configure()
    install = ["ansible-galaxy", "collection", "install", "-p", str(project.folder / "collections"), str(tarball)]
    done = environment.run(*install, cwd=project.folder)
    assert done.returncode == 0, done.stdout
    return project


@pytest.fixture
def project(installed: Project) -> Project:
    installed.configure()
    return installed

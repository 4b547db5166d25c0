# SPDX-License-Identifier: Apache-2.0
"""What the process of one job is told, and what passes between it and the executor beside the spool.

Nothing but JSON passes between the two.
"""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations of the models
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from forge_events.arguments import arguments_of
from forge_events.dispatcher.container import Container, Engine
from forge_events.dispatcher.isolation import container_of
from forge_events.jobs import JobStatus  # noqa: TC001 - pydantic reads the annotations of the models

if TYPE_CHECKING:
    from forge_events.jobs import Job
    from forge_events.launches import Launch

__all__ = ["GO", "SECRETS", "Order", "Place", "Plan", "Result", "leave", "plan_of", "read"]

GO = b"go\n"
"""The line that lets the process begin; without it nothing is run."""

SECRETS = "env"
"""The part of a job's folder that may hold secrets."""


class Place(NamedTuple):
    """Where jobs are run, and how they are ended.

    :param node: the name of this machine as a node, with ``dispatcher_id`` the process that has the jobs in hand.
    :param work_dir: the folder that has the folders of the jobs.
    :param engine: what runs the containers of jobs that have an image.
    :param grace: seconds that the processes of a job have to end by themselves.
    :param has_receiver: this process takes in what jobs write without the executor's help.
    :param counts_hosts: see :func:`forge_events.launches.impact_of`; for the jobs of schedules.
    """

    node: str
    dispatcher_id: int
    work_dir: Path
    spool_dir: Path
    engine: Engine = Engine()
    grace: float = 5.0
    has_receiver: bool = False
    counts_hosts: bool = True

    def folder(self, uuid: str, runner_pid: int) -> Path:
        """Return the folder of a job that a process runs: each attempt has one of its own."""
        return self.work_dir / f"{uuid}.{runner_pid}"


class Plan(BaseModel):
    """One job for its process.

    :param name: what to call the job.
    :param folder: the job's folder. Extra variables are in it already, so that no argument holds them.
    :param recorder_pid: the process that says how the job ended if its own does not.
    :param command: what to run in ``directory``, without secrets.
    :param container: the one that the command runs in, by ``engine``; None runs it on this machine itself.
    """

    model_config = ConfigDict(frozen=True)

    uuid: str
    name: str
    folder: Path
    spool_dir: Path
    recorder_pid: int
    command: list[str]
    directory: str
    container: Container | None = None
    engine: Engine = Engine()


class Order(BaseModel):
    """That a job is to be stopped: what its process shall say of it when everything has ended."""

    model_config = ConfigDict(frozen=True)

    status: JobStatus
    explanation: str


class Result(BaseModel):
    """How a job ended whose process could not say so in the spool."""

    model_config = ConfigDict(frozen=True)

    rc: int
    status: JobStatus | None = None
    explanation: str = ""


_Word = TypeVar("_Word", Order, Result)
_FILES = {Order: "order.json", Result: "result.json"}


def plan_of(job: Job, launch: Launch, folder: Path, place: Place) -> Plan:
    """Lay a job's files down in its folder, and return the plan for it.

    :raises OSError: the folder cannot be written.
    """
    arguments = arguments_of(launch, str(folder / SECRETS))
    for name, text in arguments.files.items():
        _write(folder / SECRETS / name, text)
    return Plan(
        uuid=job.uuid,
        name=job.name,
        folder=folder,
        spool_dir=place.spool_dir,
        recorder_pid=os.getpid(),
        command=["ansible-playbook", *arguments.words],
        directory=launch.project or "/",
        container=container_of(job.uuid, launch, folder / SECRETS, place.spool_dir),
        engine=place.engine,
    )


def leave(folder: Path, word: Order | Result) -> None:
    """Leave word in a job's folder.

    :raises OSError: the folder cannot be written.
    """
    path = folder / _FILES[type(word)]
    _write(path.with_suffix(".new"), word.model_dump_json())
    path.with_suffix(".new").replace(path)


def read(folder: Path, kind: type[_Word]) -> _Word | None:
    """Return the word that was left in a job's folder; None if there is none."""
    try:
        return kind.model_validate_json((folder / _FILES[kind]).read_bytes())
    except (OSError, ValidationError):
        return None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)

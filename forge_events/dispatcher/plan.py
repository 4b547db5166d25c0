# SPDX-License-Identifier: Apache-2.0
"""What the process of ansible-runner is told, and what it says at its end. Nothing but JSON passes between the two."""

from __future__ import annotations

import json
import os
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations of the models
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from forge_events.launches import Launch

__all__ = ["GO", "Place", "Plan", "Verdict", "plan_of", "read_verdict", "write_verdict"]

GO = b"go\n"
"""The line that lets the process begin; without it nothing is run."""

_MAX_LIMIT = 10_000
_RESULT, _VERDICT = "result.json", "verdict.json"


class Place(NamedTuple):
    """Where jobs are run, and how they are ended.

    :param node: the name of this machine as a node, with ``dispatcher_id`` the process that has the jobs in hand.
    :param work_dir: the folder that has the folders of the jobs.
    :param engine: podman or docker, for jobs in containers.
    :param artifact_days: for how long the folder of a job that has ended is kept.
    :param grace: seconds that the processes of a job have to end by themselves.
    """

    node: str
    dispatcher_id: int
    work_dir: Path
    spool_dir: Path
    engine: str = "podman"
    artifact_days: float = 0.0
    grace: float = 5.0

    def folder(self, uuid: str, runner_pid: int) -> Path:
        """Return the folder of a job that a process of ansible-runner runs: each attempt has one of its own."""
        return self.work_dir / f"{uuid}.{runner_pid}"


class Plan(BaseModel):
    """One job for ansible-runner.

    :param folder: where runner keeps its files; extra variables are in it already, so that no argument holds them.
    :param recorder_pid: the process that says how the job ended if this one does not.
    :param keeps_artifacts: have runner write a file of each event as well, for whoever wants its folder.
    :param options: the arguments of ``ansible_runner.run``.
    :param variables: what the environment gets beside what it has.
    """

    model_config = ConfigDict(frozen=True)

    uuid: str
    folder: Path
    spool_dir: Path
    recorder_pid: int
    image: str | None = None
    keeps_artifacts: bool = False
    options: dict[str, Any]
    variables: dict[str, str] = {}


class Verdict(BaseModel):
    """How a job ended: in ansible-runner's words or ours, with the exit code where there is one."""

    model_config = ConfigDict(frozen=True)

    status: str
    explanation: str = ""
    rc: int | None = None


def plan_of(uuid: str, launch: Launch, folder: Path, place: Place) -> Plan:
    """Lay a job's files down in its folder, and return the plan for it.

    :raises OSError: the folder cannot be written.
    """
    options: dict[str, Any] = {
        "ident": uuid,
        "private_data_dir": str(folder),
        "project_dir": launch.project,
        "playbook": launch.playbook,
        "inventory": list(launch.inventory) or None,
        "limit": _limit(launch, folder),
        "tags": ",".join(launch.tags) or None,
        "skip_tags": ",".join(launch.skip_tags) or None,
        "forks": launch.forks,
        "verbosity": launch.verbosity or None,
        "cmdline": _cmdline(launch) or None,
    }
    if launch.execution_environment is not None:
        options |= _isolation(launch, folder, place.engine)
    _write(folder / "env" / "extravars", launch.extra_vars)
    return Plan(
        uuid=uuid,
        folder=folder,
        spool_dir=place.spool_dir,
        recorder_pid=os.getpid(),
        image=launch.execution_environment,
        keeps_artifacts=place.artifact_days > 0,
        options={name: value for name, value in options.items() if value is not None},
        variables={"ANSIBLE_FORCE_COLOR": "1", "FORGE_EVENTS_PARENT_JOB": uuid},
    )


def write_verdict(folder: Path, verdict: Verdict, *, is_result: bool = False) -> None:
    """Leave word in a job's folder: what runner shall say when it ends, or what it has said.

    :raises OSError: the folder cannot be written.
    """
    path = folder / (_RESULT if is_result else _VERDICT)
    _write(path.with_suffix(".new"), verdict.model_dump())
    path.with_suffix(".new").replace(path)


def read_verdict(folder: Path, *, is_result: bool = False) -> Verdict | None:
    """Return the word that was left in a job's folder; None if there is none."""
    try:
        return Verdict.model_validate_json((folder / (_RESULT if is_result else _VERDICT)).read_bytes())
    except (OSError, ValidationError):
        return None


def _cmdline(launch: Launch) -> str:
    flags = [flag for flag, is_set in (("--check", launch.check), ("--diff", launch.diff)) if is_set]
    return " ".join([*flags, *(f"-e '@{_quoted(path)}'" for path in launch.extra_vars_files)])


def _quoted(path: str) -> str:
    return path.replace("'", "'\"'\"'")


def _limit(launch: Launch, folder: Path) -> str | None:
    """Return the limit, as a file where it is longer than an argument should be."""
    if launch.limit is None or len(launch.limit) <= _MAX_LIMIT:
        return launch.limit
    path = folder / "limit"
    path.write_text(launch.limit.replace(",", "\n") + "\n", encoding="utf-8")
    return f"@{path}"


def _isolation(launch: Launch, folder: Path, engine: str) -> dict[str, Any]:
    """Return what makes runner start a container, in which the project has the place that it has outside."""
    paths = {path for path in (launch.project, *launch.inventory) if path and path.startswith("/")}
    return {
        "process_isolation": True,
        "process_isolation_executable": engine,
        "container_image": launch.execution_environment,
        "container_volume_mounts": [f"{path}:{path}:Z" for path in sorted({*paths, str(folder / "env")})],
    }


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file)

# SPDX-License-Identifier: Apache-2.0
"""Why a job ends as ``error`` and not as ``failed``: what it needs beside its playbook is not there."""

from __future__ import annotations

import collections
import datetime
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from forge_events.doctor.check import WITHIN, fail, fine, warn
from forge_events.jobs import JobFilter, JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.doctor.check import Finding, Subject
    from forge_events.launches import Launch

__all__ = ["errors", "images", "mesh", "projects"]

_DAY = datetime.timedelta(days=1)
_MOST, _LONGEST = 200, 160
_GREETING = b"Receptor Control"


def errors(subject: Subject) -> Finding:
    """Look what could not be run in the last day."""
    found = subject.store.jobs(JobFilter(status=JobStatus.ERROR), limit=_MOST)
    lately = [job for job in found if job.finished is not None and subject.now - job.finished <= _DAY]
    if not lately:
        return fine("no job ended as error in the last 24 h")
    reasons = collections.Counter(job.job_explanation[:_LONGEST] or "nobody knows why" for job in lately)
    words = "; ".join(f"{count}x {reason}" for reason, count in reasons.most_common(3))
    return warn(f"{len(lately)} jobs ended as error in the last 24 h: {words}", f"`forge-events doctor {lately[0].id}`")


def projects(subject: Subject) -> Finding:
    """Look whether the projects and playbooks of templates and of jobs that are to run are on this machine."""
    if not _runs_jobs(subject):
        return fine("no jobs run on this machine")
    missing = [words for what, launch in _launches(subject) if (words := _missing(what, launch))]
    if missing:
        return fail("; ".join(missing[:3]), "bring the project back, or `forge-events template edit NAME --project`")
    return fine("those of templates and of jobs that are to run are there")


def images(subject: Subject) -> Finding | None:
    """Look whether execution environments can be run."""
    wanted = {launch.execution_environment: what for what, launch in _launches(subject) if launch.execution_environment}
    if not wanted or not _runs_jobs(subject):
        return None
    engine = subject.found.container_engine
    if shutil.which(engine) is None:
        return fail(f"{engine} is not on this machine, and {min(wanted.values())} needs it", f"install {engine}")
    absent = [image for image in sorted(wanted) if not _has_image(engine, image)]
    if absent and subject.found.container_pull == "never":
        words = f"image {absent[0]} of {wanted[absent[0]]} is not on this machine, and is never pulled"
        return fail(words, f"`{engine} pull {absent[0]}`, or FORGE_EVENTS_CONTAINER_PULL=missing")
    return fine(f"{len(absent)} of {len(wanted)} images are going to be pulled" if absent else "all images are there")


def mesh(subject: Subject) -> Finding | None:
    """Look whether Receptor answers, where a socket of it is set."""
    path = subject.found.receptor_socket
    if path is None:
        return None
    start = "`supervisorctl start receptor`, or set FORGE_EVENTS_RECEPTOR_SOCKET to where it listens"
    if not path.is_socket():
        return fail(f"no socket at {path}: receptor is not running, or the setting names another place", start)
    try:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(WITHIN / 2)
            control.connect(str(path))
            greeting = control.recv(256)
    except OSError as error:
        return fail(f"the socket {path} does not answer: {error.strerror or error}", start)
    if not greeting.startswith(_GREETING):
        return fail(f"what answers at {path} is not receptor", start)
    return fine(greeting.decode(errors="replace").strip())


def _launches(subject: Subject) -> Iterator[tuple[str, Launch]]:
    """Yield what is to be run, each with what to call it."""
    for template in subject.store.templates.all():
        yield f"template {template.name}", template.launch
    queue = subject.store.queue
    oldest = queue.oldest_pending()
    waiting = [job for job in queue.active() if job.status is JobStatus.WAITING]
    for job in [*waiting, *([oldest] if oldest is not None else [])]:
        launch = queue.launch_of(job.id)
        if launch is not None:
            yield f"job {job.id}", launch


def _missing(what: str, launch: Launch) -> str:
    if launch.project is None:
        return ""  # that of whoever launches it
    project = Path(launch.project)
    if not project.is_dir():
        return f"{what}: there is no project {project} on this machine"
    if not (project / launch.playbook).exists():
        return f"{what}: there is no playbook {project / launch.playbook}"
    return ""


def _runs_jobs(subject: Subject) -> bool:
    own = [node for node in subject.store.nodes.all() if node.hostname == subject.found.node]
    return not own or own[0].node_type.runs_jobs


def _has_image(engine: str, image: str) -> bool:
    command = [engine, "image", "exists" if engine == "podman" else "inspect", image]
    done = subprocess.run(command, capture_output=True, check=False, timeout=WITHIN, stdin=subprocess.DEVNULL)
    return done.returncode == 0

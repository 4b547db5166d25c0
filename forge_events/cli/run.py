# SPDX-License-Identifier: Apache-2.0
"""``run``, ``wait``, ``cancel`` and ``relaunch``: run a playbook as a job, and what may be done about a job."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import JobReference, Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.launch import After, counts_hosts, ids_of, is_left_to_others, report
from forge_events.cli.launch_options import LaunchCommand, launch_options
from forge_events.cli.screen import seconds, tell, write_line
from forge_events.cli.session import reading
from forge_events.cli.why import tell_why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.dispatcher.service import Service
    from forge_events.jobs import Job
    from forge_events.opening import Session
    from forge_events.services.stopping import Stop

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("run", cls=LaunchCommand)(run)
    app.command("wait")(wait)
    app.command("cancel")(cancel)
    app.command("relaunch")(relaunch)


@launch_options(playbook="argument")
def run(
    *,
    given: dict[str, Any],
    after: After = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="What to call the job.")] = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Print the job's id and leave it to run by itself.")
    ] = False,
) -> None:
    """Run a playbook as a job and follow it. The exit code is the playbook's; Ctrl-C cancels the job."""
    from forge_events import launching
    from forge_events.launches import Launch

    what = Launch.of(**given)
    with reading() as session:
        job = launching.launch(
            session.store, what, name=name, after=ids_of(session.store, after), counts_hosts=counts_hosts()
        )
        is_served = is_left_to_others(session.store, what.node)
        if detach:
            _leave(job, is_served=is_served)
        else:
            _say(f"job {job.id} {job.name}")
            ended = _followed(session, job, is_served=is_served)
            _say_how(session, ended)
            _end_with(ended)


def _say(text: str) -> None:
    """Write a line to stderr, if that is a terminal: programs have the job's output and exit code."""
    if sys.stderr.isatty():
        tell(text)


def _say_how(session: Session, job: Job) -> None:
    from forge_events import settings

    if job.failed and settings.load().say_why:
        tell_why(session.store, job)
    else:
        _say(f"job {job.id} {job.status}" + (f" after {seconds(job.elapsed)}" if job.elapsed is not None else ""))


def wait(
    job: JobReference,
    *,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0, metavar="SECONDS", help="Give up after so long; the job goes on."),
    ] = None,
) -> None:
    """Wait until a job has ended; the exit code is its playbook's."""
    from forge_events import launching

    with reading() as session:
        found = launching.wait(session.store, session.store.job(job), timeout=timeout, refresh=session.drain)
        write_line(f"job {found.id} {found.status}")
        _end_with(found)


def cancel(job: JobReference) -> None:
    """Cancel a job. One that has not begun ends at once, one that runs with all of its processes."""
    from forge_events import launching, settings
    from forge_events.errors import InvalidTransition
    from forge_events.jobs import JobStatus
    from forge_events.situation import is_attended

    with reading() as session:
        found = session.store.job(job)
        before = found.status
        found = launching.cancel(session.store, found)
        if found.status.is_final and (before.is_final or found.status is not JobStatus.CANCELED):
            raise InvalidTransition(found.id, found.status, JobStatus.CANCELED)
        write_line(f"job {found.id} {'canceled' if found.status.is_final else 'is being canceled'}")
        at, lost_after = session.store.now(), settings.load().node_lost_after
        if not found.status.is_final and not is_attended(session.store, found, at, lost_after):
            tell(f"no dispatcher is seen on node {found.execution_node}; the job is canceled when one is")


def relaunch(
    job: JobReference,
    *,
    failed_hosts: Annotated[
        bool, typer.Option("--failed-hosts", help="Only for the hosts that failed or were unreachable.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Queue a job that does again what another one did. Its id is printed."""
    from forge_events import launching

    with reading() as session:
        found = session.store.job(job)
        again = launching.relaunch(session.store, found, failed_hosts=failed_hosts, counts_hosts=counts_hosts())
        report(session.store, again, as_json=as_json)


def _leave(job: Job, *, is_served: bool) -> None:
    """Leave a job to the dispatchers, or to a process of its own where there is none."""
    write_line(str(job.id))
    if not is_served:
        command = [sys.executable, "-P", "-m", "forge_events", "dispatcher", "--only", str(job.id)]
        none = subprocess.DEVNULL
        subprocess.Popen(command, stdin=none, stdout=none, stderr=none, start_new_session=True)


def _followed(session: Session, job: Job, *, is_served: bool) -> Job:
    """Show a job's output until it has ended; run it here where no dispatcher does."""
    from forge_events import settings
    from forge_events.services.stopping import Stop
    from forge_events.work import service_of

    service = None if is_served else service_of(settings.load(), only_job_id=job.id, has_receiver=True)
    with Stop() as stop, _asked_by_signals(stop):
        try:
            return _shown(session, job, service, stop)
        finally:
            if service is not None:
                service.finish()


def _shown(session: Session, job: Job, service: Service | None, stop: Stop) -> Job:
    from forge_events.jobs import JobStatus
    from forge_events.work import run_to_end

    told = ""
    for found, events in run_to_end(session, job, service, stop):
        for event in events:
            sys.stdout.write(_text(event.stdout))
        sys.stdout.flush()
        if found.status is JobStatus.WAITING and found.execution_node is None and found.job_explanation != told:
            told = found.job_explanation
            tell(f"job {job.id} waits: {told}")
        job = found
    return job


@contextmanager
def _asked_by_signals(stop: Stop) -> Iterator[None]:
    """Take Ctrl-C, SIGTERM and a terminal that hangs up as a wish; the second one ends this process, not the job."""
    from forge_events.services.stopping import stopped_by_signals

    with suppress(KeyboardInterrupt), stopped_by_signals(stop):
        yield


def _text(stdout: str) -> str:
    from forge_events.output import to_text

    return stdout if sys.stdout.isatty() else "".join(to_text([stdout]))


def _end_with(job: Job) -> None:
    """Exit as the job did.

    :raises JobNotRun: it ended as error. JobCanceled: it was canceled.
    """
    from forge_events.errors import JobCanceled, JobNotRun
    from forge_events.jobs import JobStatus

    if job.status is JobStatus.ERROR:
        raise JobNotRun(job.id, job.job_explanation)
    if job.status is JobStatus.CANCELED:
        raise JobCanceled(job.id, job.job_explanation)
    if job.status is JobStatus.FAILED:
        if job.job_explanation:
            tell(f"job {job.id} failed: {job.job_explanation}")
        raise typer.Exit(job.rc or 1)

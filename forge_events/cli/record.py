# SPDX-License-Identifier: Apache-2.0
"""``record``: run an Ansible command and record it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.screen import tell
from forge_events.cli.why import tell_why
from forge_events.errors import ForgeEventsError
from forge_events.spool import SUFFIX

if TYPE_CHECKING:
    from forge_events.jobs import Job
    from forge_events.recording.recorder import Recorded
    from forge_events.settings import Settings
    from forge_events.store import Store

__all__ = ["add_to"]

_MOST = 1_000_000
"""So many bytes are less than GitHub takes of a step's summary."""


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    # What comes behind the command's name is the command's own, options too.
    app.command("record", context_settings={"allow_interspersed_args": False})(record)


def record(
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND...", help="The command, such as ansible-playbook site.yml.")
    ],
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="N", help="What to call the job.")] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="In GitHub Actions, write the step's summary and annotations.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr which job it became.")] = False,
) -> None:
    """Run an Ansible command with recording on. It needs no ansible.cfg, and its exit code is the command's."""
    from forge_events import settings
    from forge_events.recording.recorder import record as run_recorded

    found = settings.load()
    recorded = run_recorded(command, spool_dir=found.spool_dir, environ=os.environ, name=name)
    _bring_in(found, recorded, is_verbose=verbose, has_summary=summary)
    raise typer.Exit(recorded.rc)


def _bring_in(settings: Settings, recorded: Recorded, *, is_verbose: bool, has_summary: bool) -> None:
    """Bring the job into the store. Where that fails it stays in the spool, and the exit code is the command's."""
    from forge_events.cli.session import reading

    if recorded.fault is not None:
        _say(f"the end of the job cannot be recorded: {recorded.fault}")
    try:
        with reading() as session:
            job = session.store.job(recorded.job_uuid)
            if settings.say_why:
                tell_why(session.store, job)
            if has_summary:
                _summarise(session.store, job)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not change the command's exit code
        reason = str(error) if isinstance(error, ForgeEventsError) else f"{type(error).__name__}: {error}"
        _say(f"{_whereabouts(settings, recorded)}: {reason}")
    else:
        if is_verbose:
            _say(f"recorded as job {job.id} ({job.uuid}), {job.status}")


def _summarise(store: Store, job: Job) -> None:
    """Append a job to the summary of GitHub's step, and write its annotations, which are for the step's output."""
    from forge_events.reports.report import ReportFormat, report

    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        _say("GITHUB_STEP_SUMMARY is not set, so there is no summary to write to")
        return
    text = "".join(report(store, job, ReportFormat.MARKDOWN)).encode("utf-8", "replace")
    for line in report(store, job, ReportFormat.GITHUB):
        sys.stdout.write(line)
    try:
        with open(file, "ab") as summary:  # noqa: PTH123 - the path is the runner's, as it is
            summary.write(text if len(text) < _MOST else b"The summary of this job is too long for GitHub.\n")
    except OSError as error:
        _say(f"the summary cannot be written: {error.strerror or error}")


def _whereabouts(settings: Settings, recorded: Recorded) -> str:
    """Say where a job is that is not in the store, as far as that can be seen."""
    is_waiting = os.path.lexists(settings.spool_dir / f"{recorded.job_uuid}{SUFFIX}")
    return f"the job waits in {settings.spool_dir}" if is_waiting else "the job cannot be looked up"


def _say(message: str) -> None:
    tell(" ".join(message.split()))

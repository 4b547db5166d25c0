# SPDX-License-Identifier: Apache-2.0
"""``dispatcher``: decide which job runs where, and run those of this node, for as long as the machine runs."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import TypeOfNode, node_name, type_of_node
from forge_events.cli.screen import local_time
from forge_events.tree import printable

if TYPE_CHECKING:
    from forge_events.dispatcher.notifier import Told
    from forge_events.dispatcher.service import Done
    from forge_events.errors import ForgeEventsError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("dispatcher")(dispatcher)


def dispatcher(
    *,
    node: Annotated[
        str | None,
        typer.Option("--node", metavar="NAME", help="The name of this machine; FORGE_EVENTS_NODE otherwise."),
    ] = None,
    node_type: TypeOfNode = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="ID", help="Decide about and run this job alone, and exit then.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is decided and done.")] = False,
) -> None:
    """Decide which job runs where, and run those of this node. Jobs that run go on when it is told to stop."""
    from forge_events import settings
    from forge_events.services.stopping import Stop, stopped_by_signals
    from forge_events.store import open_store
    from forge_events.work import dispatch, posted, service_of

    found = settings.load()
    job_id = None
    if only is not None:
        with open_store(found.database_url) as store:
            job_id = store.job(only).id
    name, kind, lines = node_name(node, "--node"), type_of_node(node_type), _Lines(is_verbose=verbose)
    # One job alone needs no messages, and must not take those of others.
    messages = posted(found, name, kind) if job_id is None else nullcontext()
    with Stop() as stop, stopped_by_signals(stop), messages as post:
        service = service_of(found, node=name, node_type=kind, only_job_id=job_id, post=post)
        dispatch(service, found, stop, lines, lines.told)


class _Lines:
    """A line for each thing that an operator wants to know: troubles on stderr, the rest on stdout if asked for."""

    def __init__(self, *, is_verbose: bool) -> None:
        self._is_verbose = is_verbose
        self._is_clock_off = False

    def done(self, done: Done) -> None:
        """Tell what a round did."""
        self._tell_of_triggers(done)
        for job in done.decided.assigned:
            self._tell(f"job {job.id} to node {job.execution_node}: {job.job_explanation}")
        for job in done.decided.held:
            self._tell(f"job {job.id} waits: {job.job_explanation}")
        for job in done.executed.started:
            self._tell(f"job {job.id} runs: {job.name}, process {job.runner_pid}")
        for job in done.executed.adopted:
            self._tell(f"job {job.id} adopted, {job.status}")
        for job in done.executed.ended:
            self._tell(f"job {job.id} {job.status}: {job.job_explanation or job.name}")
        for job in (*done.reaped.given_back, *done.reaped.ended):
            _complain(f"job {job.id} {job.status}: {job.job_explanation}")
        if done.clock_offset is not None:
            self._tell_of_clock(done.clock_offset)

    def _tell_of_triggers(self, done: Done) -> None:
        for schedule, decided, job in done.scheduled.decided:
            became = f"launched as job {job.id}" if job else f"{decided.outcome}: {decided.reason}"
            self._tell(f"schedule {schedule.name}, {decided.local[:-2]}: {became}")
        for schedule in done.scheduled.disabled:
            _complain(f"schedule {schedule.name} is disabled: {schedule.explanation}")
        for run in done.advanced.runs:
            self._tell(f"workflow job {run.id} {run.status}: {run.name}")

    def told(self, told: Told) -> None:
        """Tell of an attempt to notify somebody."""
        about = f"job {told.job_id} {told.event} to {told.address}"
        if not told.error:
            self._tell(f"{about}: notification sent")
        elif told.again is None:
            _complain(f"{about}: notification given up: {told.error}")
        else:
            self._tell(f"{about}: notification not sent: {told.error}; trying again at {local_time(told.again)}")

    def is_away(self, error: ForgeEventsError, pause: float) -> None:
        """Tell that nothing can be decided for the time being."""
        _complain(f"{error}; trying again in {pause:.1f} s; the jobs that run go on")

    def is_back(self, seconds: float) -> None:
        """Tell that it works again."""
        _complain(f"working again after {seconds:.0f} s")

    def _tell_of_clock(self, offset: float) -> None:
        """Tell that this machine's clock is wrong, once until it is right again."""
        from forge_events.cli.nodes import clock_of
        from forge_events.nodes import is_clock_off

        was_off, self._is_clock_off = self._is_clock_off, is_clock_off(offset)
        if self._is_clock_off and not was_off:
            _complain(f"this machine's clock is {clock_of(offset)}; jobs run all the same, their events have its time")
        elif was_off and not self._is_clock_off:
            _complain("this machine's clock is right again")

    def _tell(self, line: str) -> None:
        if self._is_verbose:
            sys.stdout.write(printable(line) + "\n")
            sys.stdout.flush()


def _complain(line: str) -> None:
    sys.stderr.write(f"forge-events: {' '.join(printable(line).split())}\n")
    sys.stderr.flush()

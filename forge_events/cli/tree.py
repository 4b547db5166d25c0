# SPDX-License-Identifier: Apache-2.0
"""``tree``: the events of a job as the tree that they form."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from forge_events.cli.arguments import Follow, Host, JobOrLatest, Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.nearest import hosts_of, tell_unknown
from forge_events.cli.screen import write_json, write_line
from forge_events.cli.session import reading
from forge_events.durations import lasted
from forge_events.tree import Selection, TreeEvent, as_objects, draw, grow

if TYPE_CHECKING:
    from forge_events.jobs import Job
    from forge_events.opening import Session
    from forge_events.tree import TreeNode

__all__ = ["add_to"]


_WORTH_TELLING = 1.0
"""Seconds from which on a tree says how long something took, for people: elsewhere one run's tree is another's."""


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("tree")(tree)


def tree(  # noqa: PLR0913 - an option for each condition
    job: JobOrLatest = "latest",
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only what failed, with what it belongs to.")] = False,
    host: Host = None,
    no_skipped: Annotated[bool, typer.Option("--no-skipped", help="Leave out what was skipped.")] = False,
    has_all: Annotated[
        bool, typer.Option("--all", help="Also messages, statistics, starts, notifications, includes, polls and diffs.")
    ] = False,
    follow: Follow = False,
    as_json: Json = False,
) -> None:
    """Draw a job as a tree of playbook, plays, tasks and hosts."""
    selection = Selection(has_helpers=has_all, has_skipped=not no_skipped, is_failed_only=failed, host=host)
    with reading() as session:
        found = session.store.job(job)
        if found.status.is_final:
            tell_unknown(f"job {found.id} has no host", host, lambda: hosts_of(session.store, found.id))
        if follow:
            _follow(session, found, selection)
        roots = _grown(session, found, selection)
    if as_json:
        write_json(as_objects(roots))
    else:
        for branches, event in draw(roots):
            write_line(branches + labelled(event), _style(event))


def _grown(session: Session, job: Job, selection: Selection) -> list[TreeNode]:
    from forge_events.events import EventFilter

    return grow(session.store.events(job.id, EventFilter()), selection)


def _follow(session: Session, job: Job, selection: Selection) -> None:
    """Wait for the job to end; on a terminal, show the end of the tree as it grows and how far the job is."""
    from forge_events.cli.live import LiveTree, watch
    from forge_events.growing import GrowingTree

    growing = GrowingTree(selection)
    with LiveTree() as live:
        for progress, events in watch(session, job):
            if live.is_shown:
                growing.add(map(TreeEvent.of, events))
                live.show(
                    progress, lambda count: [branches + labelled(event) for branches, event in growing.end(count)]
                )


def labelled(event: TreeEvent) -> str:
    """Return the label of an event, on a terminal with how long it took."""
    took = event.duration or 0.0
    return f"{event.label}  {lasted(took)}" if took >= _WORTH_TELLING and sys.stdout.isatty() else event.label


def _style(event: TreeEvent) -> str:
    if event.failed:
        return "cyan" if event.is_tolerated else "red"
    if event.event.endswith("skipped"):
        return "dim"
    return "yellow" if event.changed else "green" if event.event in ("runner_on_ok", "runner_item_on_ok") else ""

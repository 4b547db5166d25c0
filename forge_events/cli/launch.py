# SPDX-License-Identifier: Apache-2.0
"""``launch``: queue a job for the dispatchers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.launch_options import LaunchCommand, launch_options
from forge_events.cli.screen import as_dict, tell, write_json, write_line
from forge_events.cli.session import opened, reading

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from forge_events.jobs import Job
    from forge_events.opening import Session
    from forge_events.store import Store

__all__ = ["After", "add_to", "counts_hosts", "ids_of", "is_left_to_others", "report", "session_for"]

After = Annotated[
    list[str] | None,
    typer.Option(
        "--after",
        metavar="ID",
        help="Only when this job was successful: its id, the beginning of its uuid, or latest; may be repeated.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("launch", cls=LaunchCommand)(launch)


@launch_options(playbook="argument")
def launch(
    *,
    given: dict[str, Any],
    after: After = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="What to call the job.")] = None,
    as_json: Json = False,
) -> None:
    """Queue a playbook as a job, and print the job's id. A dispatcher runs it."""
    from forge_events import launching
    from forge_events.launches import Launch

    what = Launch.of(**given)
    with session_for(after) as session:
        blockers = ids_of(session.store, after)
        job = launching.launch(session.store, what, name=name, after=blockers, counts_hosts=counts_hosts())
        report(session.store, job, as_json=as_json)


def session_for(after: list[str] | None) -> AbstractContextManager[Session]:
    """Open the store; what is spooled is brought in only for those who refer to a job."""
    return reading() if after else opened()


def counts_hosts() -> bool:
    """Return whether the settings have the hosts count for what a job takes of its node."""
    from forge_events import settings

    return settings.load().impact == "hosts"


def ids_of(store: Store, after: list[str] | None) -> list[int]:
    """Return the ids of the jobs that references name."""
    return [store.job(reference).id for reference in after or ()]


def report(store: Store, job: Job, *, as_json: bool) -> None:
    """Print a queued job, and say so where nobody is there to run it."""
    if as_json:
        write_json(as_dict(job))
    else:
        write_line(str(job.id))
    launch = store.queue.launch_of(job.id)
    trouble = _trouble(store, launch.node if launch else None)
    if trouble:
        tell(trouble)


def is_left_to_others(store: Store, node: str | None) -> bool:
    """Return whether a job is for others to run: a dispatcher is there for it, or another node has to wait for one.

    :param node: the only node that it may run on; that it has to wait is said.
    """
    from forge_events import settings

    trouble = _trouble(store, node)
    if trouble and node in (None, settings.load().node):
        return False
    if trouble:
        tell(trouble)
    return True


def _trouble(store: Store, node: str | None) -> str:
    from forge_events import settings, situation

    return situation.why_nobody_runs(store, node, store.now(), settings.load().node_lost_after)

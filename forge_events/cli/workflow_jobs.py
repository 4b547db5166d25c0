# SPDX-License-Identifier: Apache-2.0
"""``workflow``: keep workflows, launch them, and what may be done about one that was launched."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli import completion
from forge_events.cli.arguments import Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.launch_options import LaunchCommand, launch_options
from forge_events.cli.screen import local_time, seconds, style_of, write_json, write_line, write_table
from forge_events.cli.session import opened, reading
from forge_events.cli.workflows import read_file
from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.store.workflows import Workflow
    from forge_events.workflows.run import NodeRun, Run

__all__ = ["add_to"]

_Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The workflow, by its name or id.", autocompletion=completion.workflows)
]
_Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="The workflow job, by its id.")]
_Node = Annotated[str, typer.Argument(metavar="NODE", help="The node that asks.")]
_FromFile = Annotated[
    Path, typer.Option("--file", "-f", metavar="FILE", exists=True, dir_okay=False, help="The workflow, as YAML.")
]


def add_to(group: typer.Typer) -> None:
    """Add the commands of this file to the group."""
    group.command("create")(create)
    group.command("replace")(replace)
    group.command("list")(show_all)
    group.command("show")(show)
    group.command("delete")(delete)
    group.command("launch", cls=LaunchCommand)(launch)
    group.command("jobs")(jobs)
    group.command("status")(status)
    group.command("wait")(wait)
    group.command("cancel")(cancel)
    group.command("approve")(approve)
    group.command("deny")(deny)
    group.command("relaunch")(relaunch)


def create(*, file: _FromFile) -> None:
    """Keep a workflow. Its name is in the file, which is checked against the job templates."""
    flow = read_file(file)
    with opened() as session:
        flow.check({template.name: template for template in session.store.templates.all()})
        _write_name(session.store.workflows.add(flow, session.store.now()))


def replace(name: _Name, *, file: _FromFile) -> None:
    """Put another workflow in the place of one. What was launched goes on as it was."""
    flow = read_file(file)
    with opened() as session:
        flow.check({template.name: template for template in session.store.templates.all()})
        known = session.store.workflows.get(name)
        _write_name(session.store.workflows.replace(known, flow, session.store.now()))


def show_all(*, as_json: Json = False) -> None:
    """List the workflows by name."""
    with opened() as session:
        found = session.store.workflows.all()
    if as_json:
        write_json([{**each._asdict(), "flow": each.flow.model_dump()} for each in found])
    else:
        rows = [
            (each.id, each.name, len(each.flow.nodes), ", ".join(each.flow.ask), each.flow.description)
            for each in found
        ]
        write_table(("ID", "NAME", "NODES", "ASKS", "DESCRIPTION"), rows)


def show(
    name: _Name,
    *,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Write it as `create` reads it.")] = False,
) -> None:
    """Draw a workflow. As YAML, it is what `create` reads."""
    from forge_events.workflows.drawing import draw

    with opened() as session:
        flow = session.store.workflows.get(name).flow
    if as_yaml:
        import yaml

        write_line(yaml.safe_dump(flow.model_dump(exclude_defaults=True), sort_keys=False, allow_unicode=True).rstrip())
    else:
        for line in draw(flow):
            write_line(printable(line))


def delete(name: _Name) -> None:
    """Delete a workflow. What was launched goes on."""
    with opened() as session:
        session.store.workflows.delete(session.store.workflows.get(name))


@launch_options(playbook="option")
def launch(name: _Name, *, given: dict[str, Any]) -> None:
    """Launch a workflow, and print its job's id. Only what it asks may be given."""
    from forge_events import workflow_jobs

    with opened() as session:
        store = session.store
        write_line(str(workflow_jobs.launch(store, store.workflows.get(name), **given).id))


def jobs(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only those of this workflow.")] = None,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, metavar="N", help="At most so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List launched workflows, newest first."""
    with opened() as session:
        store = session.store
        found = store.workflows.runs(None if name is None else store.workflows.get(name).id, limit=limit)
    if as_json:
        write_json([_as_object(run) for run in found])
    else:
        rows = [(run.id, run.status, run.name, local_time(run.created), _elapsed(run), run.run_by) for run in found]
        write_table(
            ("ID", "STATUS", "NAME", "STARTED", "ELAPSED", "USER"), rows, [style_of(run.status) for run in found]
        )


def status(workflow_job: _Id, *, as_json: Json = False) -> None:
    """Show a launched workflow. Each node with its job, and why it does not run."""
    with reading() as session:
        run = session.store.workflows.run(workflow_job)
    if as_json:
        write_json(_as_object(run))
        return
    write_line(printable(f"{run.name}  {run.id}  {run.status}"), style_of(run.status))
    rows = list(_rows(run))
    write_table(("NODE", "STATUS", "JOB", "ATTEMPT", "WHY"), rows, [style_of(str(row[1])) for row in rows])


def wait(
    workflow_job: _Id,
    *,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0, metavar="SECONDS", help="Give up after so long; it goes on."),
    ] = None,
) -> None:
    """Wait until a launched workflow has ended. The exit code is 1 if it was not successful."""
    from forge_events import workflow_jobs
    from forge_events.jobs import JobStatus

    with reading() as session:
        found = workflow_jobs.wait(
            session.store,
            session.store.workflows.run(workflow_job),
            timeout=timeout,
            refresh=session.drain,
            pause=_pause,
        )
    write_line(f"workflow job {found.id} {found.status}", style_of(found.status))
    if found.status is not JobStatus.SUCCESSFUL:
        raise typer.Exit(1)


def cancel(workflow_job: _Id) -> None:
    """Cancel a launched workflow. Nothing of it starts any more, and its jobs are canceled."""
    from forge_events import workflow_jobs

    with opened() as session:
        workflow_jobs.cancel(session.store, session.store.workflows.run(workflow_job))


def approve(workflow_job: _Id, node: _Node) -> None:
    """Answer a question of a launched workflow with yes."""
    _answer(workflow_job, node, is_approved=True)


def deny(workflow_job: _Id, node: _Node) -> None:
    """Answer a question of a launched workflow with no."""
    _answer(workflow_job, node, is_approved=False)


def relaunch(
    workflow_job: _Id,
    *,
    from_failed: Annotated[
        bool, typer.Option("--from-failed", help="Only what was not successful, and what comes after that.")
    ] = False,
) -> None:
    """Launch a workflow again, as it is now. Its job's id is printed."""
    from forge_events import workflow_jobs

    with opened() as session:
        store = session.store
        run = store.workflows.run(workflow_job)
        if from_failed:
            again = workflow_jobs.relaunch_from_failed(store, run)
        else:
            again = workflow_jobs.launch(store, store.workflows.get(run.name), **run.fields)
    write_line(str(again.id))


def _answer(workflow_job: int, node: str, *, is_approved: bool) -> None:
    from forge_events import workflow_jobs

    with opened() as session:
        run = session.store.workflows.run(workflow_job)
        workflow_jobs.answer(session.store, run, node, is_approved=is_approved)


def _pause() -> None:
    time.sleep(0.2)


def _write_name(workflow: Workflow) -> None:
    write_line(printable(f"workflow {workflow.id}  {workflow.name}"))


def _elapsed(run: Run) -> str:
    return "" if run.finished is None else seconds((run.finished - run.created).total_seconds())


def _rows(run: Run) -> Iterator[tuple[object, ...]]:
    for name in run.flow.ordered():
        node = run.nodes.get(name)
        if node is None:
            yield name, "", "", "", f"waits for {', '.join(run.flow.nodes[name].after)}"
        else:
            yield name, _state(run, node), node.job_id or "", _attempt(run, node), _why(run, node)


def _state(run: Run, node: NodeRun) -> str:
    if node.state != "active":
        return str(node.state).replace("_", " ")
    return "asks" if run.flow.nodes[node.name].approval is not None else "active"


def _attempt(run: Run, node: NodeRun) -> str:
    most = run.flow.nodes[node.name].retries + 1
    return f"{node.attempt + 1} of {most}" if most > 1 and node.state != "not_run" else ""


def _why(run: Run, node: NodeRun) -> str:
    if node.state == "active" and node.due is not None:
        word = "answers itself" if run.flow.nodes[node.name].approval is not None else "is tried again"
        return f"{word} at {local_time(node.due)}"
    return printable(node.reason or (run.flow.nodes[node.name].approval or "" if node.state == "active" else ""))


def _as_object(run: Run) -> dict[str, Any]:
    import dataclasses

    found = dataclasses.asdict(run) | {"flow": run.flow.model_dump(), "fields": sorted(run.fields)}
    found["nodes"] = [dataclasses.asdict(node) for node in run.nodes.values()]
    return found

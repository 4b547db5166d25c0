# SPDX-License-Identifier: Apache-2.0
"""The commands in the order of the help."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_events.cli import (
    cleanup,
    compare,
    db,
    dispatcher,
    doctor,
    events,
    export,
    hosts,
    ingest,
    jobs,
    launch,
    nodes,
    notify,
    partitions,
    receiver,
    record,
    results,
    run,
    schedules,
    search,
    serve,
    stdout,
    supervisord,
    templates,
    tree,
    usage,
    users,
    webhooks,
    why,
    workflows,
    wsrelay,
)

__all__ = ["app"]

app = typer.Typer(
    name="forge-events",
    help="Record what Ansible does as job events, and look at them.",
    no_args_is_help=True,
    rich_markup_mode=None,  # a help in frames takes longer to load than to read
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_wanted: bool) -> None:  # noqa: FBT001 - Typer calls it with the option's value
    if is_wanted:
        typer.echo(f"forge-events {_version()}")
        raise typer.Exit


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("forge-events")
    except PackageNotFoundError:
        return "(not installed)"


@app.callback()
def _options(
    *,
    _wants_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


_READING = (jobs, why, compare, tree, hosts, events, stdout, results, search)
_KEEPING = (export, ingest, receiver, cleanup, usage, partitions, db)

_RUNNING = (run, launch, templates, schedules, workflows, webhooks, notify, dispatcher, nodes)
_SERVING = (serve, users, wsrelay, supervisord, doctor)

for module in (record, *_RUNNING, *_SERVING, *_READING, *_KEEPING):
    module.add_to(app)

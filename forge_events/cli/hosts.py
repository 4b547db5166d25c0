# SPDX-License-Identifier: Apache-2.0
"""``hosts``: how each host fared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.cli.arguments import JobOrLatest, Json  # noqa: TC001 - Typer reads the annotations
from forge_events.cli.screen import as_dict, write_json, write_table
from forge_events.cli.session import reading

if TYPE_CHECKING:
    import typer

    from forge_events.jobs import HostSummary

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("hosts")(hosts)


def hosts(job: JobOrLatest = "latest", *, as_json: Json = False) -> None:
    """Show the counts of Ansible's recap for each host of a job."""
    with reading() as session:
        found = session.store.host_summaries(session.store.job(job).id)
    if as_json:
        write_json([{**as_dict(summary), "failed": summary.failed} for summary in found])
    else:
        headers = ("HOST", "OK", "CHANGED", "UNREACHABLE", "FAILED", "SKIPPED", "RESCUED", "IGNORED")
        write_table(headers, [_row(summary) for summary in found], [_style(summary) for summary in found])


def _row(host: HostSummary) -> tuple[object, ...]:
    """Return the counts in the order of Ansible's recap."""
    done = (host.ok, host.changed, host.dark, host.failures)
    return (host.host_name, *done, host.skipped, host.rescued, host.ignored)


def _style(host: HostSummary) -> str:
    return "red" if host.failed else "yellow" if host.changed else ""

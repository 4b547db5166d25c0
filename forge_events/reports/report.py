# SPDX-License-Identifier: Apache-2.0
"""What every report is made of, and which reports there are."""

from __future__ import annotations

import enum
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from forge_events.events import EventFilter
from forge_events.failures import causes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.comparison import Run
    from forge_events.failures import Cause
    from forge_events.jobs import HostSummary, Job
    from forge_events.store import Store

__all__ = ["Facts", "ReportFormat", "facts_of", "place_of", "report"]


class ReportFormat(enum.StrEnum):
    """What a job can be told of as."""

    JUNIT = "junit"
    GITHUB = "github"
    GITLAB = "gitlab"
    MARKDOWN = "markdown"
    HTML = "html"


class Facts(NamedTuple):
    """What a report tells of a job.

    :param run: its tasks, and the results of its hosts.
    """

    job: Job
    run: Run
    hosts: list[HostSummary]
    causes: list[Cause]

    @property
    def is_bad(self) -> bool:
        """Whether it ended otherwise than it should."""
        return self.job.status in ("failed", "error", "canceled")


def facts_of(store: Store, job: Job) -> Facts:
    """Return what reports tell of a job."""
    why = causes(store.events(job.id, EventFilter(is_failed=True))) if job.failed else []
    return Facts(job, store.insight.run(job.id), store.host_summaries(job.id), why)


def report(store: Store, job: Job, form: ReportFormat) -> Iterator[str]:
    """Yield a report, piece by piece."""
    from forge_events.reports import annotations, junit, markdown, page

    if form is ReportFormat.HTML:
        return page.pieces(store, facts_of(store, job))
    lines: dict[ReportFormat, Callable[[Facts], Iterator[str]]] = {
        ReportFormat.JUNIT: junit.lines,
        ReportFormat.GITHUB: annotations.github,
        ReportFormat.GITLAB: annotations.gitlab,
        ReportFormat.MARKDOWN: markdown.lines,
    }
    return (f"{line}\n" for line in lines[form](facts_of(store, job)))


def place_of(path: str, directory: str | None) -> tuple[str, int]:
    """Return a task's file and line; below the folder that Ansible was started in, the file is relative to it."""
    file, _, number = path.rpartition(":")
    line = int(number) if number.isdecimal() and len(number) < 10 else 1
    if directory and PurePath(file).is_relative_to(directory):
        return str(PurePath(file).relative_to(directory)), line
    return file, line

# SPDX-License-Identifier: Apache-2.0
"""A job in Markdown, as the summaries of CI systems show it; what a job printed is never taken for markup. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from forge_events.durations import lasted
from forge_events.reports.report import place_of
from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.failures import Cause
    from forge_events.jobs import HostSummary
    from forge_events.reports.report import Facts

__all__ = ["lines"]

_MOST_HOSTS, _MOST_CAUSES, _MOST_TASKS = 100, 50, 10
_SIGNS = {"successful": "✅", "failed": "❌", "error": "❌", "canceled": "⛔"}
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>&@:])")
_COUNTS = ("ok", "changed", "dark", "failures", "skipped", "rescued", "ignored")


def lines(facts: Facts) -> Iterator[str]:
    """Yield the document."""
    job = facts.job
    took = f" after {lasted(job.elapsed)}" if job.elapsed is not None else ""
    yield f"## {_SIGNS.get(job.status, '▶')} {_plain(job.name)} {job.status}{took}"
    yield ""
    if job.job_explanation:
        yield from (_plain(job.job_explanation), "")
    for cause in facts.causes[:_MOST_CAUSES]:
        yield from _cause(cause, job.directory)
    yield from _more(len(facts.causes) - _MOST_CAUSES, "causes")
    yield from _hosts(facts.hosts)
    yield from _slowest(facts)


def _cause(cause: Cause, directory: str | None) -> Iterator[str]:
    file, line = place_of(cause.path, directory)
    place = f" ({_plain(f'{file}:{line}')})" if file else ""
    yield f"### {_plain(cause.task or cause.action)}{place}"
    yield ""
    shown = [_plain(host) for host in cause.hosts[:_MOST_HOSTS]]
    more = len(cause.hosts) - len(shown)
    yield f"{cause.outcome} on {', '.join(shown)}{f' and {more:,} more' if more else ''}"
    yield ""
    yield from _fenced(cause.message or "(no message)", "text")
    if cause.detail.kind:
        yield from _fenced(cause.detail.text, "diff" if cause.detail.kind == "diff" else "text")


def _hosts(hosts: list[HostSummary]) -> Iterator[str]:
    if not hosts:
        return
    worst_first = sorted(hosts, key=lambda host: (not host.failed, host.host_name))
    yield "| host | ok | changed | unreachable | failed | skipped | rescued | ignored |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for host in worst_first[:_MOST_HOSTS]:
        name = f"**{_plain(host.host_name)}**" if host.failed else _plain(host.host_name)
        yield f"| {name} | {' | '.join(str(getattr(host, count)) for count in _COUNTS)} |"
    yield ""
    yield from _more(len(hosts) - _MOST_HOSTS, "hosts")


def _slowest(facts: Facts) -> Iterator[str]:
    timed = [task for task in facts.run.tasks if task.duration]
    if not timed:
        return
    yield from ("<details><summary>Slowest tasks</summary>", "", "| task | took |", "|---|--:|")
    for task in sorted(timed, key=lambda task: -(task.duration or 0.0))[:_MOST_TASKS]:
        yield f"| {_plain(task.name or task.action)} | {lasted(task.duration or 0.0)} |"
    yield from ("", "</details>")


def _more(count: int, noun: str) -> Iterator[str]:
    if count > 0:
        yield from (f"and {count:,} more {noun}", "")


def _fenced(text: str, language: str) -> Iterator[str]:
    """Yield a text between fences that are longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield fence + language
    yield from (printable(line) for line in text.splitlines())
    yield from (fence, "")


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", printable(" ".join(text.split())))

# SPDX-License-Identifier: Apache-2.0
"""JUnit's XML, as Jenkins and GitLab read it: a suite for each play, a case for each result on a host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from forge_events.comparison import told
from forge_events.reports.report import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.comparison import TaskResult
    from forge_events.failures import Cause
    from forge_events.reports.report import Facts
    from forge_events.tasks import JobTask

__all__ = ["lines"]

# XML 1.0 has no way to write these.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Suite:
    """The cases of one play, counted as they are added."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases: list[str] = []
        self.failures = self.skipped = self.errors = 0
        self.seconds = 0.0

    def counts(self) -> str:
        return _attributes(tests=len(self.cases), failures=self.failures, errors=self.errors)


def lines(facts: Facts) -> Iterator[str]:
    """Yield the document."""
    suites = _suites(facts)
    job = facts.job
    totals = {name: sum(getattr(suite, name) for suite in suites.values()) for name in ("failures", "errors")}
    tests = sum(len(suite.cases) for suite in suites.values())
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<testsuites{_attributes(name=job.name, time=_seconds(job.elapsed), tests=tests, **totals)}>"
    for suite in suites.values():
        about = _attributes(time=_seconds(suite.seconds), skipped=suite.skipped, timestamp=_time(facts))
        yield f"  <testsuite{_attributes(name=suite.name)}{suite.counts()}{about}>"
        yield from suite.cases
        yield "  </testsuite>"
    yield "</testsuites>"


def _suites(facts: Facts) -> dict[str, _Suite]:
    suites: dict[str, _Suite] = {}
    why: dict[tuple[str, str, str], list[Cause]] = {}
    for cause in facts.causes:
        for host in cause.hosts:
            why.setdefault((cause.play, cause.path, host), []).append(cause)
    for key, task, result in told(facts.run):
        suite = suites.setdefault(key.play, _Suite(key.play or "play"))
        _add(suite, task, result, why.get((key.play, task.path, result.host), []), facts.job.directory)
    if facts.is_bad and not facts.causes:
        suite = suites.setdefault("", _Suite(facts.job.name))
        suite.errors += 1
        message = facts.job.job_explanation or f"the job ended as {facts.job.status}"
        told_of = _element("error", message, message, str(facts.job.status))
        suite.cases.append(_case(facts.job.name, facts.job.name, facts.job.elapsed, told_of))
    return suites


def _add(suite: _Suite, task: JobTask, result: TaskResult, why: list[Cause], directory: str | None) -> None:
    outcome = ""
    if result.failed and why:
        suite.failures += 1
        outcome = "".join(_failure(cause, result.host) for cause in why)
    elif result.event == "runner_on_skipped":
        suite.skipped += 1
        outcome = "<skipped/>"
    suite.seconds += result.duration or 0.0
    name = f"{result.host}: {task.name or task.action}"
    suite.cases.append(_case(name, task.role or place_of(task.path, directory)[0], result.duration, outcome))


def _case(name: str, classname: str, seconds: float | None, outcome: str) -> str:
    about = _attributes(name=name, classname=classname or "task", time=_seconds(seconds))
    return f"    <testcase{about}>{outcome}</testcase>" if outcome else f"    <testcase{about}/>"


def _failure(cause: Cause, host: str) -> str:
    items = [failure.item for failure in cause.failures if failure.host == host and failure.item]
    parts = [cause.message, f"items: {', '.join(items)}" if items else "", cause.detail.text, cause.path]
    first = cause.message.partition("\n")[0]
    return _element("failure", first, "\n\n".join(part for part in parts if part), cause.outcome)


def _element(name: str, message: str, text: str, kind: str) -> str:
    return f"<{name}{_attributes(message=message, type=kind)}>{escape(_legal(text))}</{name}>"


def _attributes(**values: object) -> str:
    return "".join(f" {name}={quoteattr(_legal(str(value)))}" for name, value in values.items())


def _legal(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _seconds(seconds: float | None) -> str:
    return f"{max(0.0, seconds or 0.0):.3f}"


def _time(facts: Facts) -> str:
    return f"{facts.job.started or facts.job.created:%Y-%m-%dT%H:%M:%S}"

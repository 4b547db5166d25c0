# SPDX-License-Identifier: Apache-2.0
"""Why a job failed, where CI shows it beside the lines of the playbook: GitHub's commands, GitLab's report."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from forge_events.reports.report import place_of
from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.failures import Cause
    from forge_events.reports.report import Facts

__all__ = ["github", "gitlab"]

_MOST_HOSTS = 10


def github(facts: Facts) -> Iterator[str]:
    """Yield a workflow command of GitHub Actions for each cause; Ansible's own words never begin one."""
    for cause in facts.causes:
        file, line = place_of(cause.path, facts.job.directory)
        title = _property(f"{cause.task} {cause.outcome} on {_hosts(cause)}")
        place = f"file={_property(file)},line={line}," if file else ""
        yield f"::error {place}title={title}::{_data(_words(cause))}"
    if facts.is_bad and not facts.causes:
        yield f"::error title={_property(f'job {facts.job.name} {facts.job.status}')}::{_data(_explanation(facts))}"


def gitlab(facts: Facts) -> Iterator[str]:
    """Yield a report of GitLab's code quality: JSON, an object for each cause."""
    found = [_issue(facts, cause) for cause in facts.causes]
    if facts.is_bad and not facts.causes:
        about = (facts.job.name, str(facts.job.status), facts.job.job_explanation)
        found.append(_described(_explanation(facts), "job", about, facts.job.name, 1))
    yield json.dumps(found, indent=2)


def _issue(facts: Facts, cause: Cause) -> dict[str, Any]:
    words = f"{cause.task} {cause.outcome} on {_hosts(cause)}: {_words(cause)}"
    about = (cause.path, cause.task, cause.outcome, cause.message)
    return _described(words, cause.action or "task", about, *place_of(cause.path, facts.job.directory))


def _described(words: str, check: str, about: tuple[str, ...], file: str, line: int) -> dict[str, Any]:
    fingerprint = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    location = {"path": file or "playbook", "lines": {"begin": line}}
    return {
        "description": words,
        "check_name": check,
        "fingerprint": fingerprint,
        "severity": "critical",
        "location": location,
    }


def _explanation(facts: Facts) -> str:
    return facts.job.job_explanation or f"the job ended as {facts.job.status}"


def _words(cause: Cause) -> str:
    return "\n".join(part for part in (cause.message or "(no message)", cause.detail.text) if part)


def _hosts(cause: Cause) -> str:
    more = len(cause.hosts) - _MOST_HOSTS
    return ", ".join([*cause.hosts[:_MOST_HOSTS], *([f"{more:,} more"] if more > 0 else [])])


def _data(text: str) -> str:
    """Return a text as the data of a command: what else is on its line ends it nowhere."""
    shown = "\n".join(printable(line) for line in text.splitlines())
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")

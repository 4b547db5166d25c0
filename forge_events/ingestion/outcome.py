# SPDX-License-Identifier: Apache-2.0
"""Decide how a job ended, from what its spool says. Pure.

==================================================================== ==========
the spool says                                                       status
==================================================================== ==========
whoever wrote its end states the status, with an explanation         as stated
the command was killed, or the record was never closed               error
no statistics, though a playbook owes them                           error
Ansible reported an error after its statistics                       error
the statistics have failures or unreachable hosts                    failed
no statistics are owed (ansible-console), and something failed       failed
nothing failed, yet the exit code is not 0                           error
anything else                                                        successful
==================================================================== ==========
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from forge_events.events import Utc
from forge_events.jobs import FINAL, JobStatus
from forge_events.output import to_text

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

    from forge_events.events import JobEvent

__all__ = ["End", "Verdict", "decide"]

_MAX_TEXT = 500
_UTC: TypeAdapter[datetime.datetime] = TypeAdapter(Utc)


class End(NamedTuple):
    """What is known of a job whose spool has come to its end.

    :param process: names the process in words.
    :param eof: what the recorder wrote when it closed the job, if it did.
    :param exit: what the starter of the command wrote when it had ended, if somebody did.
    :param stats: the last ``playbook_on_stats``.
    :param error: the last ``error`` behind these, or of all where there are none.
    :param last: the last event of all.
    :param rc: the exit code, if somebody saw it.
    :param has_failed: whether a failure rolled up to the job.
    """

    process: str
    eof: Mapping[str, Any] | None
    exit: Mapping[str, Any] | None
    stats: JobEvent | None
    error: JobEvent | None
    last: JobEvent | None
    has_failed: bool
    event_count: int
    rc: int | None


class Verdict(NamedTuple):
    """How a job ended, and why if that needs words."""

    status: JobStatus
    reason: str
    at: datetime.datetime | None


def decide(end: End) -> Verdict:
    """Return how a job ended."""
    stated = (end.exit or {}).get("status")
    if isinstance(stated, str) and stated in FINAL:
        return Verdict(JobStatus(stated), _explanation(end), _time(end))
    problem = _problem(end)
    if problem:
        return Verdict(JobStatus.ERROR, _with_losses(problem, end), _time(end))
    status = JobStatus.FAILED if _has_failed(end) else JobStatus.SUCCESSFUL
    return Verdict(status, _with_losses(_explanation(end), end), _time(end))


def _problem(end: End) -> str:
    """Return why the job could not be run to its end; empty if it could."""
    explanation = _explanation(end)
    if explanation and end.rc:
        return explanation
    killer = _signal(end.rc)
    if end.eof is None or killer:
        return _unclosed(end, killer)
    return _without_stats(end) or _after_stats(end) or _unexplained(end)


def _unclosed(end: End, killer: str) -> str:
    kept = f"{end.event_count} event{' was' if end.event_count == 1 else 's were'} kept"
    if killer:
        return f"the command was killed by {killer}; {kept}"
    how = "it was killed or the machine went down" if end.rc is None else f"its exit code is {end.rc}"
    return f"{end.process} ended without closing its record: {how}; {kept}{_last_words(end)}"


def _without_stats(end: End) -> str:
    eof = end.eof or {}
    has_stats = eof.get("has_stats", end.stats is not None)
    if has_stats or not eof.get("needs_stats", True):
        return ""
    return f"Ansible ended before the statistics that close a playbook{_last_words(end) or ': it was interrupted'}"


def _after_stats(end: End) -> str:
    if end.stats is None or end.error is None:
        return ""
    return f"Ansible reported an error when the playbook was over: {_text(end.error)}"


def _unexplained(end: End) -> str:
    if not end.rc or _has_failed(end):
        return ""
    return f"the exit code is {end.rc}, though nothing failed"


def _has_failed(end: End) -> bool:
    return end.has_failed if end.stats is None else end.stats.failed


def _last_words(end: End) -> str:
    return f"; the last error shown was: {_text(end.error)}" if end.error else ""


def _with_losses(reason: str, end: End) -> str:
    """Add how many events the recorder could not write, if any."""
    count = (end.eof or {}).get("event_count")
    if not isinstance(count, int) or count <= end.event_count:
        return reason
    return f"{reason}{'; ' if reason else ''}only {end.event_count} of {count} events were recorded"


def _explanation(end: End) -> str:
    explanation = (end.exit or {}).get("explanation")
    return explanation if isinstance(explanation, str) else ""


def _text(error: JobEvent) -> str:
    return " ".join("".join(to_text([error.stdout])).split())[:_MAX_TEXT]


def _signal(rc: int | None) -> str:
    """Return the name of the signal that an exit code stands for: -9 as Python has it, 137 as shells do."""
    number = 0 if rc is None else -rc if rc < 0 else rc - 128
    return signal.Signals(number).name if number in set(signal.Signals) else ""


def _time(end: End) -> datetime.datetime | None:
    """Return when the job ended, by the best witness."""
    for record in (end.exit, end.eof):
        try:
            return _UTC.validate_python((record or {})["finished"])
        except (KeyError, ValidationError):
            continue
    return end.last.created if end.last else None

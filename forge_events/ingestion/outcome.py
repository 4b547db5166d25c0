# SPDX-License-Identifier: Apache-2.0
"""Decide how a job ended, from what its spool says. Pure, and the only judge of what is launched, recorded or ingested.

The first row that holds decides. An exit code of Ansible's own is one below 16; 2, 4 and 6 say that hosts failed or
were unreachable.

========================================================================== ==========
the spool says                                                             status
========================================================================== ==========
whoever wrote its end states the status: canceled, too long, not started   as stated
exit code 0, whatever failed on the way and was cleared or caught          successful
a signal killed the command                                                error
exit code 99, interrupted with Ctrl-C; 250, Ansible itself broke down      error
exit code 125, 126 or 127 without statistics: it could not be started      error
hosts have failed, or say so by the exit code                              failed
the record was never closed                                                error
Ansible printed why it gave up, or gave up with a code of its own          failed
another exit code                                                          error
no exit code is known, and statistics are owed and missing                 error
no exit code is known, and nothing failed                                  successful
========================================================================== ==========

Hosts have failed by the statistics; where none are there, by what rolled up to the job. Statistics are owed by every
playbook, and not by ``ansible`` and ``ansible-console``. A job is an error where its playbook is not to blame.
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

__all__ = ["NOT_STARTED", "End", "Verdict", "decide"]

_MAX_TEXT = 500
_UTC: TypeAdapter[datetime.datetime] = TypeAdapter(Utc)

_ANSIBLES = range(1, 16)
_OF_HOSTS = frozenset({2, 4, 6})
NOT_STARTED = frozenset({125, 126, 127})
"""What shells, podman and docker end with when they could not start the command, or the container for it."""

_BREAKDOWNS = {99: "Ansible was interrupted", 250: "Ansible itself broke down"}


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
    status, reason = _judge(end)
    return Verdict(status, _with_losses(reason, end), _time(end))


def _judge(end: End) -> tuple[JobStatus, str]:
    """Return how a job ended of which nobody states that, and why."""
    if end.rc == 0:
        return JobStatus.SUCCESSFUL, _explanation(end) or _unclosed(end)
    stopped = _stopped(end)
    if stopped:
        return JobStatus.ERROR, stopped
    return _judge_unseen(end) if end.rc is None else _judge_code(end, end.rc)


def _judge_code(end: End, rc: int) -> tuple[JobStatus, str]:
    """Judge a command of which somebody saw that it ended by itself, and not well."""
    if rc in _OF_HOSTS or _has_failed(end):
        return JobStatus.FAILED, _unclosed(end) or _given_up(end)
    if end.eof is None:
        return JobStatus.ERROR, _unclosed(end)
    if _words(end) or (rc in _ANSIBLES and _lacks_stats(end)):
        return JobStatus.FAILED, _given_up(end)
    return JobStatus.ERROR, f"the exit code is {rc}, though nothing failed"


def _judge_unseen(end: End) -> tuple[JobStatus, str]:
    """Judge a command whose end nobody saw, by its record alone."""
    problem = _unclosed(end) or (_cut_short(end) if _lacks_stats(end) else "")
    if problem:
        return JobStatus.ERROR, _explanation(end) or problem
    words = _words(end)
    if words:
        return JobStatus.FAILED, f"Ansible reported an error when the playbook was over: {words}"
    return (JobStatus.FAILED if _has_failed(end) else JobStatus.SUCCESSFUL), _explanation(end)


def _stopped(end: End) -> str:
    """Return what kept Ansible from an end of its own; empty if nothing did."""
    killer = _signal(end.rc)
    if killer:
        return f"the command was killed by {killer}; {_kept(end)}"
    if end.rc in _BREAKDOWNS:
        return f"{_BREAKDOWNS[end.rc]} with exit code {end.rc}{_last_words(end)}"
    if end.rc in NOT_STARTED and end.stats is None:
        return f"the command could not be started: its exit code is {end.rc}{_last_words(end)}"
    return ""


def _unclosed(end: End) -> str:
    """Return that the recorder did not come to closing the record; empty if it did."""
    if end.eof is not None:
        return ""
    how = "it was killed or the machine went down" if end.rc is None else f"its exit code is {end.rc}"
    return f"{end.process} ended without closing its record: {how}; {_kept(end)}{_last_words(end)}"


def _cut_short(end: End) -> str:
    return f"Ansible ended before the statistics that close a playbook{_last_words(end) or ': it was interrupted'}"


def _given_up(end: End) -> str:
    """Return why Ansible ended as its exit code says; empty where the statistics tell."""
    how, words = f"Ansible ended with exit code {end.rc}", _words(end)
    if words:
        return f"{how}: {words}"
    if _lacks_stats(end):
        return f"{how} without the statistics that close a playbook"
    return "" if _has_failed(end) else f"{how}, though its statistics name no failed host"


def _words(end: End) -> str:
    """Return what Ansible said of its end, where no failed host explains that; empty if nothing."""
    if end.rc and _explanation(end):
        return _explanation(end)
    is_passing = end.stats is None and not _owes_stats(end) and (end.rc is None or end.rc in _OF_HOSTS)
    return "" if end.error is None or is_passing else _text(end.error)


def _lacks_stats(end: End) -> bool:
    return _owes_stats(end) and not (end.eof or {}).get("has_stats", end.stats is not None)


def _owes_stats(end: End) -> bool:
    return bool((end.eof or {}).get("needs_stats", True))


def _has_failed(end: End) -> bool:
    """Return whether a host has failed; a record that was cut off has no last word on that but its statistics."""
    if end.stats is not None:
        return end.stats.failed
    return end.has_failed and end.eof is not None


def _kept(end: End) -> str:
    return f"{end.event_count} event{' was' if end.event_count == 1 else 's were'} kept"


def _last_words(end: End) -> str:
    words = (_explanation(end) if end.rc else "") or (_text(end.error) if end.error else "")
    return f"; the last error shown was: {words}" if words else ""


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

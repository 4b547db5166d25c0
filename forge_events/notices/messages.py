# SPDX-License-Identifier: Apache-2.0
"""What is told of a job: the usual message, and the facts that a template may make another one of.

Pure. Extra variables, the command line and the environment of a job are no facts here: they may be secret.
"""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.durations import lasted
from forge_events.jobs import HostSummary, Job, JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Message", "as_test", "facts", "sample", "sendable", "usual", "with_note"]

_MAX_HOSTS = 10
_MAX_TITLE = 250
_MAX_EXPLANATION = 2000
_WORDS = {
    JobStatus.RUNNING: "started",
    JobStatus.SUCCESSFUL: "was successful",
    JobStatus.FAILED: "failed",
    JobStatus.ERROR: "could not be run",
    JobStatus.CANCELED: "was canceled",
}
_SAMPLE_BEGAN = datetime.datetime(2026, 1, 2, 12, 0, tzinfo=datetime.UTC)
_SAMPLE_SECONDS = 72.0
_SAMPLE_HOSTS = 20
"""As many as a message may well name one by one."""

# What neither a service nor UTF-8 takes: control characters but tab and newline, and halves of surrogate pairs.
_UNSENDABLE = re.compile("[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Message(NamedTuple):
    """What is sent: the title is one line, and the body is plain text."""

    title: str
    body: str


def facts(job: Job, hosts: Sequence[HostSummary], event: str, template_name: str) -> dict[str, Any]:
    """Return what a template of a message may use, as JSON has it.

    :param event: of a job that ``started`` only that is told, even when it has ended meanwhile.
    """
    if event == "started":
        job, hosts = _as_it_began(job), ()
    return {
        "event": event,
        "job": {
            "id": job.id,
            "name": job.name,
            "status": job.status.value,
            "explanation": job.job_explanation,
            "started": _time(job.started),
            "finished": _time(job.finished),
            "elapsed": job.elapsed,
        },
        "template": {"id": job.job_template_id, "name": template_name},
        "hosts": [{**host.model_dump(), "failed": host.failed} for host in hosts],
    }


def sample(event: str) -> tuple[Message, dict[str, Any]]:
    """Return the usual message about a job that could be, and its facts, to try a template or an address."""
    job, hosts = _sample(event)
    return usual(job, hosts, event), facts(job, hosts, event, job.name)


def as_test(message: Message) -> Message:
    """Return a message that says of itself that it is none."""
    return sendable(message.title, f"{message.body}\n\n(This is a test. There is no such job.)")


def usual(job: Job, hosts: Sequence[HostSummary], event: str) -> Message:
    """Return the message for whoever wants no other one."""
    if event == "started":
        job, hosts = _as_it_began(job), ()
    failed = [host.host_name for host in hosts if host.failed]
    lines = {
        "Job": f"{job.id} {job.name}",
        "Status": job.status.value,
        "Elapsed": "" if job.elapsed is None else lasted(job.elapsed),
        "Explanation": job.job_explanation[:_MAX_EXPLANATION],
        "Failed hosts": _names(failed),
    }
    title = f"Job {job.id} {_WORDS.get(job.status, job.status.value)}: {job.name}"
    return sendable(title, "\n".join(f"{name}: {_line(value)}" for name, value in lines.items() if value))


def sendable(title: str, body: str) -> Message:
    """Return a message of what every service takes."""
    return Message(_line(title)[:_MAX_TITLE], _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", body))


def with_note(message: Message, reason: str) -> Message:
    """Return a message that says why its template could not be used."""
    note = f"(This is the usual message, because the template of the message could not be used: {reason}.)"
    return sendable(message.title, f"{message.body}\n\n{note}")


def _sample(event: str) -> tuple[Job, list[HostSummary]]:
    has_failed = event == "failure"
    job = Job(
        id=0,
        uuid="",
        name="sample",
        job_template_id=0,
        status=JobStatus.FAILED if has_failed else JobStatus.SUCCESSFUL,
        created=_SAMPLE_BEGAN,
        started=_SAMPLE_BEGAN,
        finished=_SAMPLE_BEGAN + datetime.timedelta(seconds=_SAMPLE_SECONDS),
        elapsed=_SAMPLE_SECONDS,
        job_explanation="a host failed" if has_failed else "",
    )
    hosts = range(1, _SAMPLE_HOSTS + 1)
    return job, [
        HostSummary(host_name=f"host{number}", ok=3, failures=int(has_failed and number <= 2)) for number in hosts
    ]


def _as_it_began(job: Job) -> Job:
    unknown_yet = {"finished": None, "elapsed": None, "job_explanation": ""}
    return job.model_copy(update={"status": JobStatus.RUNNING, **unknown_yet})


def _line(text: str) -> str:
    return _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def _names(hosts: Sequence[str]) -> str:
    more = len(hosts) - _MAX_HOSTS
    return ", ".join(hosts[:_MAX_HOSTS]) + (f" and {more} more" if more > 0 else "")


def _time(at: datetime.datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")

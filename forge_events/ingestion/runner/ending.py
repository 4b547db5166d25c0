# SPDX-License-Identifier: Apache-2.0
"""How a job ended, by what ansible-runner says of it, as the last two lines of a spool. Pure.

==================================================== =======================================================
ansible-runner says                                  the job
==================================================== =======================================================
``successful``                                       successful
``failed``                                           as its statistics and its exit code say
``failed`` with exit code 2, statistics are lost     failed
``unplayable``, which whoever launched the job says  failed
``timeout``                                          failed
``canceled``                                         canceled
``error``                                            error, with the explanation that it gives
nothing, and there are statistics                    as these say
nothing, and there are none                          error
==================================================== =======================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import values
from forge_events.jobs import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FINAL", "UNPLAYABLE", "Ending"]

UNPLAYABLE = "unplayable"
"""What is said of a playbook that Ansible refused to play, in place of ``failed``."""

FINAL = frozenset({"successful", "failed", "timeout", "canceled", "error", UNPLAYABLE})
"""What ansible-runner says when a job is over."""

_MAX_EXPLANATION = 500
_HOSTS_FAILED = 2

_UNTOLD = "ansible-runner did not write how the job ended"
_STATED: Mapping[str, tuple[JobStatus, str]] = {
    "successful": (JobStatus.SUCCESSFUL, ""),
    "timeout": (JobStatus.FAILED, "ansible-runner stopped the job, which took longer than it may"),
    "canceled": (JobStatus.CANCELED, "ansible-runner was told to stop the job"),
    "error": (JobStatus.ERROR, "ansible-runner could not run the job"),
    UNPLAYABLE: (JobStatus.FAILED, "Ansible refused to play the playbook"),
}


class Ending(NamedTuple):
    """What is known of the end.

    :param status: runner's word for it, empty if it said none.
    :param explanation: runner's, or the reader's, where something is amiss.
    :param has_playbook: whether a playbook was to be run, which owes statistics.
    :param has_stats: whether each playbook has given its statistics.
    """

    finished: str
    event_count: int
    status: str = ""
    rc: int | None = None
    explanation: str = ""
    has_playbook: bool = True
    has_stats: bool = False

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines that close the spool."""
        eof = {
            "finished": self.finished,
            "event_count": self.event_count,
            "has_stats": self.has_stats,
            "needs_stats": self.has_playbook,
        }
        return [{"eof": eof}, {"exit": {"finished": self.finished, "rc": self.rc, **self._verdict()}}]

    def _verdict(self) -> dict[str, Any]:
        """Return the status where it has to be stated, and the words for it."""
        stated, reason = _STATED.get(self.status, (None, ""))
        if stated is not None:
            return {"status": stated, "explanation": self._told() or reason}
        if not self.status and not self.has_stats:
            return {"status": JobStatus.ERROR, "explanation": self._told() or _UNTOLD, "presumed": True}
        if not self.status:
            return {"explanation": self._told() or f"{_UNTOLD}; its statistics tell"}
        if self.status == "failed" and self.rc == _HOSTS_FAILED and not self.has_stats:
            return {"status": JobStatus.FAILED, "explanation": self._told() or "the statistics are lost"}
        return {"explanation": self._told()} if self.explanation else {}

    def _told(self) -> str:
        return values.censor_command([" ".join(self.explanation.split())[:_MAX_EXPLANATION]])[0]

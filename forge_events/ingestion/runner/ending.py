# SPDX-License-Identifier: Apache-2.0
"""What ansible-runner says of a job's end, as the last two lines of a spool. Pure.

:mod:`forge_events.ingestion.outcome` judges it, as it does of every job.

================================== ==========================================================================
ansible-runner says                the exit line says
================================== ==========================================================================
``canceled`` ``error``             that status, and the explanation that runner gives
``timeout``                        ``failed``
``successful`` or ``failed``       the exit code; the status where no exit code is known, though the playbook
                                   came to its end
nothing                            that it said nothing
================================== ==========================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.command_lines import censor_urls
from forge_events.jobs import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FINAL", "Ending"]

FINAL = frozenset({"successful", "failed", "timeout", "canceled", "error"})
"""What ansible-runner says when a job is over."""

_MAX_EXPLANATION = 500

_STATED: Mapping[str, tuple[JobStatus, str]] = {
    "timeout": (JobStatus.FAILED, "ansible-runner stopped the job, which took longer than it may"),
    "canceled": (JobStatus.CANCELED, "ansible-runner was told to stop the job"),
    "error": (JobStatus.ERROR, "ansible-runner could not run the job"),
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
        return [{"eof": eof}, {"exit": {"finished": self.finished, "rc": self.rc, **self._words()}}]

    def _words(self) -> dict[str, Any]:
        """Return the status where no exit code can tell it, and the words for it."""
        status, reason = _STATED.get(self.status, (None, ""))
        if status is None and self.rc is None and (self.status == "successful" or (self.status and self.has_stats)):
            status = JobStatus(self.status)
        if not self.status:
            reason = f"ansible-runner did not write how the job ended{'; its statistics tell' * self.has_stats}"
        found = {"status": status, "explanation": self._told() or reason, "presumed": self._is_presumed}
        return {name: fact for name, fact in found.items() if fact}

    @property
    def _is_presumed(self) -> bool:
        """Whether the end is none that anybody has told: there may be more of the job elsewhere."""
        return not (self.status or self.has_stats)

    def _told(self) -> str:
        return censor_urls(" ".join(self.explanation.split())[:_MAX_EXPLANATION])

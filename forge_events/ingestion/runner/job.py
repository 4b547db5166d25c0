# SPDX-License-Identifier: Apache-2.0
"""Who a job of ansible-runner is, and how it ended in runner's words. Pure.

All uuids follow from what runner wrote, so the same job has the same ones whichever way it comes in: live, as a stream
or as an artifact, today or again tomorrow. runner's own are no keys: an ident may be anything and used again, and a
play or task has the uuid that Ansible gave it, of which 32 bits are random.

The end becomes the last two lines of a spool, and :mod:`forge_events.ingestion.outcome` judges it, as it does of every
job.

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

import hashlib
import itertools
import uuid
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.command_lines import Censored, censor_command, censor_urls
from forge_events.jobs import JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["FINAL", "Ending", "command_of", "event_uuids", "is_dry_run", "job_uuid", "name_of", "user_of"]

_PLAYBOOKS = (".yml", ".yaml", ".json")
_MAX_WORDS = 10_000
_PROGRAMS = frozenset({"ansible", "ansible-playbook"})
_TAKES_A_VALUE = frozenset("BEPTMacefilmtu")


def job_uuid(*facts: str) -> str:
    """Return the uuid of a job: by its ident and the uuid of its first event, which runner makes anew for each run."""
    digest = hashlib.sha256("\0".join(("ansible-runner", *facts)).encode("utf-8", "surrogatepass")).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))


def event_uuids(job: str) -> Callable[[], str]:
    """Return a maker of the uuids of a job's events: of version 8 (RFC 9562), shared bits and a number."""
    digest = hashlib.sha256(job.encode("utf-8", "surrogatepass")).hexdigest()
    shared = f"{digest[:8]}-{digest[8:12]}-8{digest[12:15]}-a{digest[15:18]}"
    numbers = itertools.count(1)
    return lambda: f"{shared}-{next(numbers):012x}"


def command_of(found: Any) -> Censored:
    """Return a command line without its secrets, and these."""
    words = [word for word in found[:_MAX_WORDS] if isinstance(word, str)] if isinstance(found, list) else []
    return censor_command(words)


def is_dry_run(command: Sequence[str]) -> bool:
    """Return whether a command runs Ansible with ``--check``, also as ``-C`` among other letters."""
    words = iter(command)
    for word in words:
        if PurePath(word).name in _PROGRAMS:
            break
    for word in words:
        if word == "--":
            return False
        if word.startswith("--") and "--check".startswith(word) and len(word) > len("--c"):
            return True
        if word.startswith("-") and not word.startswith("--") and "C" in _letters(word):
            return True
    return False


def _letters(word: str) -> str:
    """Return the short options of a word, up to the first one that takes the rest of it as its value."""
    return "".join(itertools.takewhile(lambda letter: letter not in _TAKES_A_VALUE, word[1:]))


def user_of(environment: Any) -> str | None:
    """Return who ran a command, as its environment says."""
    found = environment if isinstance(environment, dict) else {}
    names = (found.get(name) for name in ("SUDO_USER", "LOGNAME", "USER"))
    return next((name for name in names if isinstance(name, str) and name), None)


def name_of(command: Sequence[str], playbook: str, ident: str) -> str:
    """Return what to call a job: the file names of its playbooks, or module and pattern of an ad hoc command."""
    playbooks = list(itertools.takewhile(lambda word: word.endswith(_PLAYBOOKS), reversed(command)))
    if playbooks and not playbook.startswith("__"):
        return " ".join(PurePath(word).name for word in reversed(playbooks))
    if "ansible" in command and "-m" in command[:-1]:
        return f"ansible {command[-1]} -m {command[command.index('-m') + 1]}"
    return PurePath(playbook).name or ident


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

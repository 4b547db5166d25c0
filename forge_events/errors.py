# SPDX-License-Identifier: Apache-2.0
"""Every error that the library raises on purpose.

::

    ForgeEventsError                 1
    ├── UnknownJob                   3   no job has this id, uuid prefix or name
    ├── AmbiguousJob                 3   several jobs begin with this uuid prefix
    ├── UnknownEvent                 3   the job has no event of this number
    ├── NoGoodRun                    3   there is no good run to compare with
    ├── AmbiguousSchedule            3   schedules of several job templates have this name
    ├── Unknown                      3   nothing of a kind has this name
    │   ├── UnknownTemplate          3   no job template has
    │   ├── UnknownSchedule          3   no schedule has
    │   ├── UnknownWorkflow          3   no workflow has
    │   ├── UnknownNode              3   no node has
    │   └── UnknownUser              3   no user has
    ├── UnknownWebhook               3   the job template has no webhook of this service
    ├── InvalidTransition            4   the lifecycle has no such step
    ├── StaleTransition              4   the job was not in the status that the caller expected
    ├── NotWaiting                   4   nobody asks what is to be answered any more, or not yet
    ├── NotLaunched                  4   the job was recorded; nothing here runs it
    ├── NotRelaunchable              4   the job cannot be launched again as asked
    ├── NameTaken                    4   a job template or node has this name already
    │   └── NodeAtWork               4   the node has active jobs or processes, and so keeps its name
    ├── BrokenSpool                  5   a spool file cannot be read or is none
    ├── StoreUnavailable             6   the database cannot be opened, read or written
    │   └── StoreBusy                6   others keep locked what is needed
    ├── ValueRejected                6   the database does not take a value
    ├── SearchTooLong                6   a search was given up, so that others are not kept waiting
    ├── UnsupportedStore             6   the URL names no database that the library can speak to
    ├── SchemaMismatch               6   the database has another schema, or none
    ├── TargetExists                 5   what is to be written is there already
    ├── InvalidSettings              7   a setting has a value that cannot be
    ├── InvalidLaunch                2   what is to be run cannot be run like that
    │   └── FieldNotAsked            2   the job template does not leave this to whoever launches it
    ├── InvalidRecurrence            2   when something is to happen again cannot be understood, or never comes
    ├── JobNotRun                    8   the job ended as error: it could not be run
    ├── JobCanceled                  9   the job was canceled
    ├── NotServed                    7   the API cannot be served there, or by whom it would be reached
    ├── NotInTime                   10   the job has not ended in time
    ├── NotTold                     11   an address could not be told of a sample job
    ├── CommandNotExecutable       126   the command to record is no program that may be run
    └── CommandNotFound            127   the command to record does not exist

The number is the exit code of the command line. Errors are built from facts and put them into one sentence; no error
carries a password or the payload of an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AmbiguousJob",
    "AmbiguousSchedule",
    "BrokenSpool",
    "CommandNotExecutable",
    "CommandNotFound",
    "FieldNotAsked",
    "ForgeEventsError",
    "InvalidLaunch",
    "InvalidRecurrence",
    "InvalidSettings",
    "InvalidTransition",
    "JobCanceled",
    "JobNotRun",
    "NameTaken",
    "NoGoodRun",
    "NodeAtWork",
    "NotInTime",
    "NotLaunched",
    "NotRelaunchable",
    "NotServed",
    "NotTold",
    "NotWaiting",
    "SchemaMismatch",
    "SearchTooLong",
    "StaleTransition",
    "StoreBusy",
    "StoreUnavailable",
    "TargetExists",
    "Unknown",
    "UnknownEvent",
    "UnknownJob",
    "UnknownNode",
    "UnknownSchedule",
    "UnknownTemplate",
    "UnknownUser",
    "UnknownWebhook",
    "UnknownWorkflow",
    "UnsupportedStore",
    "ValueRejected",
]


_SHOWN = 80
"""So many characters of what somebody wrote are shown again."""


_NONE_YET = {"latest": "no job has been recorded yet", "failed": "no job has failed yet"}
_SHORTEST = 4
"""So many characters of a uuid name a job."""


class ForgeEventsError(Exception):
    """Base of all errors of the library; ``exit_code`` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class UnknownJob(ForgeEventsError):
    """No job answers to the reference."""

    exit_code = 3

    def __init__(self, reference: str) -> None:
        self.reference = reference
        super().__init__(_NONE_YET.get(reference) or f"there is no job {reference!r}{_too_short(reference)}")


def _too_short(reference: str) -> str:
    is_beginning = len(reference) < _SHORTEST and all(sign in "0123456789abcdef" for sign in reference.lower())
    return f"; of a uuid, {_SHORTEST} characters are needed" if is_beginning and not reference.isdecimal() else ""


class UnknownEvent(ForgeEventsError):
    """The job has no event of a number."""

    exit_code = 3

    def __init__(self, job_id: int, counter: int, event_count: int) -> None:
        self.job_id, self.counter, self.event_count = job_id, counter, event_count
        super().__init__(f"job {job_id} has no event {counter}; it has {event_count:,}")


class NoGoodRun(ForgeEventsError):
    """No run of the same came to a good end before a job."""

    exit_code = 3

    def __init__(self, job_id: int, host: str | None = None) -> None:
        self.job_id, self.host = job_id, host
        where = f" on {host}" if host is not None else ""
        super().__init__(f"no run before job {job_id} was successful{where}; say with which job to compare it")


class AmbiguousJob(ForgeEventsError):
    """More than one job begins with the uuid prefix."""

    exit_code = 3

    def __init__(self, reference: str, candidates: list[str]) -> None:
        self.reference, self.candidates = reference, candidates
        super().__init__(f"{reference!r} begins the uuid of several jobs: {', '.join(candidates)}")


class InvalidTransition(ForgeEventsError):
    """The lifecycle does not lead from the one status to the other."""

    exit_code = 4

    def __init__(self, job_id: int, old: str, new: str) -> None:
        self.job_id, self.old, self.new = job_id, old, new
        super().__init__(f"job {job_id} cannot go from {old} to {new}")


class StaleTransition(ForgeEventsError):
    """The job is no longer in the status that the caller believed it to be in."""

    exit_code = 4

    def __init__(self, job_id: int, expected: str, actual: str) -> None:
        self.job_id, self.expected, self.actual = job_id, expected, actual
        super().__init__(f"job {job_id} is {actual}, not {expected}")


class BrokenSpool(ForgeEventsError):
    """A file cannot be read as a spool."""

    exit_code = 5

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path!r} cannot be ingested: {reason}")


class TargetExists(ForgeEventsError):
    """What is to be written is there already, and is left as it is."""

    exit_code = 5

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path!r} is there already")


class StoreUnavailable(ForgeEventsError):
    """The database does not answer, or refuses; ``where`` names it without a password."""

    exit_code = 6

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"the database {where} is not available: {reason}")


class StoreBusy(StoreUnavailable):
    """What is needed stays locked by others for too long; it may be tried again."""


class ValueRejected(ForgeEventsError):
    """The database works, and does not take a value that it was given; nothing was changed."""

    exit_code = 6

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"the database {where} does not take a value: {reason}")


class SearchTooLong(ForgeEventsError):
    """A search takes more than it may, as some regular expressions do."""

    exit_code = 6

    def __init__(self) -> None:
        super().__init__("the search takes too long; a simpler pattern may help")


class UnsupportedStore(ForgeEventsError):
    """The database URL names a kind of database that the library has no store for, or cannot load the driver of."""

    exit_code = 6

    def __init__(self, where: str, reason: str = "it begins with sqlite:/// or postgresql://") -> None:
        self.where, self.reason = where, reason
        super().__init__(f"{where} is no database URL that can be used: {reason}")


class SchemaMismatch(ForgeEventsError):
    """The schema in the database is not the one that this version of the library works with.

    :param found: the revision of the database; ``none`` where it is empty, ``another`` where it is another program's.
    :param revisions: those that this version knows, oldest first; it works with the last one.
    """

    exit_code = 6

    def __init__(self, where: str, found: str, revisions: Sequence[str]) -> None:
        self.where, self.found, self.expected = where, found, revisions[-1]
        super().__init__(f"the database {where} {self._reason(revisions)}")

    def _reason(self, revisions: Sequence[str]) -> str:
        if self.found == "none":
            return "has no tables yet; `forge-events db upgrade` makes them"
        if self.found == "another":
            return "is that of another program"
        if self.found in revisions:
            return f"has the older schema {self.found}; `forge-events db upgrade` makes it {self.expected}"
        return f"has the schema {self.found} of a newer version; this one of forge-events works with {self.expected}"


class InvalidSettings(ForgeEventsError):
    """An environment variable holds a value that cannot be used."""

    exit_code = 7

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"the setting {name} cannot be used: {reason}")


class Unknown(ForgeEventsError):
    """Nothing of a kind has the name."""

    exit_code = 3
    noun: ClassVar[str] = "object"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is no {self.noun} {name!r}")


class UnknownTemplate(Unknown):
    """No job template has the name."""

    noun = "job template"


class UnknownSchedule(Unknown):
    """No schedule has the name."""

    noun = "schedule"


class UnknownWorkflow(Unknown):
    """No workflow has the name."""

    noun = "workflow"


class UnknownWebhook(ForgeEventsError):
    """A job template has no webhook of a service."""

    exit_code = 3

    def __init__(self, service: str) -> None:
        self.service = service
        super().__init__(f"the job template has no webhook of {service!r}")


class UnknownNode(Unknown):
    """No node has the name."""

    noun = "node"


class UnknownUser(Unknown):
    """No user has the name."""

    noun = "user"


class AmbiguousSchedule(ForgeEventsError):
    """Schedules of several job templates have the name."""

    exit_code = 3

    def __init__(self, name: str, ids: Sequence[int]) -> None:
        self.name, self.ids = name, ids
        super().__init__(f"several schedules have the name {name!r}; their ids are {', '.join(map(str, ids))}")


class NameTaken(ForgeEventsError):
    """Another job template or node has the name already."""

    exit_code = 4
    _deed: ClassVar[str] = "made"

    def __init__(self, what: str, name: str, reason: str = "there is one already") -> None:
        self.what, self.name, self.reason = what, name, reason
        super().__init__(f"the {what} {name!r} cannot be {self._deed}: {reason}")


class NodeAtWork(NameTaken):
    """A node that is to be removed has something to do, and keeps its name."""

    _deed = "removed"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__("node", name, reason)


class NotLaunched(ForgeEventsError):
    """The job was only recorded: whoever started it has to be asked."""

    exit_code = 4

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} was not launched by forge-events; it was recorded while somebody else ran it")


class NotWaiting(ForgeEventsError):
    """What is to be answered is no question of a launched workflow, is not asked yet, or has been answered."""

    exit_code = 4

    def __init__(self, run_id: int, node: str) -> None:
        self.run_id, self.node = run_id, node
        super().__init__(f"workflow job {run_id} does not wait for an answer to {node!r}")


class NotRelaunchable(ForgeEventsError):
    """A job cannot be launched again as asked."""

    exit_code = 4

    def __init__(self, job_id: int, reason: str) -> None:
        self.job_id, self.reason = job_id, reason
        super().__init__(f"job {job_id} cannot be launched again: {reason}")


class InvalidLaunch(ForgeEventsError):
    """What is to be run has a field that is unknown, missing or cannot be; the value is not told."""

    exit_code = 2

    def __init__(self, field: str, reason: str) -> None:
        self.field, self.reason = field, reason
        super().__init__(f"{field} cannot be used: {reason}")


class FieldNotAsked(InvalidLaunch):
    """The job template does not leave a field to whoever launches it."""

    def __init__(self, template: str, field: str) -> None:
        self.template = template
        super().__init__(field, f"the job template {template!r} does not let it be changed at launch")


class InvalidRecurrence(ForgeEventsError):
    """When something is to happen again cannot be understood, or never comes."""

    exit_code = 2

    def __init__(self, part: str, reason: str) -> None:
        self.part, self.reason = part, reason
        shown = " ".join(part.split()) or "nothing"
        super().__init__(f"{shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'}: {reason}")


class JobNotRun(ForgeEventsError):
    """A job ended as ``error``."""

    exit_code = 8

    def __init__(self, job_id: int, reason: str) -> None:
        self.job_id, self.reason = job_id, reason
        super().__init__(f"job {job_id} could not be run: {reason}")


class JobCanceled(ForgeEventsError):
    """A job was canceled."""

    exit_code = 9

    def __init__(self, job_id: int, reason: str) -> None:
        self.job_id, self.reason = job_id, reason
        super().__init__(f"job {job_id} was canceled: {reason}")


class NotServed(ForgeEventsError):
    """The API cannot be served as asked: there, by whom it would be reached, or with what is installed."""

    exit_code = 7

    def __init__(self, host: str, reason: str = "") -> None:
        self.host = host
        nobody = (
            "other machines would reach it, and no user has a password yet; `forge-events user create NAME` makes one"
        )
        super().__init__(f"the API is not served on {host}: {reason or nobody}")

    @classmethod
    def without(cls, package: str) -> NotServed:
        """Return that a package is missing."""
        return cls("this machine", f"{package} is not installed; pip install 'forge-events[server]' does it")


class NotInTime(ForgeEventsError):
    """A job has not ended in the time that somebody waits; it goes on."""

    exit_code = 10

    def __init__(self, job_id: int, status: str) -> None:
        self.job_id, self.status = job_id, status
        super().__init__(f"job {job_id} is still {status}")


class NotTold(ForgeEventsError):
    """A sample message could not be brought to some of its addresses; the addresses are not told here."""

    exit_code = 11

    def __init__(self, failed_count: int, count: int) -> None:
        self.failed_count, self.count = failed_count, count
        super().__init__(f"{failed_count} of {count} {'address' if count == 1 else 'addresses'} could not be told")


class CommandNotExecutable(ForgeEventsError):
    """The command that was to be recorded is there and cannot be started."""

    exit_code = 126

    def __init__(self, command: str, reason: str) -> None:
        self.command, self.reason = command, reason
        super().__init__(f"cannot run {command!r}: {reason}")


class CommandNotFound(ForgeEventsError):
    """The command that was to be recorded does not exist."""

    exit_code = 127

    def __init__(self, command: str, reason: str) -> None:
        self.command, self.reason = command, reason
        super().__init__(f"cannot run {command!r}: {reason}")

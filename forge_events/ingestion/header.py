# SPDX-License-Identifier: Apache-2.0
"""The header of a spool: which job it is, and who may still write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forge_events import spool
from forge_events.errors import BrokenSpool
from forge_events.events import MAX_PID, Utc
from forge_events.jobs import NewJob

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["Header", "NewerFormat", "NoHeader", "read_header"]

_Pid = Annotated[int, Field(ge=1, le=MAX_PID)]


class NoHeader(BrokenSpool):
    """The first line is not there as a whole: it is being written, or never will be."""


class NewerFormat(BrokenSpool):
    """A newer version of the library wrote the spool, and can read it."""


class Header(BaseModel):
    """What the first line of a spool says.

    :param pid: the process that Ansible runs in.
    :param expects_exit: somebody started that process and will write down how it ended.
    :param recorder_pid: the process of that somebody.
    :param uptime: seconds from the start of the machine, which ``boot_id`` names, to the beginning of the spool.
    """

    model_config = ConfigDict(frozen=True)

    format: int
    job_uuid: Annotated[str, Field(min_length=1, max_length=1024)]
    started: Utc
    name: str = ""
    playbook: str = ""
    command: list[str] = []
    directory: str | None = None
    host: str | None = None
    run_by: str | None = None
    run_as: str | None = None
    check_mode: bool = False
    pid: _Pid | None = None
    ansible_version: str | None = None
    parent_uuid: str | None = None
    expects_exit: bool = False
    recorder_pid: _Pid | None = None
    boot_id: str = ""
    uptime: float | None = None

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Header:
        """Read a header. A field that can be missing and holds nonsense is taken as missing.

        :raises pydantic.ValidationError: it does not say which job it is, and when that started.
        """
        try:
            return cls.model_validate(facts)
        except ValidationError as error:
            bad = {place["loc"][0] for place in error.errors()}
            return cls.model_validate({key: part for key, part in facts.items() if key not in bad})

    def as_job(self) -> NewJob:
        """Return what is known of the job."""
        name = self.name or self.playbook or " ".join(self.command) or self.job_uuid
        facts = self.model_dump(include=set(NewJob.model_fields) - {"uuid", "name", "created"})
        return NewJob(uuid=self.job_uuid, name=name, created=self.started, **facts)


def read_header(path: str, file: BinaryIO) -> Header:
    """Read the header of a spool.

    :raises NoHeader: the first line is not complete.
    :raises NewerFormat: the format is newer than this library.
    :raises BrokenSpool: the first line is no header.
    """
    first = next(spool.read(file), None)
    if first is None:
        raise NoHeader(path, "it has no whole line")
    if first.kind != "header":
        raise BrokenSpool(path, "its first line is no header")
    version = first.value.get("format")
    if isinstance(version, int) and version > spool.FORMAT:
        raise NewerFormat(path, f"it has format {version}, and this version of forge-events reads {spool.FORMAT}")
    try:
        return Header.of(first.value)
    except ValidationError as error:
        raise BrokenSpool(path, "its header does not say which job it is, and when that started") from error

# SPDX-License-Identifier: Apache-2.0
"""What to run: a playbook with everything that ``ansible-playbook`` is to be told, and how that is put together.

Pure: no file is looked at. Whether a playbook is there is known on the node that runs it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from forge_events.command_lines import censor_command
from forge_events.errors import InvalidLaunch
from forge_events.values import plain

__all__ = ["DEFAULT_FORKS", "FIELDS", "Launch", "command_of", "impact_of", "refused"]

DEFAULT_FORKS = 5
"""How many forks Ansible takes where nobody says anything."""

_Text = Annotated[str, Field(min_length=1, max_length=4096)]


class Launch(BaseModel):
    """One thing to run. Lists keep their order; what is None or empty is left to Ansible.

    :param playbook: its path, relative to ``project``.
    :param project: the folder that Ansible is started in, absolute; None is the folder of the playbook.
    :param inventory: sources as ``-i`` takes them: paths, relative to ``project``, or host lists with a comma.
    :param extra_vars: variables, of JSON's types alone; they may be secret, and are never shown.
    :param extra_vars_files: files of variables, relative to ``project``.
    :param verbosity: how many ``-v``.
    :param timeout: seconds after which the job is stopped and counts as failed; None for never.
    :param execution_environment: the container image to run in; None runs on the node itself.
    :param node: the only node that the job may run on; None for any.
    :param host_count: how many hosts there will be, if that is known; it makes the job's impact smaller.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    playbook: _Text
    project: _Text | None = None
    inventory: list[_Text] = []
    extra_vars: dict[str, JsonValue] = {}
    extra_vars_files: list[_Text] = []
    limit: str | None = None
    tags: list[_Text] = []
    skip_tags: list[_Text] = []
    forks: Annotated[int, Field(ge=1, le=10_000)] | None = None
    check: bool = False
    diff: bool = False
    verbosity: Annotated[int, Field(ge=0, le=6)] = 0
    timeout: Annotated[float, Field(gt=0, le=10**8, allow_inf_nan=False)] | None = None
    execution_environment: _Text | None = None
    node: _Text | None = None
    host_count: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        for value in (self.playbook, *self.inventory, *self.tags, *self.skip_tags, self.limit or ""):
            if "\0" in value:
                raise ValueError("a text holds a NUL")
        if self.playbook.startswith("-"):
            raise ValueError("the name of the playbook begins with -")
        if self.project is not None and not self.project.startswith("/"):
            raise ValueError("the project is no absolute path")
        return self

    @classmethod
    def of(cls, **fields: Any) -> Launch:
        """Return a launch.

        :raises InvalidLaunch: a field is unknown or has a value that cannot be.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            raise refused(error) from None  # pydantic's own words quote the value

    def changed(self, **fields: Any) -> Launch:
        """Return a launch with other fields; extra variables are added to those that are there.

        :raises InvalidLaunch: as :meth:`of`.
        """
        variables = {**self.extra_vars, **fields.get("extra_vars", {})}
        return Launch.of(**{**self.model_dump(), **fields, "extra_vars": variables})

    @property
    def known_host_count(self) -> int | None:
        """How many hosts there will be at most, as far as that can be told without Ansible."""
        if self.host_count is not None:
            return self.host_count
        if not self.inventory:
            return 1  # Ansible's implicit localhost
        if all("," in source for source in self.inventory):
            return len({host.strip() for source in self.inventory for host in source.split(",") if host.strip()})
        return None


FIELDS = tuple(Launch.model_fields)
"""The fields of a launch, in order."""


def impact_of(launch: Launch, *, counts_hosts: bool = True) -> int:
    """Return how much capacity a job takes, in forks.

    :param counts_hosts: AWX's rule, ``min(hosts, forks) + 1``: no more forks than hosts are busy, and the playbook's
        own process takes one more. Where the number of hosts is not known, all forks count. False: forks alone.
    """
    forks = launch.forks or DEFAULT_FORKS
    if not counts_hosts:
        return forks
    hosts = launch.known_host_count
    return (forks if hosts is None else min(hosts, forks)) + 1


def command_of(launch: Launch) -> list[str]:
    """Return the command line that does what a launch does, for people: the values of extra variables are censored."""
    command = ["ansible-playbook", *_each("-i", launch.inventory)]
    command += _each("-e", [f"@{path}" for path in launch.extra_vars_files])
    command += _each("-e", [json.dumps(plain(launch.extra_vars))] if launch.extra_vars else [])
    command += _each("-l", [launch.limit] if launch.limit else [])
    command += _each("-t", [",".join(launch.tags)] if launch.tags else [])
    command += _each("--skip-tags", [",".join(launch.skip_tags)] if launch.skip_tags else [])
    command += _each("-f", [str(launch.forks)] if launch.forks else [])
    command += ["-C"] * launch.check + ["-D"] * launch.diff
    command += [f"-{'v' * launch.verbosity}"] if launch.verbosity else []
    return censor_command([*command, launch.playbook]).words


def refused(error: ValidationError) -> InvalidLaunch:
    """Return our error for one of pydantic, whose own words quote the value."""
    found: dict[str, Any] = dict(error.errors(include_input=False)[0])
    name = ".".join(str(part) for part in found["loc"]) or "launch"
    return InvalidLaunch(name, str(found["msg"]).removeprefix("Value error, "))


def _each(option: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (option, value)]

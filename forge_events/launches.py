# SPDX-License-Identifier: Apache-2.0
"""What to run: a playbook with everything that ``ansible-playbook`` is to be told.

Pure: no file is looked at. Whether a playbook is there is known on the node that runs it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from forge_events.errors import InvalidLaunch
from forge_events.patterns import names_file, parts_of
from forge_events.variables import is_reserved

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ASKABLE", "DEFAULT_FORKS", "FIELDS", "LONGEST_WORD", "SECRET", "Launch", "impact_of", "refused", "verify"]

DEFAULT_FORKS = 5
"""How many forks Ansible takes where nobody says anything."""

LONGEST_WORD = 100_000
"""Bytes of the longest argument that every system takes: Linux has a limit of 128 KiB for each."""

# The fields whose texts are arguments, which must be no options.
_WORDS = ("playbook", "inventory", "limit", "tags", "skip_tags", "execution_environment")
_LONGEST_NAME = 100
_LONGEST_NUMBER = 14_000
"""Bits of the largest number; Python writes and reads no more than 4,300 digits."""
_DEEPEST = 200
"""Levels of nesting; Ansible itself gives up at 247."""
_SURROGATE = re.compile("[\ud800-\udfff]")

_Text = Annotated[str, Field(min_length=1, max_length=4096)]
_Source = Annotated[str, Field(min_length=1, max_length=LONGEST_WORD)]


class Launch(BaseModel):
    """One thing to run. Lists keep their order; what is None or empty is left to Ansible.

    :param playbook: its path, relative to ``project``.
    :param project: the folder that Ansible is started in, absolute; None is the working directory of whoever launches.
    :param inventory: sources as ``-i`` takes them: paths, relative to ``project``, or host lists with a comma.
    :param inventory_id: an inventory of the store, in place of sources or beside them; what is in it when the job is
        launched becomes ``inventory_content``, as Ansible's plugin for YAML reads it. It may be secret.
    :param extra_vars: variables, of JSON's types alone; they may be secret, and are never shown. They may hold
        templates, as those of ``ansible-playbook -e``: whoever writes them can have Ansible do anything.
    :param untrusted_vars: the same of somebody who may only give values: Ansible never renders them. They win.
    :param extra_vars_files: files of variables, relative to ``project``.
    :param limit: a pattern of hosts, as ``--limit`` takes it, without files.
    :param limit_hosts: the names of the only hosts, exactly; in place of a limit.
    :param verbosity: how many ``-v``.
    :param timeout: seconds after which the job is stopped and counts as failed; None for never.
    :param execution_environment: the container image to run in; None runs on the node itself.
    :param node: the only node that the job may run on; None for any.
    :param host_count: how many hosts there will be, if that is known; it makes the job's impact smaller.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    playbook: _Text
    project: _Text | None = None
    inventory: list[_Source] = []
    inventory_id: Annotated[int, Field(ge=1)] | None = None
    inventory_content: dict[str, JsonValue] = {}
    extra_vars: dict[str, JsonValue] = {}
    untrusted_vars: dict[str, JsonValue] = {}
    extra_vars_files: list[_Text] = []
    limit: str | None = None
    limit_hosts: list[_Text] = []
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
        if any("\0" in text for _, text in _texts(self)):
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
            launch = cls(**fields)
        except ValidationError as error:
            raise refused(error) from None  # pydantic's own words quote the value
        verify(launch)
        return launch

    def changed(self, **fields: Any) -> Launch:
        """Return a launch with other fields; extra variables are added to those that are there.

        :raises InvalidLaunch: as :meth:`of`.
        """
        known = self.model_dump()
        variables = {name: {**known[name], **fields.get(name, {})} for name in ("extra_vars", "untrusted_vars")}
        return Launch.of(**{**known, **fields, **variables})

    @property
    def known_host_count(self) -> int | None:
        """How many hosts there will be at most, as far as that can be told without Ansible."""
        if self.host_count is not None:
            return self.host_count
        if self.limit_hosts:
            return len(set(self.limit_hosts))
        if not self.inventory and self.inventory_id is None:
            return 1  # Ansible's implicit localhost
        # A path with a comma is absolute by the time that this counts.
        if self.inventory_id is None and all("," in source and not source.startswith("/") for source in self.inventory):
            return len({host.strip() for source in self.inventory for host in source.split(",") if host.strip()})
        return None


FIELDS = tuple(Launch.model_fields)
"""The fields of a launch, in order."""

SECRET = ("extra_vars", "untrusted_vars", "inventory_content")
"""The fields whose values may be secret, and are shown to nobody."""

_NOT_ASKED = ("untrusted_vars", "limit_hosts", "inventory_id", "inventory_content")
ASKABLE = tuple(name for name in FIELDS if name not in _NOT_ASKED)
"""The fields that a template may leave to whoever launches it; others come about by how that is done."""


def verify(launch: Launch) -> None:
    """Refuse what would have another meaning for Ansible than it has here.

    A launch that comes from the store may be older than a rule, so the rules are applied again when it is run.

    :raises InvalidLaunch: a field has such a value.
    """
    for field, text in _texts(launch):
        if field in _WORDS and text.startswith("-"):
            raise InvalidLaunch(field, "it begins with -, as an option does")
    for field in ("tags", "skip_tags"):
        if len(",".join(getattr(launch, field)).encode(errors="surrogatepass")) > LONGEST_WORD:
            raise InvalidLaunch(field, f"it takes more than {LONGEST_WORD} bytes")
    _check_limit(launch)
    _check_variables(launch)


def _check_limit(launch: Launch) -> None:
    limit = launch.limit
    if not limit:
        return
    if launch.limit_hosts:
        raise InvalidLaunch("limit", "there is a list of hosts beside it")
    if not parts_of(limit):
        raise InvalidLaunch("limit", "it names nothing, which Ansible takes for all hosts")
    if names_file(limit):
        raise InvalidLaunch("limit", "a part of it begins with @, and Ansible would show the lines of that file")


def _check_variables(launch: Launch) -> None:
    for name in launch.untrusted_vars:
        if is_reserved(name):
            why = "it tells Ansible how to work, so that only whoever writes the template may set it"
            raise InvalidLaunch(f"extra_vars.{name[:_LONGEST_NAME]}", why)
    for leaf in _leaves([getattr(launch, name) for name in SECRET]):
        if isinstance(leaf, str) and _SURROGATE.search(leaf):
            raise InvalidLaunch("extra_vars", "a text in it has a code point that is no character")
        if isinstance(leaf, int) and leaf.bit_length() > _LONGEST_NUMBER:
            raise InvalidLaunch("extra_vars", "a number in it is too large")


def _texts(launch: Launch) -> Iterator[tuple[str, str]]:
    """Yield the texts of a launch that are not variables, each with the name of its field."""
    for field in (*_WORDS, "project", "extra_vars_files", "limit_hosts", "node"):
        value = getattr(launch, field)
        for text in value if isinstance(value, list) else [value or ""]:
            yield field, text


def _leaves(value: JsonValue, depth: int = 0) -> Iterator[JsonValue]:
    if depth > _DEEPEST:
        raise InvalidLaunch("extra_vars", f"a value in it has more than {_DEEPEST} levels")
    if isinstance(value, dict):
        yield from value
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part, depth + 1)
    else:
        yield value


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


def refused(error: ValidationError) -> InvalidLaunch:
    """Return our error for one of pydantic, whose own words quote the value."""
    found: dict[str, Any] = dict(error.errors(include_input=False)[0])
    name = ".".join(str(part) for part in found["loc"])[:_LONGEST_NAME] or "launch"
    return InvalidLaunch(name, str(found["msg"]).removeprefix("Value error, "))

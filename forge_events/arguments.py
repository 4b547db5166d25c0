# SPDX-License-Identifier: Apache-2.0
"""The arguments of ``ansible-playbook`` that do what a launch says.

Pure: what has to be in a file is returned as text, for whoever runs the job to write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forge_events.command_lines import censor_command
from forge_events.launches import LONGEST_WORD, verify
from forge_events.patterns import exactly, parts_of
from forge_events.variables import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forge_events.launches import Launch

__all__ = ["Arguments", "arguments_of", "command_of"]

_INVENTORY = "inventory.yml"
"""The file of what is in an inventory of the store; by its name Ansible knows how to read it."""


class Arguments(NamedTuple):
    """What ``ansible-playbook`` is told.

    :param words: its arguments, without its own name. No value of an extra variable is among them.
    :param files: texts by the names of the files that they have to be in, directly in the job's folder, as UTF-8. They
        may be secret.
    """

    words: list[str]
    files: dict[str, str]


def arguments_of(launch: Launch, folder: str) -> Arguments:
    """Return the arguments and files that do what a launch says.

    Paths are absolute, or relative to the project, in which the command has to be started.

    :param folder: the absolute path at which Ansible will see the job's folder, in a container maybe another one. A
        comma in it is in the way of a limit of more than :data:`forge_events.launches.LONGEST_WORD` bytes.
    :raises InvalidLaunch: the launch is older than a rule that it breaks.
    """
    verify(launch)
    files = _variables(launch)
    variables = [f"@{folder}/{name}" for name in files]
    inventory = list(launch.inventory)
    if launch.inventory_content:
        files[_INVENTORY] = to_yaml(launch.inventory_content, is_trusted=True)
        inventory.append(f"{folder}/{_INVENTORY}")
    limit = _limit(launch)
    if len(limit.encode(errors="surrogateescape")) > LONGEST_WORD:
        files["limit"] = "\n".join(parts_of(limit)) + "\n"
        limit = f"@{folder}/limit,"  # the comma keeps a path with spaces or colons whole
    return Arguments(_words(launch, inventory, variables, limit), files)


def command_of(launch: Launch) -> list[str]:
    """Return the command line that does what a launch does, for people: the values of extra variables are censored."""
    inventory = [*launch.inventory, *([_INVENTORY] if launch.inventory_content else [])]
    words = _words(launch, inventory, ["{}"] * len(_variables(launch)), _limit(launch))
    return censor_command(["ansible-playbook", *words]).words


def _variables(launch: Launch) -> dict[str, str]:
    """Return the files of extra variables; of those with the same name the last one counts."""
    files = {
        "extra_vars.yml": to_yaml(launch.extra_vars, is_trusted=True) if launch.extra_vars else "",
        "untrusted_vars.yml": to_yaml(launch.untrusted_vars, is_trusted=False) if launch.untrusted_vars else "",
    }
    return {name: text for name, text in files.items() if text}


def _limit(launch: Launch) -> str:
    # Commas, also behind a single one, leave the colons and spaces of names alone.
    return "".join(f"{exactly(name)}," for name in launch.limit_hosts) or launch.limit or ""


def _words(launch: Launch, inventory: Iterable[str], variables: Iterable[str], limit: str) -> list[str]:
    words = _each("-i", inventory)
    words += _each("-e", [*(f"@{path}" for path in launch.extra_vars_files), *variables])
    words += _each("-l", [limit] if limit else [])
    words += _each("-t", [",".join(launch.tags)] if launch.tags else [])
    words += _each("--skip-tags", [",".join(launch.skip_tags)] if launch.skip_tags else [])
    words += _each("-f", [str(launch.forks)] if launch.forks else [])
    words += ["-C"] * launch.check + ["-D"] * launch.diff
    words += [f"-{'v' * launch.verbosity}"] if launch.verbosity else []
    return [*words, launch.playbook]


def _each(option: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (option, value)]

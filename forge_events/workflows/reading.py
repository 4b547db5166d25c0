# SPDX-License-Identifier: Apache-2.0
"""Read workflows as people write them: YAML, without what could mean two things or blow up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from forge_events.durations import seconds_of
from forge_events.errors import InvalidLaunch
from forge_events.workflows.flow import Flow

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["LARGEST", "read_flow"]

LARGEST = 2**20
"""Bytes of a file; a larger one is refused."""

_TIMES = ("delay", "timeout")


class _Strict(yaml.SafeLoader):
    """Refuses aliases, with which a few lines become gigabytes, and keys that are there twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias cannot be used")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str):
                raise yaml.YAMLError(f"{key!r} is no text, and only texts are names")
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key!r} is there twice")
        return super().construct_mapping(node, deep=deep)


def read_flow(text: str | bytes) -> Flow:
    """Return the workflow that a text describes. ``after`` is a node, a list of nodes, or each with its condition.

    :raises InvalidLaunch: it cannot be read, or is no workflow.
    """
    if len(text) > LARGEST:
        raise InvalidLaunch("the workflow", f"it has more than {LARGEST >> 20} MiB")
    try:
        loaded = yaml.load(text, Loader=_Strict)  # noqa: S506 - it is a safe one
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InvalidLaunch("the workflow", f"{where}{error.problem or 'it is no YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InvalidLaunch("the workflow", why) from None
    if not isinstance(loaded, dict):
        raise InvalidLaunch("the workflow", "it is no map with a name and nodes")
    nodes = loaded.get("nodes")
    if isinstance(nodes, dict):
        loaded["nodes"] = {name: _node(name, node) for name, node in nodes.items()}
    return Flow.of(**loaded)


def _node(name: str, node: Any) -> Any:
    """Return a node with what it comes after as conditions, and its times in seconds."""
    if not isinstance(node, dict):
        raise InvalidLaunch(f"nodes.{name}", "it is no map with a template or an approval")
    found = {field: _seconds(name, field, value) if field in _TIMES else value for field, value in node.items()}
    match found.get("after"):
        case str() as parent:
            found["after"] = {parent: "success"}
        case list() as parents if all(isinstance(parent, str) for parent in parents):
            found["after"] = dict.fromkeys(parents, "success")
    return found


def _seconds(name: str, field: str, value: Any) -> Any:
    seconds = seconds_of(value) if isinstance(value, str) else value
    if seconds is None:
        raise InvalidLaunch(f"nodes.{name}.{field}", "a duration is a number with s, m, h or d")
    return seconds

# SPDX-License-Identifier: Apache-2.0
"""What a workflow is: nodes, each a job template or a question to people, and what each comes after."""

from __future__ import annotations

import graphlib
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from forge_events.errors import FieldNotAsked, InvalidLaunch
from forge_events.launches import ASKABLE, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forge_events.templates import JobTemplate

__all__ = ["OF_WORKFLOW", "Condition", "Flow", "Node"]

Condition = Literal["success", "failure", "always"]
"""How a node must have ended for the next one: any end that is no success counts as a failure."""

OF_WORKFLOW = "{workflow}"
"""The value of a node's field that is whatever the workflow is launched with."""

_MOST_NODES = 500
_LONGEST_WAIT = 30 * 86_400.0
_Name = Annotated[str, Field(min_length=1, max_length=512)]


class Node(BaseModel):
    """One step of a workflow: a job template that is launched, or a question that somebody answers.

    :param after: the nodes that it comes after, each with how it must have ended.
    :param join: whether one of those is enough, or all must have ended so.
    :param launch: fields of the launch, which the template has to ask.
    :param retries: how often it is tried again when it has failed, each time after ``delay`` seconds.
    :param timeout: seconds after which a question counts as answered, with ``on_timeout``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    template: _Name | None = None
    approval: _Name | None = None
    after: dict[_Name, Condition] = {}
    join: Literal["any", "all"] = "any"
    launch: dict[str, JsonValue] = {}
    retries: Annotated[int, Field(ge=0, le=100)] = 0
    delay: Annotated[float, Field(ge=0, le=_LONGEST_WAIT)] = 0.0
    timeout: Annotated[float, Field(gt=0, le=_LONGEST_WAIT)] | None = None
    on_timeout: Literal["deny", "approve"] = "deny"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.template is None) == (self.approval is None):
            raise ValueError("it has to be either a template or an approval")
        if self.approval is not None and (self.launch or self.retries or self.delay):
            raise ValueError("an approval has no launch, retries or delay")
        if self.template is not None and self.timeout is not None:
            raise ValueError("the timeout of a template's job is a field of its launch")
        return self


class Flow(BaseModel):
    """A workflow.

    :param ask: the fields of a launch that may be given when the workflow is launched; nodes take them by name.
    :param nodes: by what they are called in it, in the order in which they were written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: _Name
    description: str = ""
    ask: list[str] = []
    nodes: Annotated[dict[_Name, Node], Field(min_length=1, max_length=_MOST_NODES)]

    @classmethod
    def of(cls, **fields: Any) -> Flow:
        """Return a workflow.

        :raises InvalidLaunch: a part of it is unknown or cannot be, a node comes after one that is not there, or some
            come after one another in a circle, which is told.
        """
        try:
            flow = cls(**fields)
        except ValidationError as error:
            raise refused(error) from None  # pydantic's own words quote the value
        flow._check_ask()
        flow._check_edges()
        return flow

    def ordered(self) -> list[str]:
        """Return the nodes so that each comes behind all that it comes after, and else as they were written."""
        places = {name: place for place, name in enumerate(self.nodes)}
        sorter = graphlib.TopologicalSorter({name: node.after for name, node in self.nodes.items()})
        sorter.prepare()
        found: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=places.__getitem__)
            found += ready
            sorter.done(*ready)
        return found

    def children(self, name: str) -> dict[str, Condition]:
        """Return the nodes that come after one, each with how that must have ended."""
        return {child: node.after[name] for child, node in self.nodes.items() if name in node.after}

    def check(self, templates: Mapping[str, JobTemplate]) -> None:
        """Refuse what the job templates do not have, or do not let be set.

        :raises InvalidLaunch: a node's template is not there, or does not leave a field to whoever launches it.
        """
        for name, node in self.nodes.items():
            if node.template is not None:
                found = templates.get(node.template)
                if found is None:
                    raise InvalidLaunch(f"nodes.{name}.template", f"there is no job template {node.template!r}")
                _check_launch(name, node, found)

    def _check_ask(self) -> None:
        for field in self.ask:
            if field not in ASKABLE:
                raise InvalidLaunch("ask", f"a launch has no field {field!r} to ask for")
        for name, node in self.nodes.items():
            for field, value in node.launch.items():
                if value == OF_WORKFLOW and field not in self.ask:
                    raise InvalidLaunch(f"nodes.{name}.launch.{field}", "the workflow does not ask for it")

    def _check_edges(self) -> None:
        for name, node in self.nodes.items():
            for parent in node.after:
                if parent not in self.nodes:
                    raise InvalidLaunch(f"nodes.{name}.after", f"there is no node {parent!r}")
        try:
            self.ordered()
        except graphlib.CycleError as error:
            circle = " → ".join(error.args[1])
            raise InvalidLaunch("nodes", f"they come after one another in a circle: {circle}") from None


def _check_launch(name: str, node: Node, template: JobTemplate) -> None:
    own = {field: value for field, value in node.launch.items() if value != OF_WORKFLOW}
    for field in node.launch.keys() - own.keys() - set(template.ask):
        raise InvalidLaunch(f"nodes.{name}.launch.{field}", FieldNotAsked(template.name, field).reason)
    try:
        template.launched(**own)
    except InvalidLaunch as error:
        raise InvalidLaunch(f"nodes.{name}.launch.{error.field}", error.reason) from None

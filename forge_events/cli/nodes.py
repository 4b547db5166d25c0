# SPDX-License-Identifier: Apache-2.0
"""``nodes`` and ``node``: the machines that run jobs, how much each can take, and what their owner says of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli import completion
from forge_events.cli.arguments import Json, TypeOfNode, node_name, type_of_node
from forge_events.cli.screen import as_dict, seconds, style_of, write_json, write_line, write_table
from forge_events.cli.session import opened, reading
from forge_events.cli.sizes import size_of
from forge_events.tree import printable

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable

    from forge_events.nodes import Node

__all__ = ["add_to", "clock_of"]

_HEADERS = ("NAME", "TYPE", "STATE", "CAPACITY", "CONSUMED", "REMAINING", "JOBS", "HEARTBEAT", "VERSION", "CLOCK")
_NONE_YET = "there are no nodes yet; `forge-events dispatcher` makes this machine one"
_MOST_CORES = 100_000
_NONE = "none"

_group = typer.Typer(name="node", help="Say what a machine that runs jobs is for.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the node.", autocompletion=completion.nodes)]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("nodes")(nodes)
    app.add_typer(_group)


def nodes(*, as_json: Json = False) -> None:
    """List the nodes with their capacity. It counts in forks; why a node takes no jobs is said."""
    from forge_events import settings

    lost_after = settings.load().node_lost_after
    with reading() as session:
        found, at = session.store.nodes.all(), session.store.now()
    if as_json:
        write_json([_as_object(node, at, lost_after) for node in found])
    elif found:
        _write(found, at, lost_after)
    else:
        write_line(_NONE_YET)


@_group.command("register")
def register(name: _Name, *, node_type: TypeOfNode = None) -> None:
    """Make a node before a dispatcher works there. It is of type hybrid unless another one is given."""
    known, wanted = node_name(name, "NAME") or name, type_of_node(node_type)
    with opened() as session:
        _write_node(session.store.nodes.register(known, session.store.now(), node_type=wanted, is_new=True))


@_group.command("enable")
def enable(name: _Name) -> None:
    """Let a node take jobs again."""
    _change(name, {"enabled": True})


@_group.command("disable")
def disable(name: _Name) -> None:
    """Let a node take no more jobs; those that it has go on."""
    _change(name, {"enabled": False})


@_group.command("set")
def change(
    name: _Name,
    *,
    node_type: TypeOfNode = None,
    adjustment: Annotated[
        str | None,
        typer.Option(
            "--capacity-adjustment",
            metavar="X",
            help="From 0, the smaller of what cores and memory allow, to 1, the larger.",
        ),
    ] = None,
    cpu: Annotated[
        str | None, typer.Option("--cpu", metavar="N", help="Count with so many cores; none: with those measured.")
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option("--memory", metavar="SIZE", help="Count with so much memory, as 8G or 8Gi; none: as measured."),
    ] = None,
) -> None:
    """Change the type of a node, or what counts for its capacity."""
    given = {
        "node_type": type_of_node(node_type),
        "capacity_adjustment": _read(adjustment, "--capacity-adjustment", _share),
        "absolute_cpu": _read(cpu, "--cpu", _cores),
        "absolute_memory": _read(memory, "--memory", _memory),
    }
    values = {field: None if value == _NONE else value for field, value in given.items() if value is not None}
    if not values:
        raise typer.BadParameter("say what to change", param_hint="--type, --capacity-adjustment, --cpu or --memory")
    _change(name, values)


@_group.command("remove")
def remove(name: _Name) -> None:
    """Forget a node that has no active job and no dispatcher."""
    with opened() as session:
        session.store.nodes.delete(name)


def clock_of(offset: float) -> str:
    """Say how a clock stands to the database's.

    :param offset: seconds that it is ahead.
    """
    return f"{seconds(round(abs(offset), 1))} {'ahead of' if offset > 0 else 'behind'} the database's"


def _change(name: str, values: dict[str, Any]) -> None:
    with opened() as session:
        _write_node(session.store.nodes.change(name, **values))


def _read(text: str | None, option: str, parse: Callable[[str], Any]) -> Any:
    """Return what an option says; None where it was not given."""
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _share(text: str) -> float:
    return _number(text, 0.0, 1.0, f"{text!r} is no number from 0 to 1")


def _cores(text: str) -> float | str:
    return text if text == _NONE else _number(text, 0.01, _MOST_CORES, f"{text!r} is no number of cores, nor none")


def _memory(text: str) -> int | str:
    if text == _NONE:
        return text
    if not size_of(text):
        raise ValueError(f"{text!r} is too little")
    return size_of(text)


def _number(text: str, least: float, most: float, complaint: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not least <= found <= most:
        raise ValueError(complaint)
    return found


def _write(found: list[Node], at: datetime.datetime, lost_after: float) -> None:
    from forge_events.nodes import is_clock_off

    states = [node.state(at, lost_after) for node in found]
    rows = [_row(node, state, at) for node, state in zip(found, states, strict=True)]
    write_table(_HEADERS, rows, [style_of(state) for state in states])
    for node in found:
        why = node.explanation(at, lost_after)
        if why:
            write_line(printable(f"{node.hostname}: {why}"))
        if node.clock_offset is not None and is_clock_off(node.clock_offset):
            write_line(printable(f"{node.hostname}: its clock is {clock_of(node.clock_offset)}"))


def _row(node: Node, state: str, at: datetime.datetime) -> tuple[object, ...]:
    age = _age(node, at)
    heartbeat = "never" if age is None else f"{seconds(age)} ago"
    forks = (node.capacity, node.consumed, node.remaining)
    clock = "" if node.clock_offset is None else f"{round(node.clock_offset, 1) + 0.0:+.1f} s"
    return (node.hostname, node.node_type, state, *forks, node.job_count, heartbeat, node.version, clock)


def _as_object(node: Node, at: datetime.datetime, lost_after: float) -> dict[str, Any]:
    found = {"state": node.state(at, lost_after), "explanation": node.explanation(at, lost_after)}
    return {**as_dict(node), "capacity": node.capacity, "remaining": node.remaining, "age": _age(node, at), **found}


def _age(node: Node, at: datetime.datetime) -> float | None:
    """Return how many seconds ago a node was seen; not less than none, should the database's clock be set meanwhile."""
    return None if node.last_seen is None else max(0.0, (at - node.last_seen).total_seconds())


def _write_node(node: Node) -> None:
    said = {"cpu": node.absolute_cpu, "memory": node.absolute_memory}
    words = [node.node_type, "enabled" if node.enabled else "disabled", f"capacity {node.capacity}"]
    words += [f"{name} {value:g}" if name == "cpu" else f"{name} {value}" for name, value in said.items() if value]
    if node.capacity_adjustment:
        words.append(f"capacity adjustment {node.capacity_adjustment:g}")
    write_line(printable(f"node {node.hostname}: {', '.join(words)}"))

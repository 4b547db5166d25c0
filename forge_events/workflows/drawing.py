# SPDX-License-Identifier: Apache-2.0
"""Draw a workflow for a terminal: each node below the last one that it comes after, the others in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.durations import lasted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from forge_events.workflows.flow import Condition, Flow, Node

__all__ = ["draw"]

_WORDS: dict[Condition, str] = {"success": "if {} succeeds", "failure": "if {} fails", "always": "after {}"}


def draw(flow: Flow) -> list[str]:
    """Return the lines of a drawing."""
    order = flow.ordered()
    below: dict[str | None, list[str]] = {}
    for name in order:
        parents = flow.nodes[name].after
        below.setdefault(max(parents, key=order.index, default=None), []).append(name)
    return [flow.name, *_lines(flow, below, None, "")]


def _lines(flow: Flow, below: dict[str | None, list[str]], parent: str | None, lead: str) -> Iterator[str]:
    # Without recursion: a chain may be as long as a workflow.
    stack = [(name, lead, name == below[parent][-1]) for name in reversed(below.get(parent, []))]
    while stack:
        name, before, is_last = stack.pop()
        words = "   ".join(_words(name, flow.nodes[name]))
        yield f"{before}{'└─ ' if is_last else '├─ '}{name}{'   ' if words else ''}{words}"
        inner = before + ("   " if is_last else "│  ")
        children = below.get(name, [])
        stack += [(child, inner, child == children[-1]) for child in reversed(children)]


def _words(name: str, node: Node) -> Iterator[str]:
    if node.approval is not None:
        yield f"asks: {node.approval}"
    elif node.template != name:
        yield f"template {node.template}"
    if node.after and (len(node.after) > 1 or "success" not in node.after.values()):
        yield _waiting(node)
    if node.retries:
        pause = f" after {lasted(node.delay, decimals=0)}" if node.delay else ""
        yield f"up to {node.retries + 1} attempts{pause}"
    if node.timeout is not None:
        yield f"{'approved' if node.on_timeout == 'approve' else 'denied'} after {lasted(node.timeout, decimals=0)}"


def _waiting(node: Node) -> str:
    """Say what a node waits for, where its place in the drawing does not."""
    word = "and" if node.join == "all" else "or"
    if set(node.after.values()) == {"success"}:
        return f"waits for {_listed(list(node.after), 'and')} ({node.join})"
    by_need = {need: [parent for parent in node.after if node.after[parent] == need] for need in _WORDS}
    said = [_WORDS[need].format(_listed(parents, word)) for need, parents in by_need.items() if parents]
    return f" {word} ".join(said)


def _listed(items: Sequence[str], word: str) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}"

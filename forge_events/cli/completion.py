# SPDX-License-Identifier: Apache-2.0
"""What the shell offers after a tab: jobs, templates, hosts, nodes and the like, as the store has them.

Whatever is wrong with the store, a tab is no place to tell of it: then nothing is offered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from forge_events.store import Store

__all__ = ["hosts", "jobs", "nodes", "schedules", "templates", "workflows"]

_MOST = 50


def jobs(incomplete: str) -> list[tuple[str, str]]:
    """Offer the newest jobs, each with its name and status, and the words for two of them."""

    def found(store: Store) -> Iterable[tuple[str, str]]:
        yield "latest", "the newest job"
        yield "failed", "the latest that failed"
        for job in store.jobs(limit=_MOST):
            yield str(job.id), f"{job.name}, {job.status}"

    return _offered(incomplete, found)


def templates(incomplete: str) -> list[tuple[str, str]]:
    """Offer the job templates by name."""
    return _offered(incomplete, lambda store: [(one.name, one.description) for one in store.templates.all()])


def schedules(incomplete: str) -> list[tuple[str, str]]:
    """Offer the schedules by name."""
    return _offered(incomplete, lambda store: [(one.name, one.description) for one in store.schedules.all()])


def workflows(incomplete: str) -> list[tuple[str, str]]:
    """Offer the workflows by name."""
    return _offered(incomplete, lambda store: [(one.name, one.flow.description) for one in store.workflows.all()])


def nodes(incomplete: str) -> list[tuple[str, str]]:
    """Offer the nodes by name."""
    return _offered(incomplete, lambda store: [(one.hostname, str(one.node_type)) for one in store.nodes.all()])


def hosts(incomplete: str) -> list[tuple[str, str]]:
    """Offer the hosts of the newest jobs by name."""

    def found(store: Store) -> Iterable[tuple[str, str]]:
        names = {one.host_name for job in store.jobs(limit=_MOST) for one in store.host_summaries(job.id)}
        return [(name, "") for name in sorted(names)]

    return _offered(incomplete, found)


def _offered(incomplete: str, find: Callable[[Store], Iterable[tuple[str, str]]]) -> list[tuple[str, str]]:
    from forge_events import settings
    from forge_events.errors import ForgeEventsError
    from forge_events.store import open_store

    try:
        with open_store(settings.load().database_url) as store:
            return [(word, printable(about)) for word, about in find(store) if word.startswith(incomplete)][:_MOST]
    except (ForgeEventsError, OSError):
        return []

# SPDX-License-Identifier: Apache-2.0
"""The parts of a store: what has verbs of its own, such as the queue, the nodes or the schedules.

Each is imported when it is asked for: opening a store is much of what a short command does, and few need all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forge_events.store.accounts import Accounts
    from forge_events.store.database import Database
    from forge_events.store.insight import Insight
    from forge_events.store.lines import Lines
    from forge_events.store.nodes import Nodes
    from forge_events.store.objects import Catalogue
    from forge_events.store.outbox import Outbox
    from forge_events.store.processes import Processes
    from forge_events.store.queue import Queue
    from forge_events.store.schedules import Schedules
    from forge_events.store.templates import Templates
    from forge_events.store.webhooks import Webhooks
    from forge_events.store.workflows import Workflows

__all__ = ["Parts"]


class Parts:
    """What has verbs of its own in a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def queue(self) -> Queue:
        """The jobs that are launched, and how work is shared out."""
        from forge_events.store.queue import Queue

        return Queue(self._database)

    @property
    def nodes(self) -> Nodes:
        """The nodes, and the processes that work on them."""
        from forge_events.store.nodes import Nodes

        return Nodes(self._database)

    @property
    def processes(self) -> Processes:
        """What works on this store, whatever it does."""
        from forge_events.store.processes import Processes

        return Processes(self._database)

    @property
    def outbox(self) -> Outbox:
        """What is to be told of jobs."""
        from forge_events.store.outbox import Outbox

        return Outbox(self._database)

    @property
    def lines(self) -> Lines:
        """The output of jobs by lines, as a page looks at it."""
        from forge_events.store.lines import Lines

        return Lines(self._database)

    @property
    def insight(self) -> Insight:
        """What is asked of several runs at once."""
        from forge_events.store.insight import Insight

        return Insight(self._database)

    @property
    def templates(self) -> Templates:
        """The job templates."""
        from forge_events.store.templates import Templates

        return Templates(self._database)

    @property
    def schedules(self) -> Schedules:
        """The schedules, and what became of their occurrences."""
        from forge_events.store.schedules import Schedules

        return Schedules(self._database)

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks of job templates, and what was sent to them."""
        from forge_events.store.webhooks import Webhooks

        return Webhooks(self._database)

    @property
    def workflows(self) -> Workflows:
        """The workflows, and each time one was launched."""
        from forge_events.store.workflows import Workflows

        return Workflows(self._database)

    @property
    def accounts(self) -> Accounts:
        """The users of the API, with their tokens and sessions."""
        from forge_events.store.accounts import Accounts

        return Accounts(self._database)

    @property
    def catalogue(self) -> Catalogue:
        """The objects that a launch may name."""
        from forge_events.store.objects import Catalogue

        return Catalogue(self._database)

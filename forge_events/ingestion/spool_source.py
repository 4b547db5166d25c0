# SPDX-License-Identifier: Apache-2.0
"""A spool, or a folder of spools, from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.errors import BrokenSpool
from forge_events.files import open_binary
from forge_events.ingestion import process, receiver
from forge_events.ingestion.header import read_header
from forge_events.ingestion.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from forge_events.ingestion.intake import Received
    from forge_events.ingestion.source import Wish
    from forge_events.store.contract import Store

__all__ = ["SpoolSource"]


class SpoolSource:
    """A spool file or a folder of them; only a file can be followed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ingest(self, store: Store, wish: Wish) -> Iterator[Received]:
        """Bring it into a store; see :func:`~forge_events.ingestion.receiver.ingest`."""
        if wish.pause is None or self.path.is_dir():
            yield from receiver.ingest(self.path, store, wish.clock())
        else:
            yield self._follow(store, wish)

    def _follow(self, store: Store, wish: Wish) -> Received:
        """Take in what comes until the job is final; a recorder on another machine is taken to be there."""
        intake = Intake(store, is_owner=False, follows=True)
        count = 0
        while True:
            try:
                with open_binary(self.path, follows=True) as file:
                    header = read_header(str(self.path), file)
                received = intake.receive(self.path, header, process.gone(header, assume_gone=False))
            except OSError as error:
                raise BrokenSpool(str(self.path), error.strerror or type(error).__name__) from error
            count += received.event_count
            if wish.pause is None or received.job is None or received.job.status.is_final:
                return received._replace(event_count=count)
            wish.seen(count)
            wish.pause()

# SPDX-License-Identifier: Apache-2.0
"""Check the one promise: every announced event is stored exactly once, or named in the file of what is set aside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.events import EventFilter

if TYPE_CHECKING:
    import pathlib

    from forge_events.store import Store
    from tests.ingestion.spools import Spool


class Announced(NamedTuple):
    """A spool as it was written: its bytes, and the file that keeps what is no event."""

    uuid: str
    content: bytes
    damaged: pathlib.Path

    def check(self, store: Store) -> None:
        """Assert that each line is where it belongs, once."""
        events = list(store.events(store.job(self.uuid).id, EventFilter()))
        stored = {(event.counter, event.uuid) for event in events}
        assert len(stored) == len({event.counter for event in events}) == len(events)
        assert store.job(self.uuid).event_count == len(events)
        named = self.named()
        assert len(named) == len(set(named))
        announced = set()
        for position, line in _lines(self.content):
            value = _parsed(line)
            if not {"header", "eof", "exit"} & set(value):
                key = (value.get("counter"), value.get("uuid"))
                assert (key in stored) != (position in named), (position, line[:200])
                announced.add(key)
        assert stored <= announced

    def named(self) -> list[int]:
        """Return the positions of all that was set aside."""
        if not self.damaged.exists():
            return []
        return [json.loads(line)["position"] for line in self.damaged.read_bytes().splitlines()]


def announced(spool: Spool) -> Announced:
    """Take down what a spool holds, before a receiver deletes it."""
    damaged = spool.path.with_name(f"{spool.path.name}.damaged")
    return Announced(spool.uuid, spool.path.read_bytes(), damaged)


def _lines(content: bytes) -> list[tuple[int, bytes]]:
    found, position = [], 0
    for line in content.split(b"\n")[:-1]:
        found.append((position, line))
        position += len(line) + 1
    return found


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}

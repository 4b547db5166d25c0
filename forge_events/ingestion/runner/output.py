# SPDX-License-Identifier: Apache-2.0
"""Make the lines of a spool of events and of what the terminal showed for them, numbering its lines. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from forge_events.censoring import Censor
    from forge_events.hierarchy import Event
    from forge_events.ingestion.runner.told import Told

__all__ = ["Output"]

_LONGEST = 64 * 1024
"""Characters without a newline that wait for one."""


class Output:
    """The output of one job: each line of it belongs to one event, and joined in their order it is the whole.

    :param ident: what runner calls the job.
    :param created: the time for events that have none, until one has.
    :param censor: hides what may not be told.
    """

    def __init__(self, ident: str, created: str, censor: Censor) -> None:
        self._censor = censor
        self._ident = ident
        self._created = created
        self._waiting = ""
        self._line = 0

    @property
    def has_waiting(self) -> bool:
        """Whether there is output that no event has taken yet."""
        return bool(self._waiting)

    def lines(self, events: Sequence[Event], told: Told | None, text: str = "") -> Iterator[dict[str, Any]]:
        """Yield the lines of the events that one event of runner made.

        Output that has waited goes to the first of them that is not the root, its own text to the last. What is not a
        whole line waits, as does all of it where no event was made.
        """
        if told is not None and told.created is not None:
            self._created = told.created
        if not events:
            self._waiting += text
        for number, event in enumerate(events, start=1):
            is_alone = len(events) == 1
            shown = self._take(text if number == len(events) else "", may_take=is_alone or bool(event.parent_uuid))
            yield self._as_line(event, told, shown)

    def rest(self) -> str:
        """Take all that waits, at the end of the job."""
        rest, self._waiting = self._waiting, ""
        return rest

    def whole(self, event: Event, text: str) -> dict[str, Any]:
        """Return the line of an event that has a text to the end, be that a whole line or not."""
        return self._as_line(event, None, text)

    def _take(self, text: str, *, may_take: bool) -> str:
        text = self._waiting + text
        end = 0 if not may_take else len(text) if len(text) > _LONGEST else text.rfind("\n") + 1
        self._waiting = text[end:]
        return text[:end]

    def _as_line(self, event: Event, told: Told | None, text: str) -> dict[str, Any]:
        text = self._censor.text(text)
        start, self._line = self._line, self._line + text.count("\n") + (bool(text) and not text.endswith("\n"))
        data = {**event.context, **event.own}
        if told is not None:
            data["runner_counter"] = told.counter
            if told.lost:
                data["lost"] = [*data.get("lost", ()), *told.lost]
        return {
            "uuid": event.uuid,
            "parent_uuid": event.parent_uuid,
            "counter": event.counter,
            "event": event.event,
            "event_data": self._censor.data(data),
            "stdout": text,
            "start_line": start,
            "end_line": self._line,
            "created": self._created,
            "verbosity": told.verbosity if told is not None else 0,
            "pid": told.pid if told is not None else None,
            "runner_ident": self._ident,
        }

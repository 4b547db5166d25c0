# SPDX-License-Identifier: Apache-2.0
"""Turn what ansible-runner says of one job into the lines of its spool.

The messages are those of the stream that ``ansible-runner worker`` writes, to which every other source is brought:

=================== =============================================================================================
``{"status": ...}`` ``starting`` with ``command``, ``cwd`` and ``env``; ``running``; a final one, which may have a
                    ``job_explanation``
``{"event": ...}``  one event, with runner's fields
``{"rc": ...}``     the exit code
=================== =============================================================================================

Pure: who has a message hands it over, who wants the lines gets them.
"""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import spool
from forge_events.censoring import Censor
from forge_events.command_lines import censor_environment, censor_urls
from forge_events.ingestion.runner.events import RunnerEvent, rc_of, text_of
from forge_events.ingestion.runner.includes import Announcements
from forge_events.ingestion.runner.job import (
    FINAL,
    Ending,
    command_of,
    event_uuids,
    is_dry_run,
    job_uuid,
    name_of,
    user_of,
)
from forge_events.ingestion.runner.normaliser import Failures, Normaliser, is_message
from forge_events.ingestion.runner.secrets import Lessons, Messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from forge_events.hierarchy import Event

__all__ = ["Origin", "Output", "Translation"]

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

    def lines(self, events: Sequence[Event], told: RunnerEvent | None, text: str = "") -> Iterator[dict[str, Any]]:
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

    def _as_line(self, event: Event, told: RunnerEvent | None, text: str) -> dict[str, Any]:
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


_MAX_EARLY = 500
_MAX_EARLY_TEXT = 1024 * 1024


class Origin(NamedTuple):
    """What is known of a job beside its messages.

    :param ident: what runner calls the job, until an event says so itself.
    :param started: when it started, unless its first event is earlier; a copied file has the time of the copying.
    :param now: the time for what has none.
    :param uuid: the job's uuid; None derives it from ident and first event.
    :param header: more for the header of its spool.
    :param stats: what the statistics at its end will say, where that is known beforehand.
    :param keeps_environment: keep the environment of the command, without what looks like a secret.
    :param owes_stats: a playbook that ends without statistics was cut short; a source may not keep them.
    """

    ident: str
    now: str
    started: datetime.datetime | None = None
    uuid: str | None = None
    header: Mapping[str, Any] = {}
    stats: Mapping[str, Any] | None = None
    keeps_environment: bool = False
    owes_stats: bool = True


class Translation:
    """The spool of one job, line by line. The header comes with the first event.

    ``status`` is the last one that runner said, ``last`` the time of the last event.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._start: Mapping[str, Any] = {}
        self._normaliser: Normaliser | None = None
        self._censor = Censor()
        self._lessons = Lessons(self._censor)
        self._messages = Messages(self._censor.hidden_message)
        self._output = Output(origin.ident, origin.now, self._censor)
        self._announcements = Announcements()
        self._early: list[RunnerEvent] = []
        self._early_size = 0
        self.last: str | None = None
        self._explanation = ""
        self._rc: int | None = None
        self.status = ""

    def take(self, message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the lines that a message makes.

        :raises NoEvent: the message is none of the known ones.
        """
        if "status" in message and "counter" not in message:
            self._take_status(message)
        elif "rc" in message and "counter" not in message:
            self._rc = rc_of(message["rc"])
        elif message.get("event") not in ("keepalive", "EOF"):
            yield from self._take_event(RunnerEvent.of(message))

    def end(self, finished: str | None = None, explanation: str = "") -> Iterator[dict[str, Any]]:
        """Yield the lines that are left when nothing more will be said.

        :param finished: when the job ended, if that is known better than by its last event.
        :param explanation: what is amiss, if runner does not say it itself.
        """
        if self._normaliser is None:
            yield from self._open(None)
        normaliser = self._need()
        for event, host in self._announcements.close():
            yield from self._say(event, host)
        for event, host in self._messages.close():
            yield from self._normalise(event, host)
        yield from self._release(None)
        rest = self._output.rest()
        if rest:
            yield self._output.whole(normaliser.add_output()[0], rest)
        playbooks, stats = normaliser.playbook_count, normaliser.stats_count
        yield from Ending(
            finished=finished or self.last or self._origin.now,
            event_count=normaliser.event_count,
            status=self.status if self.status in FINAL else "",
            rc=self._rc,
            explanation=self._censor.text(self._explanation or explanation),
            has_playbook=self._origin.owes_stats and (playbooks > 0 or self._is_playbook()),
            has_stats=0 < playbooks <= stats,
        ).lines()

    def _take_status(self, message: Mapping[str, Any]) -> None:
        self.status = text_of(message["status"])
        self._explanation = text_of(message.get("job_explanation")) or self._explanation
        if self.status == "starting":
            self._start = message

    def _take_event(self, told: RunnerEvent) -> Iterator[dict[str, Any]]:
        if self._normaliser is None:
            yield from self._open(told)
        self.last = told.created or self.last
        for event, host in self._announcements.take(told):
            yield from self._say(event, host)

    def _say(self, told: RunnerEvent, host: str | None) -> Iterator[dict[str, Any]]:
        for event, begins in self._messages.take(told, host):
            yield from self._normalise(event, begins)

    def _normalise(self, told: RunnerEvent, host: str | None) -> Iterable[dict[str, Any]]:
        normaliser = self._need()
        told, text = self._lessons.take(told)
        if normaliser.has_root:
            return self._output.lines(normaliser.take(told, host), told, text)
        return self._before_root(normaliser, told, host)

    def _before_root(self, normaliser: Normaliser, told: RunnerEvent, host: str | None) -> Iterator[dict[str, Any]]:
        if is_message(told):
            self._early.append(told)
            self._early_size += len(told.text)
            if len(self._early) > _MAX_EARLY or self._early_size > _MAX_EARLY_TEXT:
                yield from self._release(told)
        elif told.event == "playbook_on_start":
            root = normaliser.take(told)
            yield from self._output.lines(root, told, told.text if not self._early else "")
            yield from self._release(told, told.text if self._early else "")
        else:
            yield from self._release(told)
            yield from self._output.lines(normaliser.take(told, host), told, told.text)

    def _release(self, told: RunnerEvent | None, text: str = "") -> Iterator[dict[str, Any]]:
        """Yield the root, if there is none yet, and the messages that came before it: nothing precedes the root."""
        normaliser = self._need()
        yield from self._output.lines(normaliser.need_root(), told)
        early, self._early = self._early, []
        for message in early:
            yield from self._output.lines(normaliser.take(message), message, message.text)
        if text:
            yield from self._output.lines([], None, text)

    def _open(self, told: RunnerEvent | None) -> Iterator[dict[str, Any]]:
        origin = self._origin
        ident = (told.ident if told is not None else "") or origin.ident
        uuid = origin.uuid or job_uuid(ident, told.uuid if told is not None else self._start_and_end())
        command = command_of(self._start.get("command"))
        self._censor.learn_command(command.secrets, command.echoes)
        playbook = text_of(told.data.get("playbook")) if told is not None else ""
        started = _earliest(origin.started, told.created if told is not None else None) or origin.now
        name = self._censor.text(censor_urls(name_of(command.words, playbook, ident)))
        failures = Failures(origin.stats)
        is_dry = is_dry_run(command.words)
        self._normaliser = Normaliser(playbook or name, event_uuids(uuid), failures, self._environment(), is_dry=is_dry)
        self._output = Output(ident, started, self._censor)
        yield {
            "header": {
                "format": spool.FORMAT,
                "job_uuid": uuid,
                "name": name,
                "command": command.words,
                "directory": text_of(self._start.get("cwd")) or None,
                "host": None,
                "run_by": user_of(self._start.get("env")),
                "check_mode": is_dry,
                "pid": told.pid if told is not None else None,
                "started": started,
                "expects_exit": True,
                **origin.header,
            }
        }

    def _start_and_end(self) -> str:
        """Return what tells a job without events from others of its ident."""
        start = [self._start.get("command"), self._start.get("cwd"), self.status, self._rc]
        return json.dumps(start, sort_keys=True, default=repr)

    def _environment(self) -> dict[str, Any]:
        found = self._start.get("env")
        if not self._origin.keeps_environment or not isinstance(found, dict):
            return {}
        return {"environment": censor_environment(found)}

    def _need(self) -> Normaliser:
        if self._normaliser is None:  # pragma: no cover - every caller has opened the spool
            raise LookupError("the spool has not been opened")
        return self._normaliser

    def _is_playbook(self) -> bool:
        return any(word.endswith("ansible-playbook") for word in command_of(self._start.get("command")).words)


def _earliest(started: datetime.datetime | None, created: str | None) -> str | None:
    if started is None or created is None:
        return started.isoformat(timespec="microseconds") if started is not None else created
    return min(started, datetime.datetime.fromisoformat(created)).isoformat(timespec="microseconds")

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
from forge_events.ingestion.runner.announcements import Announcements
from forge_events.ingestion.runner.ending import FINAL, Ending
from forge_events.ingestion.runner.failures import Failures
from forge_events.ingestion.runner.identity import command_of, event_uuids, is_dry_run, job_uuid, name_of, user_of
from forge_events.ingestion.runner.lessons import Lessons
from forge_events.ingestion.runner.messages import Messages
from forge_events.ingestion.runner.normaliser import Normaliser, is_message
from forge_events.ingestion.runner.output import Output
from forge_events.ingestion.runner.told import Told, rc_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Origin", "Translation"]

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
        self._early: list[Told] = []
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
            yield from self._take_event(Told.of(message))

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

    def _take_event(self, told: Told) -> Iterator[dict[str, Any]]:
        if self._normaliser is None:
            yield from self._open(told)
        self.last = told.created or self.last
        for event, host in self._announcements.take(told):
            yield from self._say(event, host)

    def _say(self, told: Told, host: str | None) -> Iterator[dict[str, Any]]:
        for event, begins in self._messages.take(told, host):
            yield from self._normalise(event, begins)

    def _normalise(self, told: Told, host: str | None) -> Iterable[dict[str, Any]]:
        normaliser = self._need()
        told, text = self._lessons.take(told)
        if normaliser.has_root:
            return self._output.lines(normaliser.take(told, host), told, text)
        return self._before_root(normaliser, told, host)

    def _before_root(self, normaliser: Normaliser, told: Told, host: str | None) -> Iterator[dict[str, Any]]:
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

    def _release(self, told: Told | None, text: str = "") -> Iterator[dict[str, Any]]:
        """Yield the root, if there is none yet, and the messages that came before it: nothing precedes the root."""
        normaliser = self._need()
        yield from self._output.lines(normaliser.need_root(), told)
        early, self._early = self._early, []
        for message in early:
            yield from self._output.lines(normaliser.take(message), message, message.text)
        if text:
            yield from self._output.lines([], None, text)

    def _open(self, told: Told | None) -> Iterator[dict[str, Any]]:
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

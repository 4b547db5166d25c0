# SPDX-License-Identifier: Apache-2.0
"""How each host fared, counted as Ansible counts its recap, until the recap itself arrives."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from forge_events.events import RESULTS
from forge_events.jobs import HostSummary
from forge_events.store.bulk import rows
from forge_events.store.schema import hostsummaries
from forge_events.store.text import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from forge_events.events import EventRow
    from forge_events.store.database import Database

__all__ = ["count", "read"]

_STATS, _INCLUDE = "playbook_on_stats", "playbook_on_include"
_TELLING = RESULTS | {_INCLUDE}
_COUNTS = tuple(name for name in HostSummary.model_fields if name != "host_name")
_VALUES = itemgetter(*hostsummaries.columns.keys())
_INCLUDES = ("include_tasks", "include_role")
# What a recap may claim; a sum of such counts fits every database.
_MAX_COUNT = 2**53
# More hosts than this in one statement are more than a database may take; then all hosts of the job are read.
_MAX_HOSTS = 5000


def read(connection: Connection, job_id: int) -> list[HostSummary]:
    """Return the counts of each host, by name."""
    found = _read(connection, hostsummaries.c.job_id == job_id)
    return sorted(found, key=lambda summary: summary.host_name)


def count(database: Database, connection: Connection, job_id: int, events: Sequence[EventRow]) -> None:
    """Count new events; the last statistics among them replace all that was counted before."""
    last = max((place for place, event in enumerate(events) if event.event == _STATS), default=-1)
    counts = _recap(events[last].event_data) if last >= 0 else {}
    told = (event for event in events[last + 1 :] if event.event in _TELLING)
    for (host, name), number in Counter(one for event in told for one in _counted(event)).items():
        _add(counts, host, {name: number})
    mine = hostsummaries.c.job_id == job_id
    if last < 0:
        if len(counts) < _MAX_HOSTS:
            mine &= hostsummaries.c.host_name.in_(sorted(counts))
        for known in _read(connection, mine) if counts else ():
            _add(counts, known.host_name, known.model_dump(exclude={"host_name"}))
    if counts or last >= 0:
        connection.execute(delete(hostsummaries).where(mine))
        _write(database, connection, job_id, counts)


def _read(connection: Connection, where: ColumnElement[bool]) -> Iterable[HostSummary]:
    columns = [hostsummaries.c[name] for name in HostSummary.model_fields]
    rows = connection.execute(select(*columns).where(where)).mappings()
    return [HostSummary.model_validate(row) for row in rows]


def _write(database: Database, connection: Connection, job_id: int, counts: Mapping[str, dict[str, int]]) -> None:
    records = [
        {"job_id": job_id, "host_name": host, **dict.fromkeys(_COUNTS, 0), **numbers, "processed": 1}
        for host, numbers in counts.items()
    ]
    if records:
        database.add_rows(connection, hostsummaries, rows(hostsummaries, connection.dialect, map(_VALUES, records)))


def _add(counts: dict[str, dict[str, int]], host: str, more: Mapping[str, int]) -> None:
    mine = counts.setdefault(short(host), {})
    for name, number in more.items():
        mine[name] = mine.get(name, 0) + number


def _recap(stats: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for name in _COUNTS:
        hosts = stats.get(name)
        for host, number in hosts.items() if isinstance(hosts, dict) else ():
            if isinstance(number, int) and 0 <= number <= _MAX_COUNT:
                _add(counts, str(host), {name: int(number)})
    return counts


def _counted(event: EventRow) -> list[tuple[str, str]]:
    """Return the hosts that Ansible counts for an event, each with what it counts for them."""
    data = event.event_data
    if event.event == _INCLUDE:
        # What is included is counted when it is loaded, not when the task that includes it is done.
        hosts = data.get("hosts")
        return [(str(host), "ok") for host in hosts] if isinstance(hosts, list) else []
    if not event.host_name:
        return []
    return [(event.host_name, name) for name in _outcome(event.event, data, has_changed=event.changed)]


def _outcome(event: str, data: Mapping[str, Any], *, has_changed: bool) -> list[str]:
    """Return the counts that grow, as Ansible's ``StrategyBase._process_pending_results`` has it."""
    changed = ["changed"] if has_changed else []
    if event == "runner_on_ok":
        return [] if _is_include(data) else ["ok", *changed]
    if event in ("runner_on_failed", "runner_on_unreachable"):
        if data.get("ignore_errors") or data.get("ignore_unreachable"):
            return ["ok", "ignored", *changed]
        if event == "runner_on_unreachable":
            return ["dark"]
        return ["rescued" if data.get("rescued") else "failures"]
    return ["skipped"] if event == "runner_on_skipped" else []


def _is_include(data: Mapping[str, Any]) -> bool:
    action = data.get("task_action")
    return isinstance(action, str) and action.rpartition(".")[2] in _INCLUDES

# SPDX-License-Identifier: Apache-2.0
"""Why messages do not arrive, where a broker is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.doctor.check import fail, fine, warn
from forge_events.store.records import Role

if TYPE_CHECKING:
    from forge_events.broker.facts import Facts
    from forge_events.doctor.check import Finding, Subject

__all__ = ["redis"]

_ENOUGH = "jobs start all the same, some seconds later"


def redis(subject: Subject) -> Finding | None:
    """Look whether Redis answers, keeps what it has, and is read by those who decide."""
    url = subject.found.broker_url
    if url is None:
        return None
    try:
        from forge_events.broker.address import place_of
        from forge_events.broker.facts import Unreachable, facts_of
    except ModuleNotFoundError as error:
        return fail(f"the package {error.name} is missing", "`pip install 'forge-events[celery]'`")
    try:
        facts = facts_of(url)
    except Unreachable as error:
        words = f"Redis at {place_of(url)} cannot be reached ({error}): {_ENOUGH}"
        return fail(words, "`redis-cli ping`; start it, or mend FORGE_EVENTS_BROKER_URL")
    return _of(subject, facts, place_of(url))


def _of(subject: Subject, facts: Facts, place: str) -> Finding:
    from forge_events.broker.address import fingerprint

    words = f"Redis {facts.version} at {place}, {facts.waiting} messages wait (LLEN celery), {facts.in_hand} in hand"
    if facts.evicts:
        words += f"; its maxmemory-policy is {facts.evicts}, so it drops messages when its memory is full"
        return fail(words, "`redis-cli config set maxmemory-policy noeviction`, and in redis.conf")
    own = fingerprint(subject.found.broker_url or "")
    deciding = [one for one in subject.working(Role.DISPATCHER) if subject.is_fresh(one) and one.only_job_id is None]
    if facts.waiting and deciding and all(one.facts.get("broker") != own for one in deciding):
        words += ", and no dispatcher that is seen reads them"
        return fail(words, "start dispatchers with the same FORGE_EVENTS_BROKER_URL")
    if facts.waiting and deciding and subject.store.queue.oldest_pending() is None:
        return warn(
            f"{words}, although no job does", "look at the dispatcher's log; `supervisorctl restart dispatcher`"
        )
    return fine(words)

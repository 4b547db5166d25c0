# SPDX-License-Identifier: Apache-2.0
"""Tell those who mistype a name of the one that is nearest to it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from forge_events.cli.screen import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from forge_events.store import Store

__all__ = ["hosts_of", "known_hosts", "known_names", "meant", "tell_unknown"]


def hosts_of(store: Store, job_id: int) -> list[str]:
    """Return the names of a job's hosts."""
    return [summary.host_name for summary in store.host_summaries(job_id)]


def known_hosts(store: Store, host: str | None) -> list[str]:
    """Return the names of the hosts of the newest jobs, and this one if any job has it."""
    from forge_events.events import ResultFilter

    is_there = host is not None and store.host_results(ResultFilter(host=host), limit=1)
    return [host] if is_there and host is not None else store.insight.names(of_hosts=True)


def known_names(store: Store, name: str | None) -> list[str]:
    """Return what the newest jobs are called, and this name if any job has it."""
    from forge_events.jobs import JobFilter

    is_there = name is not None and store.jobs(JobFilter(name=name), limit=1)
    return [name] if is_there and name is not None else store.insight.names()


def meant(word: str, words: Iterable[str]) -> str:
    """Return the question whether another word was meant; empty where none is near."""
    found = {each.lower(): each for each in words}
    near = difflib.get_close_matches(word.lower(), found, n=1)
    return f"; did you mean {found[near[0]]}?" if near else ""


def tell_unknown(what: str, word: str | None, words: Callable[[], Iterable[str]], *, is_guess: bool = False) -> None:
    """Say on stderr that nothing has a name, if that is so.

    :param words: gives the names that there are.
    :param is_guess: they may not be all; then it is said only where another one is near.
    """
    if word is None:
        return
    known = list(words())
    question = meant(word, known)
    if word not in known and (question or not is_guess):
        tell(f"{what} {word!r}{question}")

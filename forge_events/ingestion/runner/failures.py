# SPDX-License-Identifier: Apache-2.0
"""Know which failures were rescued, which ansible-runner does not say of a failure but of a host at the end. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Failures"]


class _Open(NamedTuple):
    """A failure of which it is open whether somebody rescued it: the event of its task, and what the host did next."""

    task: str
    host_goes_on: bool = False


class Failures:
    """The failures of a job, judged by its statistics where these are known beforehand, and when they come otherwise.

    A host that fails for good begins nothing more, so its rescued failures come first.

    :param stats: ``event_data`` of the last ``playbook_on_stats``; None while the job runs, and where it is lost.
    """

    def __init__(self, stats: Mapping[str, Any] | None = None) -> None:
        self._stats = stats
        self._counts: dict[str, int] = {}
        self._for_good: dict[str, int] = {}
        self._open: dict[str, list[_Open]] = {}

    def judge(self, host: str, *, is_ignored: bool, lost: list[str]) -> dict[str, Any]:
        """Return what a failed result says of being rescued: true, false, or that it is lost."""
        if is_ignored:
            return {"rescued": False}
        count = self._counts[host] = self._counts.get(host, 0) + 1
        rescued, failed = _count(self._stats, "rescued", host), _count(self._stats, "failures", host)
        if rescued is None or failed is None or count > rescued + failed:
            return {"lost": [*lost, "rescued"]}
        self._for_good[host] = self._for_good.get(host, 0) + (count > rescued)
        return {"rescued": count <= rescued}

    def leave_open(self, host: str, task: str) -> None:
        """Note a failure of which :meth:`judge` could not say whether it was rescued.

        :param task: the uuid of its task's event.
        """
        self._open.setdefault(host, []).append(_Open(task))

    def go_on(self, host: str) -> None:
        """Note that a host begins a task."""
        failures = self._open.get(host)
        if failures:
            failures[-1] = failures[-1]._replace(host_goes_on=True)

    def settle(self, stats: Mapping[str, Any]) -> list[str]:
        """Return the tasks of those failures that were left open and turn out to be for good.

        :param stats: ``event_data`` of the statistics that have come, which count all playbooks so far.
        """
        tasks: list[str] = []
        for host, failures in self._open.items():
            known = self._for_good.get(host, 0)
            count = max(0, (_count(stats, "failures", host) or 0) - known)
            self._for_good[host] = known + count
            # Those behind which the host did nothing more, and then the latest.
            latest = failures[::-1]
            tasks += [failure.task for failure in sorted(latest, key=_goes_on)[:count]]
        self._open = {}
        return list(dict.fromkeys(tasks))


def _goes_on(failure: _Open) -> bool:
    return failure.host_goes_on


def _count(stats: Mapping[str, Any] | None, kind: str, host: str) -> int | None:
    counts = stats.get(kind) if stats is not None else None
    count = counts.get(host, 0) if isinstance(counts, dict) else None
    return count if isinstance(count, int) else None

# SPDX-License-Identifier: Apache-2.0
"""Know which failures were rescued, which ansible-runner does not say of a failure but of a host at the end. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Failures"]


class Failures:
    """The failures of a job, judged by its statistics where these are known beforehand.

    A host that fails for good begins nothing more, so its rescued failures come first.

    :param stats: ``event_data`` of the last ``playbook_on_stats``; None while the job runs, and where it is lost.
    """

    def __init__(self, stats: Mapping[str, Any] | None = None) -> None:
        self._stats = stats
        self._counts: dict[str, int] = {}

    def judge(self, host: str, *, is_ignored: bool, lost: list[str]) -> dict[str, Any]:
        """Return what a failed result says of being rescued: true, false, or that it is lost."""
        if is_ignored:
            return {"rescued": False}
        count = self._counts[host] = self._counts.get(host, 0) + 1
        rescued, failed = self._of("rescued", host), self._of("failures", host)
        if rescued is None or failed is None or count > rescued + failed:
            return {"lost": [*lost, "rescued"]}
        return {"rescued": count <= rescued}

    def _of(self, kind: str, host: str) -> int | None:
        if self._stats is None:
            return None
        counts = self._stats.get(kind)
        count = counts.get(host, 0) if isinstance(counts, dict) else None
        return count if isinstance(count, int) else None

# SPDX-License-Identifier: Apache-2.0
"""The list of jobs: narrowed by what its form says, page by page."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from forge_events.jobs import JobFilter, JobStatus

if TYPE_CHECKING:
    from starlette.responses import Response

    from forge_events.jobs import Job
    from forge_events.web.site import Site, Visit

__all__ = ["jobs_page"]

_PAGE, _LOOKED_AT = 50, 2000
_AGES = {"1h": 3600, "1d": 86400, "7d": 7 * 86400, "30d": 30 * 86400}


def jobs_page(site: Site, visit: Visit) -> Response:
    """Show jobs, newest first; ``?rows`` gives the rows alone, for a page that is there already."""
    wanted = {name: visit.asked(name) for name in ("status", "text", "controller", "user", "since")}
    before = visit.number("before") or None
    jobs, following = _found(visit, wanted, before)
    kept = {name: value for name, value in wanted.items() if value}
    return site.page(
        visit,
        "job_rows.html" if "rows" in visit.request.query_params else "jobs.html",
        jobs=jobs,
        wanted=wanted,
        statuses=[status.value for status in JobStatus],
        ages=list(_AGES),
        is_first=before is None,
        newest=f"/jobs/?{urlencode(kept)}" if kept else "/jobs/",
        following=f"/jobs/?{urlencode({**kept, 'before': following})}" if following else "",
    )


def _found(visit: Visit, wanted: dict[str, str], before: int | None) -> tuple[list[Job], int | None]:
    """Return a page of jobs, and before which id the next one begins."""
    status = JobStatus(wanted["status"]) if wanted["status"] in {*JobStatus} else None
    where = JobFilter(status=status, controller=wanted["controller"] or None, user=wanted["user"] or None)
    since = visit.store.now() - datetime.timedelta(seconds=_AGES.get(wanted["since"], 10**9))
    words = [word.lower() for word in re.split(r"\s+", wanted["text"]) if word]
    found: list[Job] = []
    looked_at = 0
    while looked_at < _LOOKED_AT:
        jobs = visit.store.jobs(where, before=before, limit=_PAGE)
        looked_at += len(jobs)
        for job in jobs:
            before = job.id
            if job.created >= since and all(
                word in f"{job.name} {job.id} {' '.join(job.command)}".lower() for word in words
            ):
                found.append(job)
            if len(found) == _PAGE:
                return found, before
        if len(jobs) < _PAGE:
            return found, None
    return found, before

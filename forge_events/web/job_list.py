# SPDX-License-Identifier: Apache-2.0
"""The list of jobs: narrowed by what its form says, page by page."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from forge_events.jobs import JobFilter, JobStatus

if TYPE_CHECKING:
    from starlette.responses import Response

    from forge_events.jobs import Job
    from forge_events.web.site import Site, Visit

__all__ = ["jobs_page"]

_PAGE, _WORDS = 50, 20
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
    age = _AGES.get(wanted["since"])
    where = JobFilter(
        status=JobStatus(wanted["status"]) if wanted["status"] in {*JobStatus} else None,
        controller=wanted["controller"] or None,
        user=wanted["user"] or None,
        since=visit.store.now() - datetime.timedelta(seconds=age) if age else None,
        words=tuple(wanted["text"].split()[:_WORDS]),
    )
    jobs = visit.store.jobs(where, before=before, limit=_PAGE + 1)
    return jobs[:_PAGE], jobs[_PAGE - 1].id if len(jobs) > _PAGE else None

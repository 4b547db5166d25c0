# SPDX-License-Identifier: Apache-2.0
"""The page of one job, in a browser: it runs nothing that a job printed, asks nobody for anything, and finds text."""

from __future__ import annotations

import pytest

from forge_events.jobs import JobStatus
from forge_events.reports.report import ReportFormat, report
from forge_events.store import open_store
from tests.store.making import NOW, Play, append, new_job
from tests.web.browsers import chromium

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"


@pytest.fixture
def page(tmp_path):
    """Return the file of a page."""
    with open_store(f"sqlite:///{tmp_path}/events.db") as store:
        job = store.add_job(new_job(name=f"site.yml {HOSTILE}"))
        job = store.transition(job, JobStatus.RUNNING, at=NOW, by="test")
        play = Play(job)
        for name in ("install", HOSTILE):
            task = play.add("playbook_on_task_start", play.play, f"TASK [{name}]\n", name=name, task=name)
            play.add("runner_on_ok", task, f"ok: [web1] {HOSTILE}\n", host="web1", task=name, res={})
        append(store, job, play.events)
        job = store.transition(job, JobStatus.SUCCESSFUL, at=NOW, by="test")
        (tmp_path / "job.html").write_text("".join(report(store, job, ReportFormat.HTML)), "utf-8")
    return tmp_path / "job.html"


def test_the_page_shows_the_job_runs_none_of_it_and_finds_text(page):
    with chromium() as browser:
        tab = browser.new_page()
        asked, complaints = [], []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.goto(page.as_uri())
        assert asked == [page.as_uri()]
        assert "taken" not in tab.title().partition(HOSTILE)[0] + tab.title().partition(HOSTILE)[2]
        assert tab.locator("h1").inner_text().startswith(f"site.yml {HOSTILE}")
        assert tab.locator("#tree details").count() == 4
        tab.locator("#search").fill("[install]")
        assert tab.locator("pre.output > span:not(.hidden)").count() == 1
        assert tab.locator("#count").inner_text() == "1 lines"
        tab.locator("#search").fill("")
        assert tab.locator("pre.output > span:not(.hidden)").count() == 4
        assert complaints == []

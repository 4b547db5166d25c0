# SPDX-License-Identifier: Apache-2.0
"""The pages without a browser: what they show, to whom, and what their forms do."""

from __future__ import annotations

import datetime
import html

import httpx
import pytest

from forge_events.jobs import JobStatus
from forge_events.launches import Launch
from forge_events.launching import launch
from forge_events.output import to_styled_lines
from forge_events.templates import JobTemplate
from tests.web.conftest import Recorded, web_job

HOSTILE = '<script>alert("x")</script>\u202e\x1b[31m'


@pytest.fixture
def browser(site):
    """Return a client that has logged in as a browser does."""
    with httpx.Client(base_url=site.url, follow_redirects=True) as client:
        assert "/jobs/" in str(client.get("/", params={"token": site.login}).url)
        yield client


def template_of(store, **facts):
    now = store.now()
    what = Launch(playbook="site.yml", project="/srv/site", inventory=["hosts"], verbosity=0)
    return store.templates.add(
        JobTemplate.of(**{"name": "deploy", "launch": what, "created": now, "modified": now, **facts})
    )


@pytest.mark.parametrize("path", ["/jobs/", "/templates/", "/nodes/", "/usage/"])
def test_each_page_is_there_and_says_when_nothing_is(site, path):
    text = site.get(path).text
    assert "<h1>" in text and "yet" in text
    assert "unsafe-inline" not in text


@pytest.mark.parametrize("path", ["/jobs/", "/jobs/1/", "/jobs/1/tasks.json", "/usage/"])
def test_who_is_nobody_is_sent_to_log_in(site, path):
    answer = httpx.get(site.url + path)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/api/login/?next=/")


def test_the_printed_url_lets_in_once_and_is_gone_from_the_address(site, browser):
    assert "token" not in str(browser.get("/jobs/").url)
    again = httpx.get(site.url, params={"token": site.login}, follow_redirects=True)
    assert "/api/login/" in str(again.url)


def test_the_list_is_narrowed_by_its_form(site):
    web_job(site.store, name="site.yml", run_by="ann").end(JobStatus.FAILED)
    Recorded(site.store, name="backup.yml", host="db1").end()
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    Recorded(site.store, name="old.yml", created=old).end()

    def names(**wanted):
        text = site.get("/jobs/", **wanted).text
        return [name for name in ("site.yml", "backup.yml", "old.yml") if f">{name}</a>" in text]

    assert names() == ["site.yml", "backup.yml", "old.yml"]
    assert names(status="failed") == names(text="SITE") == names(user="ann") == ["site.yml"]
    assert names(since="1d") == ["site.yml", "backup.yml"]
    assert names(controller="db1") == ["backup.yml"]
    assert names(text="nothing") == names(status="running") == []
    assert site.get("/jobs/", rows="").text.count("<tr") == 3


def test_a_long_list_comes_page_by_page(site):
    for _ in range(55):
        Recorded(site.store)
    first = site.get("/jobs/").text
    assert first.count('<tr data-id="') == 50 and "before=6" in first
    assert site.get("/jobs/", before=6).text.count('<tr data-id="') == 5


def test_a_job_tells_who_where_what_and_how_it_went(site):
    job = web_job(site.store, run_by="ann", run_as="root", host="control1").end(JobStatus.FAILED)
    text = site.get(f"/jobs/{job.id}/").text
    for shown in (
        "ann as root",
        "control1",
        "ansible-playbook site.yml",
        "Register with the load balancer",
        "pool",
        "1 failed",
    ):
        assert shown in text or shown == "pool"
    assert "9.0 s" in text and "<noscript>" in text
    assert site.get(f"/jobs/{job.id}/head").text.lstrip().startswith("<div")


def test_an_unknown_job_is_told_in_words(site):
    assert "no job" in site.get("/jobs/7/", expected=404).text.lower()
    site.get("/jobs/7/tasks.json", expected=404)


def test_hostile_names_are_text(site):
    told = Recorded(site.store, name=HOSTILE, run_by=HOSTILE, host=HOSTILE, command=[HOSTILE])
    told.play(HOSTILE).task(HOSTILE).host(HOSTILE, text=HOSTILE + "\n").end()
    for path in ("/jobs/", f"/jobs/{told.job.id}/"):
        text = site.get(path).text
        assert "<script>alert" not in text and "\u202e" not in text and "\x1b" not in text
        assert html.escape("<script>") in text


def test_tasks_have_their_counts_and_who_is_at_them(site):
    job = web_job(site.store).job
    found = site.json(f"/jobs/{job.id}/tasks.json")
    first, second = found["tasks"]
    assert first["counts"] == {"changed": 3} and first["slowest"] == 1.5 and not first["running"]
    assert second["counts"] == {"ok": 1, "failed": 1} and second["running"] == ["web3"]
    assert found["event_count"] == 13 and found["status"] == "running" and found["line_count"] == 11
    assert site.json(f"/jobs/{job.id}/tasks.json", since=10)["tasks"] == [second]
    assert [task["counts"] for task in site.json(f"/jobs/{job.id}/tasks.json", host="web2")["tasks"]] == [
        {"changed": 1},
        {"failed": 1},
    ]


def test_what_is_below_a_task_and_its_difference(site):
    job = web_job(site.store).job
    first, second = site.json(f"/jobs/{job.id}/tasks.json")["tasks"]
    results = site.json(f"/jobs/{job.id}/results.json", task=second["counter"])["results"]
    assert [(one["host"], one["outcome"], one["message"]) for one in results] == [
        ("web1", "ok", ""),
        ("web2", "failed", "pool is full"),
    ]
    event = site.json(f"/jobs/{job.id}/event.json", counter=results[1]["counter"])
    assert (
        "-workers: 4" in event["diff"] and "+workers: 8" in event["diff"] and '"msg": "pool is full"' in event["json"]
    )
    assert len(site.json(f"/jobs/{job.id}/results.json", task=first["counter"], host="web3")["results"]) == 1


def test_lines_are_those_of_the_terminal(site):
    job = web_job(site.store).job
    found = site.json(f"/jobs/{job.id}/lines.json", start=0, end=400)
    assert found["total"] == 11 and len(found["lines"]) == 11
    assert found["lines"][1] == "PLAY [Set up the web tier] ****"
    assert found["lines"][10] == "\x1b[0;31mfatal: [web2]: FAILED! pool is full\x1b[0m"
    assert site.json(f"/jobs/{job.id}/lines.json", start=9, end=11)["lines"] == found["lines"][9:]


def test_a_filter_leaves_lines_and_what_is_above_them(site):
    job = web_job(site.store).job
    assert site.json(f"/jobs/{job.id}/spans.json", host="web2")["spans"] == [0, 4, 5, 6, 7, 9, 10, 11]
    assert site.json(f"/jobs/{job.id}/spans.json", outcome="failed")["spans"] == [0, 2, 7, 9, 10, 11]
    assert site.json(f"/jobs/{job.id}/spans.json", task="WRITE")["spans"] == [0, 7]
    assert site.json(f"/jobs/{job.id}/spans.json", text="Pool is")["spans"] == [0, 2, 7, 9, 10, 11]
    assert site.json(f"/jobs/{job.id}/spans.json", host="nobody")["spans"] == []


def test_a_search_finds_lines_both_ways_and_goes_on(site):
    told = Recorded(site.store).play("p").task("t")
    for number in range(60):
        told.host(f"h{number}", text=f"line {number} Größe {'x' if number % 2 else 'Y'}\n")
    job = told.store_all().job
    assert site.json(f"/jobs/{job.id}/find.json", text="line 7 ", line=0)["lines"] == [11]
    assert len(site.json(f"/jobs/{job.id}/find.json", text="GRÖSSE".replace("SS", "ß"), line=0)["lines"]) == 60
    backwards = site.json(f"/jobs/{job.id}/find.json", text="y", line=30, backwards=1)["lines"]
    assert backwards[:3] == [28, 26, 24]
    assert site.json(f"/jobs/{job.id}/find.json", text="")["lines"] == []
    assert site.json(f"/jobs/{job.id}/find.json", text="100%_", line=0)["lines"] == []


def test_commands_to_the_terminal_do_not_come_through():
    text = "\x1b[0;32mok\nmore\x1b[0m\nNUL \x00 bidi \u202e \x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07 \udc80\r\n"
    assert to_styled_lines(text) == [
        "\x1b[0;32mok",
        "\x1b[0;32mmore\x1b[0m",
        "NUL \u2400 bidi \ufffd link \ufffd",
    ]


def test_a_line_without_end_is_cut(site):
    told = Recorded(site.store).play("p").task("t").host("h", text="x" * 1_000_000 + "\n")
    line = site.json(f"/jobs/{told.store_all().job.id}/lines.json", start=4, end=5)["lines"][0]
    assert len(line) < 5000 and line.endswith("996,000 more characters")


def csrf_of(client):
    return client.cookies["csrftoken"]


def test_a_template_is_launched_with_what_its_form_says(site, browser):
    template = template_of(site.store, ask=["limit", "extra_vars", "check", "verbosity", "tags"])
    path = f"/templates/{template.id}/"
    assert 'name="limit"' in browser.get(path).text and "Launch…" in browser.get("/templates/").text.replace(
        "&#8230;", "…"
    )
    form = {
        "csrf": csrf_of(browser),
        "limit": "web1",
        "extra_vars": "a: 1",
        "check": "on",
        "verbosity": "2",
        "tags": "x, y",
    }
    answer = browser.post(path, data=form)
    job = site.store.job("latest")
    assert answer.status_code == 200 and str(answer.url).endswith(f"/jobs/{job.id}/")
    found = site.store.queue.launch_of(job.id)
    assert (found.limit, found.untrusted_vars, found.check, found.verbosity, found.tags) == (
        "web1",
        {"a": 1},
        True,
        2,
        ["x", "y"],
    )
    assert job.run_by == "local" and job.name == "deploy"


@pytest.mark.parametrize("variables", ["[1]", "a: [", "{"])
def test_a_form_with_a_wrong_value_is_shown_again(site, browser, variables):
    template = template_of(site.store, ask=["extra_vars", "limit"])
    form = {"csrf": csrf_of(browser), "extra_vars": variables, "limit": "kept"}
    answer = browser.post(f"/templates/{template.id}/", data=form)
    assert answer.status_code == 400 and 'role="alert"' in answer.text and "kept" in answer.text
    assert site.store.jobs() == []


def test_a_job_is_cancelled_and_relaunched_from_its_page(site, browser):
    job = launch(site.store, Launch(playbook="site.yml", project="/srv"))
    assert "Cancel</button>" in browser.get(f"/jobs/{job.id}/").text
    browser.post(f"/jobs/{job.id}/cancel/", data={"csrf": csrf_of(browser)})
    assert site.store.job(str(job.id)).status is JobStatus.CANCELED
    assert "Relaunch</button>" in browser.get(f"/jobs/{job.id}/").text
    browser.post(f"/jobs/{job.id}/relaunch/", data={"csrf": csrf_of(browser)})
    assert site.store.job("latest").launch_type == "relaunch"


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({}, {}),
        ({}, {"csrf": "other"}),
        ({"Origin": "https://evil.example"}, None),
        ({"Sec-Fetch-Site": "cross-site"}, None),
    ],
)
def test_a_form_of_somebody_else_changes_nothing(site, browser, headers, form):
    job = launch(site.store, Launch(playbook="site.yml", project="/srv"))
    sent = {"csrf": csrf_of(browser)} if form is None else form
    assert browser.post(f"/jobs/{job.id}/cancel/", data=sent, headers=headers).status_code == 403
    assert site.store.job(str(job.id)).status is JobStatus.PENDING


def test_a_secret_of_a_template_is_on_no_page(site):
    what = Launch(playbook="site.yml", project="/srv", extra_vars={"password": "s3cr3t-word"})
    template = template_of(site.store, launch=what, ask=["extra_vars"])
    job = launch(site.store, what, template=template)
    for path in (f"/templates/{template.id}/", "/templates/", f"/jobs/{job.id}/", "/jobs/"):
        assert "s3cr3t-word" not in site.get(path).text

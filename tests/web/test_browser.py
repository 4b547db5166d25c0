# SPDX-License-Identifier: Apache-2.0
"""The page in a browser, while jobs run. Debian's chromium does it; where there is none, these are skipped."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from forge_events.jobs import JobStatus
from tests.web.browsers import axe, chromium
from tests.web.conftest import Recorded, web_job

EXACT_TOP = "() => document.querySelector('.rows').scrollTop"


@pytest.fixture(scope="module")
def browser():
    with chromium("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as opened:
        yield opened


class Troubles:
    """What a page must not have: errors, dialogs, requests that leave this machine."""

    def __init__(self, page) -> None:
        self.found: list[str] = []
        page.on("pageerror", lambda error: self._add(f"error: {error}"))
        page.on("console", lambda line: self._add(f"console: {line.text}") if line.type == "error" else None)
        page.on("dialog", self._asked)
        page.on("request", lambda request: self._requested(request.url))

    def _add(self, text: str) -> None:
        self.found.append(text)

    def _asked(self, dialog) -> None:
        self.found.append("dialog")
        dialog.dismiss()

    def _requested(self, url: str) -> None:
        if not re.match(r"(?:https?|wss?)://127\.0\.0\.1|data:|blob:", url):
            self.found.append(f"request: {url}")


@pytest.fixture
def open_page(site, browser):
    """Return what opens a page, logged in; nothing may go wrong in any."""
    contexts, troubles = [], []

    def opened(path: str, **options):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        troubles.append(Troubles(page))
        page.goto(f"{site.url}/?token={site.new_login()}")
        if path != "/":
            page.goto(site.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [one for each in troubles for one in each.found] == []


def lines_of(told: Recorded, count: int, word: str = "line") -> Recorded:
    for number in range(count):
        told.host(f"web{number % 3}", text=f"{word} {told.line + 1}\n")
    return told.store_all()


def settled(page) -> None:
    page.wait_for_function("() => document.querySelectorAll('.rows .r').length > 0")


def test_the_printed_url_leads_to_jobs_that_appear_by_themselves(site, open_page, tmp_path):
    """Check 32: the token is out of the address, and a job of the command line is there within a second."""
    page = open_page("/")
    assert page.url == f"{site.url}/jobs/"
    page.wait_for_timeout(500)
    told = web_job(site.store, name="appears.yml")
    page.get_by_role("link", name="appears.yml").wait_for(timeout=1500)
    assert "running" in page.locator("tr", has_text="appears.yml").inner_text()
    told.end(JobStatus.FAILED)
    page.locator("tr .s-failed").wait_for(timeout=1500)


def test_a_playbook_that_runs_in_a_terminal_is_shown(site, open_page, tmp_path):
    (tmp_path / "site.yml").write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - name: say it\n      debug: msg=hello-page\n"
    )
    page = open_page("/jobs/")
    environment = {**os.environ, "FORGE_EVENTS_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "forge_events", "run", "site.yml"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True)
    page.get_by_role("link", name="site.yml").click()
    page.get_by_text("say it").wait_for()


def test_without_the_socket_the_output_comes_all_the_same(site, open_page):
    """Check 33."""
    told = web_job(site.store)
    page = open_page("/jobs/")
    page.route_web_socket(re.compile("/websocket/"), lambda socket: socket.close())
    page.goto(f"{site.url}/jobs/{told.job.id}/?view=output")
    settled(page)
    page.get_by_text("every 2 seconds").wait_for()
    lines_of(told, 5, "polled")
    page.get_by_text("polled").first.wait_for(timeout=5000)


def test_a_job_is_narrowed_folded_and_searched_while_it_runs(site, open_page):
    """Check 34: it acts at once, survives 500 more events, and is there again when the page is loaded anew."""
    told = web_job(site.store)
    page = open_page(f"/jobs/{told.job.id}/")
    page.get_by_role("button", name=re.compile("Play Set up")).click()
    page.wait_for_function("() => !document.querySelector('.task')")
    page.get_by_label("Only this host").fill("web2")
    page.get_by_label("Only this host").press("Enter")
    told.task("Later")
    lines_of(told, 500)
    page.wait_for_function("() => document.getElementById('line-count').textContent.replace(/\\D/g, '') >= 500")
    assert page.locator(".task").count() == 0 and "host=web2" in page.url
    page.reload()
    page.get_by_role("button", name=re.compile("Play Set up")).wait_for()
    assert page.locator(".task").count() == 0 and page.get_by_label("Only this host").input_value() == "web2"
    page.locator("[data-view=output]").click()
    page.wait_for_function("() => !document.querySelector('.rows').innerText.includes('[web1]')")
    page.get_by_role("button", name="Clear").click()
    page.keyboard.press("/")
    page.keyboard.type("line 250")
    page.keyboard.press("Enter")
    page.locator(".r.hit", has_text="line 250").wait_for()
    assert page.locator(".hits").inner_text().startswith("1 of 1")


def test_who_scrolls_up_stays_there_and_may_follow_again(site, open_page):
    """Check 35."""
    told = web_job(site.store)
    lines_of(told, 300)
    page = open_page(f"/jobs/{told.job.id}/?view=output")
    page.locator(".r", has_text=f"line {told.line}").wait_for()  # it follows
    lines_of(told, 50)
    page.locator(".r", has_text=f"line {told.line}").wait_for()
    page.mouse.move(600, 600)
    page.mouse.wheel(0, -1500)
    page.wait_for_timeout(300)
    before = page.evaluate(EXACT_TOP)
    for _ in range(4):
        lines_of(told, 250)
        page.wait_for_timeout(150)
    button = page.get_by_role("button", name=re.compile("1,000 new lines"))
    button.wait_for()
    assert page.evaluate(EXACT_TOP) == before
    page.locator(".rows").focus()
    page.keyboard.press("End")
    page.locator(".r", has_text=f"line {told.line}").wait_for()
    lines_of(told, 20)
    page.locator(".r", has_text=f"line {told.line}").wait_for()
    assert not button.is_visible()


def test_a_link_to_a_line_or_an_event_shows_it_to_everybody(site, open_page):
    """Check 36."""
    told = web_job(site.store)
    lines_of(told, 15_000)
    job = told.end()
    for path in (f"/jobs/{job.id}/#L12345", f"/jobs/{job.id}/?view=output#L12345"):
        page = open_page(path)
        assert page.locator(".r.marked").inner_text().strip().startswith("12345")
    page.locator("[data-line='12350']").click(modifiers=["Shift"])
    assert page.url.endswith("#L12345-L12351") and page.locator(".r.marked").count() == 7
    other = open_page(f"/jobs/{job.id}/#e13")
    other.locator(".r.marked").first.wait_for()
    assert "web3" in other.locator(".r.marked").first.inner_text() or other.locator(".r.marked").count() >= 1


def test_all_is_reached_by_keyboard(site, open_page):
    """Check 37: from the list to the difference of the task that failed."""
    told = web_job(site.store)
    told.end(JobStatus.FAILED)
    page = open_page("/jobs/")
    page.get_by_role("link", name="site.yml").focus()
    page.keyboard.press("Enter")
    page.locator(".task.is-failed").wait_for()
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    page.locator(".result").first.wait_for()
    for _ in range(2):
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.locator(".diff .add", has_text="workers: 8").wait_for()
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(site, open_page, scheme):
    """Check 37, the other half: light and dark, with a task open, and the output."""
    script = axe()
    told = web_job(site.store)
    for path in ("/jobs/", f"/jobs/{told.job.id}/", f"/jobs/{told.job.id}/?view=output", "/templates/", "/usage/"):
        page = open_page(path, color_scheme=scheme, bypass_csp=True)
        if path.endswith(f"/{told.job.id}/"):
            page.locator(".task.is-failed button").first.click()
            page.locator(".result > button").first.click()
            page.locator(".detail pre").first.wait_for()
        elif "output" in path:
            settled(page)
            page.locator(".r", has_text="pool is full").wait_for()
        page.evaluate(script)
        found = page.evaluate("() => axe.run()")["violations"]
        bad = [
            (one["id"], [node["html"][:120] for node in one["nodes"][:3]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert bad == [], path


def test_hostile_output_is_text(site, open_page):
    """Check 38."""
    script = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
    told = Recorded(site.store, name=script).play(script).task(script)
    told.host(script, text=f"{script}\n", res={"msg": script})
    told.host("h", text="\x1b]8;;javascript:alert(3)\x07click\x1b]8;;\x07 NUL \x00 \u202e bidi \udcff\n")
    told.host("h", text="x" * 1_000_000 + "\n")
    job = told.end()
    page = open_page(f"/jobs/{job.id}/")
    page.locator(".task button").first.click()
    page.locator(".result > button").first.click()
    page.locator(".detail pre").first.wait_for()
    page.locator("[data-view=output]").click()
    page.locator(".r", has_text="more characters").wait_for()
    assert page.locator(".rows img, .rows script, .tree img, a[href^=javascript]").count() == 0
    text = page.locator(".rows").inner_text()
    assert script in text and "\x00" not in text and "\u202e" not in text and "click NUL" in text


def test_without_scripts_a_job_is_still_told(site, open_page):
    told = web_job(site.store)
    told.end(JobStatus.FAILED)
    page = open_page(f"/jobs/{told.job.id}/", java_script_enabled=False)
    assert page.get_by_text("Register with the load balancer").is_visible()
    assert page.get_by_text("1 failed").first.is_visible()
    page.goto(f"{site.url}/jobs/{told.job.id}/?view=output")
    link = page.get_by_role("link", name="all of it on one page").get_attribute("href")
    assert "pool is full" in page.request.get(site.url + link).text()


def test_a_server_that_comes_back_is_found_again(site, open_page):
    """The page goes on by itself, whatever was cut meanwhile."""
    told = web_job(site.store)
    page = open_page("/jobs/")
    sockets: list = []

    def cut(socket) -> None:
        sockets.append(socket)
        if len(sockets) == 1:
            socket.close()
        else:
            socket.connect_to_server()

    page.route_web_socket(re.compile("/websocket/"), cut)
    page.goto(f"{site.url}/jobs/{told.job.id}/?view=output")
    settled(page)
    lines_of(told, 30, "after")
    page.locator(".r", has_text=f"after {told.line}").wait_for()
    assert not page.locator("#notice").is_visible() or len(sockets) > 1


def test_a_million_lines_are_as_quick_as_a_hundred(site, open_page):
    """Check 39 for lines, on a screen of high density; `make bench-serve` measures a million events."""
    told = Recorded(site.store).play("p").task("t")
    for _ in range(1000):
        told.host("web1", text="".join(f"line {told.line + number + 1}\n" for number in range(1000)))
    job = told.end()
    page = open_page(f"/jobs/{job.id}/?view=output", device_scale_factor=2)
    page.locator(".r", has_text="PLAY").wait_for()
    page.locator(".rows").focus()
    page.keyboard.press("End")
    page.locator(".r", has_text=f"line {told.line}").wait_for(timeout=3000)
    page.mouse.move(600, 600)
    page.mouse.wheel(0, -18 * 100)
    page.locator(".r", has_text=f"line {told.line - 60}").wait_for(timeout=3000)  # the wheel goes by rows here, too
    page.evaluate("() => { const rows = document.querySelector('.rows'); rows.scrollTop = rows.scrollHeight / 2; }")
    page.locator(".r", has_text="line 500030").wait_for(timeout=3000)
    page.evaluate("() => { location.hash = 'L777777'; }")
    page.locator(".r.marked", has_text="line 777777").wait_for(timeout=3000)
    assert page.locator(".rows .r").count() < 100

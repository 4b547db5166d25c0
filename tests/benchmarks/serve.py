# SPDX-License-Identifier: Apache-2.0
"""Measure what is served, each beside a baseline of the same run: pages, sockets, slow readers, a job of many events.

::

    make bench-serve BENCH='--events 1000000 --sockets 1 50 200'
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import httpx
import psutil
import websockets

from forge_events.store import open_store
from tests.web.browsers import chromium
from tests.web.conftest import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.store import Store

LINE = "\x1b[0;32mok: [web{host:04}] => line {number}\x1b[0m\n"


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the long job")
    parser.add_argument("--sockets", type=int, nargs="*", default=[1, 50, 200])
    parser.add_argument("--home", type=pathlib.Path, help="keep the database here, and find it again")
    wanted = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = wanted.home or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stack.enter_context(open_store(f"sqlite:///{home}/events.db"))
        if not store.jobs():
            long_job(store, wanted.events)
        url, token, login, process = stack.enter_context(server(home))
        pages(home, url, token)
        for count in wanted.sockets:
            asyncio.run(latency(store, url, token, count))
        asyncio.run(slow_readers(store, url, token, process))
        browser(url, login, store.job("1").event_count)


def tell(what: str, figure: str) -> None:
    print(f"{what:58} {figure}", flush=True)


def long_job(store: Store, count: int) -> None:
    """Store a job of so many events: tasks of 1,000 hosts."""
    began = time.monotonic()
    told = Recorded(store, name="long.yml").play("all of them")
    number = 0
    while told.counter < count:
        told.task(f"task {number}")
        for host in range(min(1000, count - told.counter)):
            told.host(f"web{host:04}", text=LINE.format(host=host, number=told.line + 1), duration=0.1)
        number += 1
        told.store_all()
    told.end()
    tell(f"storing a job of {count:,} events", f"{time.monotonic() - began:.0f} s")


@contextlib.contextmanager
def server(home: pathlib.Path) -> Iterator[tuple[str, str, str, psutil.Process]]:
    """Serve in a process of its own."""
    command = [sys.executable, "-m", "forge_events", "serve", "--api-only", "--port", "0"]
    environment = {**os.environ, "FORGE_EVENTS_HOME": str(home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "CONTROLLER_OAUTH_TOKEN" not in said:
            said += process.stdout.readline()
        found = {name: re.search(pattern, said) for name, pattern in PATTERNS.items()}
        url, token, login = (one[1] if one else "" for one in found.values())
        wait_for(url)
        try:
            yield url, token, login, psutil.Process(process.pid)
        finally:
            process.terminate()


PATTERNS = {"url": r"HOST=(\S+)", "token": r"OAUTH_TOKEN=(\S+)", "login": r"once: (\S+)"}


def wait_for(url: str) -> None:
    for _ in range(200):
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"{url}/api/v2/ping/")
            return
        time.sleep(0.1)


def quickest(work: Callable[[], object], times: int = 15) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def pages(home: pathlib.Path, url: str, token: str) -> None:
    """Measure a page of 200 events, beside the same rows read and written as JSON by hand."""
    raw = sqlite3.connect(f"file:{home}/events.db?mode=ro", uri=True)

    def by_hand() -> bytes:
        rows = raw.execute("SELECT * FROM main_jobevent WHERE job_id = 1 AND counter > 5000 ORDER BY counter LIMIT 200")
        names = [column[0] for column in rows.description]
        return json.dumps([dict(zip(names, row, strict=True)) for row in rows]).encode()

    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        path = "/api/v2/jobs/1/job_events/?counter__gt=5000&order_by=counter&page_size=200&count_disabled=1"
        baseline, ping = quickest(by_hand), quickest(lambda: client.get("/api/v2/ping/"))
        page = quickest(lambda: client.get(path).raise_for_status())
        window = quickest(lambda: client.get("/jobs/1/lines.json?start=500000&end=500400").raise_for_status())
        tasks = quickest(lambda: client.get("/jobs/1/tasks.json").raise_for_status())
    tell("200 rows by SELECT and json.dumps", f"{baseline * 1000:.1f} ms")
    tell("an answer without content (ping)", f"{ping * 1000:.1f} ms")
    tell("page of 200 events", f"{page * 1000:.1f} ms, {page / baseline:.1f} x the rows by hand")
    tell("400 lines from the middle", f"{window * 1000:.1f} ms")
    tell("all tasks of the long job", f"{tasks * 1000:.1f} ms")


@contextlib.asynccontextmanager
async def following(url: str, token: str, job: int, count: int):
    """Give so many sockets that follow a job."""
    address = url.replace("http", "ws") + "/websocket/"
    headers = {"Authorization": f"Bearer {token}"}
    async with contextlib.AsyncExitStack() as stack:
        sockets = []
        for _ in range(count):
            connecting = websockets.connect(address, additional_headers=headers, max_queue=1, open_timeout=60)
            socket = await stack.enter_async_context(connecting)
            await socket.recv()
            await socket.send(json.dumps({"groups": {"job_events": [job]}}))
            await socket.recv()
            sockets.append(socket)
        yield sockets


async def latency(store: Store, url: str, token: str, count: int) -> None:
    """Measure how long it is from a commit until each of so many sockets has the event."""
    told = Recorded(store, name="followed.yml").play("p").task("t").store_all()
    took: list[float] = []

    async def one(socket) -> float:
        await socket.recv()
        return time.perf_counter()

    async with following(url, token, told.job.id, count) as sockets:
        for _ in range(30):
            told.host("web1").store_all()
            began = time.perf_counter()
            took += [at - began for at in await asyncio.gather(*map(one, sockets))]
            await asyncio.sleep(0.05)
    told.end()
    took.sort()
    p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
    tell(f"commit to socket, {count} sockets", f"p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms")


async def slow_readers(store: Store, url: str, token: str, process: psutil.Process) -> None:
    """Measure what 200 clients that do not read cost in memory, while 40 MB wait for each of them."""
    told = Recorded(store, name="slow.yml").play("p").task("t").store_all()
    async with following(url, token, told.job.id, 200):
        before = process.memory_info().rss
        for _ in range(40):
            for _ in range(100):
                told.host("web1", text="x" * 10_000 + "\n")
            told.store_all()
            await asyncio.sleep(0.05)
        await asyncio.sleep(3)
        grown = process.memory_info().rss - before
    told.end()
    tell(
        "memory for 200 slow readers, 40 MB waiting for each", f"{grown / 1e6:.0f} MB, {grown / 200 / 1e3:.0f} kB each"
    )


LONGEST = """() => { window.longest = 0; new PerformanceObserver((list) => { for (const one of list.getEntries())
    window.longest = Math.max(window.longest, one.duration); }).observe({ type: "longtask" }); }"""


def browser(url: str, login: str, events: int) -> None:
    """Measure the page of the long job: first paint, jumps, a search, scrolling, and the heap."""
    with chromium("--enable-precise-memory-info", "--js-flags=--expose-gc") as opened:
        page = opened.new_page(viewport={"width": 1280, "height": 800}, device_scale_factor=2)
        page.goto(login)
        page.goto(f"{url}/jobs/1/?view=output")
        page.locator(".r", has_text="PLAY").wait_for()
        paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
        tell(f"job of {events:,} events: first paint", f"{paint:.0f} ms")
        lines = page.evaluate("async () => (await (await fetch('tasks.json')).json()).line_count")
        page.locator(".rows").focus()

        def timed(what: str, act: Callable[[], object], text: str) -> None:
            began = time.perf_counter()
            act()
            page.locator(".r", has_text=text).first.wait_for()
            tell(f"job of {events:,} events: {what}", f"{(time.perf_counter() - began) * 1000:.0f} ms")

        timed("End", lambda: page.keyboard.press("End"), f"line {lines}\u200b"[:-1])
        half = "() => { const rows = document.querySelector('.rows'); rows.scrollTop = rows.scrollHeight / 2; }"
        began = time.perf_counter()
        page.evaluate(half)
        page.wait_for_function(
            "() => [...document.querySelectorAll('.rows .t')].slice(10, 40).every((one) => one.textContent)"
        )
        tell(f"job of {events:,} events: drag to the middle", f"{(time.perf_counter() - began) * 1000:.0f} ms")
        page.locator("#find").fill(f"line {lines}")
        timed("search for the last line", lambda: page.keyboard.press("Enter"), f"line {lines}")
        page.locator(".r.hit").wait_for()
        page.evaluate(LONGEST)
        page.mouse.move(600, 600)
        for _ in range(120):
            page.mouse.wheel(0, -700)
            page.wait_for_timeout(16)
        tell(
            f"job of {events:,} events: longest task while scrolling", f"{page.evaluate('() => window.longest'):.0f} ms"
        )
        page.evaluate("() => window.gc && window.gc()")
        heap = page.evaluate("() => performance.memory.usedJSHeapSize")
        tell(f"job of {events:,} events: heap", f"{heap / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

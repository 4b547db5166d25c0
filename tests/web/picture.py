# SPDX-License-Identifier: Apache-2.0
"""Draw the picture of the page that the README shows: ``python -m tests.web.picture docs/images/page.png``."""

from __future__ import annotations

import pathlib
import sys
import tempfile

from forge_events import serving
from forge_events.settings import Settings
from forge_events.store import open_store
from tests.api.sockets import serving as served
from tests.web.browsers import chromium
from tests.web.conftest import Recorded

WEB, DB = [f"web{number}" for number in range(1, 7)], ["db1", "db2"]


def story(told: Recorded) -> None:
    """Tell of a deployment that is under way."""
    told.play("Roll out the shop")
    told.task("Gather facts", task_action="setup")
    for host in WEB:
        told.host(host, duration=1.2)
    told.seconds += 1.2
    told.task("Take the host out of the pool", task_action="uri", task_path="/srv/shop/site.yml:12")
    for host in WEB:
        told.host(host, res={"changed": True}, duration=0.4)
    told.seconds += 0.4
    diff = [{"before": "workers: 4\n", "after": "workers: 8\nkeepalive: 30\n", "before_header": "/etc/shop.conf"}]
    told.task("Write the configuration", task_action="template", task_path="/srv/shop/site.yml:18", role="shop")
    for host in WEB:
        told.host(host, res={"changed": host != "web3", "diff": diff}, duration=0.9)
    told.seconds += 0.9
    told.task("Migrate the database", task_action="command", task_path="/srv/shop/site.yml:31", role="shop")
    told.seconds += 6.4
    told.host("web1", res={"changed": True}, duration=6.4)
    for host in WEB[1:]:
        told.host(host, "runner_on_skipped")
    told.task("Check that the shop answers", task_action="uri", task_path="/srv/shop/site.yml:40")
    for host in WEB:
        told.host(host, "runner_on_start")
    told.seconds += 2.1
    for host in WEB[:3]:
        told.host(host, duration=2.1)
    refused = {"msg": "Status code was 502 and not [200]"}
    told.host("web5", "runner_on_failed", "fatal: [web5]\n", res=refused, duration=3.0)
    told.play("Back up the databases")
    told.task("Dump", task_action="command")
    for host in DB:
        told.host(host, "runner_on_start")
    told.seconds += 4.8
    told.host("db1", res={"changed": True}, duration=4.8)
    told.store_all()


def main(target: pathlib.Path) -> None:
    """Draw it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=pathlib.Path(folder))
        with open_store(settings.database_url) as store:
            _, login = serving.local_access(store, settings.home)
            command = ["ansible-playbook", "-i", "production", "site.yml", "--diff"]
            told = Recorded(store, name="shop", run_by="ann", host="control1", command=command)
            story(told)
            with (
                served(serving.application(settings, serving.Address("127.0.0.1", 0))) as address,
                chromium() as browser,
            ):
                page = browser.new_page(viewport={"width": 1180, "height": 660}, device_scale_factor=1.5)
                page.goto(f"http://{address}/?token={login}")
                page.goto(f"http://{address}/jobs/{told.job.id}/")
                page.locator(".task.is-failed button").click()
                page.locator(".result").first.wait_for()
                page.evaluate("() => document.activeElement.blur()")
                page.screenshot(path=str(target))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

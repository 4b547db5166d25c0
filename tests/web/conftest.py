# SPDX-License-Identifier: Apache-2.0
"""A server of the whole site over a new database, and jobs to look at."""

from __future__ import annotations

import datetime
import json
import typing
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

from forge_events import serving
from forge_events.events import JobEvent
from forge_events.jobs import Job, JobStatus, NewJob
from forge_events.settings import Settings
from forge_events.store import open_store
from tests.api.sockets import serving as served

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from forge_events.store import Store

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


class Site(NamedTuple):
    """What is served: its address, its store, and what lets somebody in."""

    url: str
    store: Store
    token: str
    login: str
    client: httpx.Client

    def get(self, path: str, *, expected: int = 200, **parameters: typing.Any) -> httpx.Response:
        answer = self.client.get(path, params={name: str(value) for name, value in parameters.items()})
        assert answer.status_code == expected, answer.text
        return answer

    def json(self, path: str, **parameters: typing.Any):
        return json.loads(self.get(path, **parameters).text)

    def new_login(self) -> str:
        user = self.store.accounts.find(serving.LOCAL_USER)
        assert user is not None
        return serving.token_for(self.store, user, scope="login", lasts=datetime.timedelta(minutes=5))


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Iterator[Site]:
    settings = Settings(home=tmp_path / "home")
    with open_store(settings.database_url) as store:
        token, login = serving.local_access(store, settings.home)
        app = serving.application(settings, serving.Address("127.0.0.1", 0))
        with served(app) as address:
            url = f"http://{address}"
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=url, headers=headers) as client:
                yield Site(url, store, token, login, client)


class Recorded:
    """A job that tells its story as it is asked to, as a receiver would store it."""

    def __init__(self, store: Store, name: str = "site.yml", **facts: typing.Any) -> None:
        self.store = store
        count = len(store.jobs(limit=1000)) + 1
        new = NewJob(
            **{"uuid": f"job-{count}", "name": name, "created": NOW, "command": ["ansible-playbook", name], **facts}
        )
        self._begin(store.transition(store.add_job(new), JobStatus.RUNNING, at=NOW, by="test"))

    @classmethod
    def of(cls, store: Store, job: Job) -> Recorded:
        """Return one that tells of a job that runs already."""
        made = cls.__new__(cls)
        made.store = store
        made._begin(job)
        return made

    def _begin(self, job: Job) -> None:
        self.job = job
        self.counter = self.line = self.position = 0
        self.seconds = 0.0
        self.batch: list[JobEvent] = []
        self.root = self.add("playbook_on_start", None)
        self.play_uuid = self.task_uuid = self.play_name = ""

    def add(self, event: str, parent: str | None, text: str = "", **data: typing.Any) -> str:
        self.counter += 1
        self.seconds += 0.01
        lines = text.count("\n")
        uuid = f"e-{self.job.id}-{self.counter}"
        self.batch.append(
            JobEvent.from_spool(
                {
                    "uuid": uuid,
                    "parent_uuid": parent,
                    "counter": self.counter,
                    "event": event,
                    "stdout": text,
                    "start_line": self.line,
                    "end_line": self.line + lines,
                    "created": (NOW + datetime.timedelta(seconds=self.seconds)).isoformat(),
                    "event_data": data,
                },
                self.job.id,
            )
        )
        self.line += lines
        return uuid

    def play(self, name: str) -> Recorded:
        self.play_uuid = self.add("playbook_on_play_start", self.root, f"\nPLAY [{name}] ****\n", play=name, name=name)
        self.play_name = name
        return self

    def task(self, name: str, **data: typing.Any) -> Recorded:
        facts = {
            "play": self.play_name,
            "task": name,
            "name": name,
            "task_action": "command",
            "task_path": "/site.yml:3",
            **data,
        }
        self.task_uuid = self.add("playbook_on_task_start", self.play_uuid, f"\nTASK [{name}] ****\n", **facts)
        self.task_name = name
        return self

    def host(self, host: str, event: str = "runner_on_ok", text: str | None = None, **data: typing.Any) -> Recorded:
        words = f"\x1b[0;32mok: [{host}]\x1b[0m\n" if text is None else text
        if event == "runner_on_start":
            words = ""
        self.add(
            event, self.task_uuid, words, host=host, play=self.play_name, task=self.task_name, **{"res": {}, **data}
        )
        return self

    def store_all(self) -> Recorded:
        for start in range(0, len(self.batch), 5000):
            batch = self.batch[start : start + 5000]
            after = self.position + 100 * len(batch)
            assert self.store.append(self.job, batch, source=self.job.uuid, expected=self.position, position=after)
            self.position = after
        self.batch = []
        return self

    def end(self, status: JobStatus = JobStatus.SUCCESSFUL) -> Job:
        self.store_all()
        at = NOW + datetime.timedelta(seconds=9)
        self.job = self.store.transition(self.store.job(str(self.job.id)), status, at=at, by="test")
        return self.job


def web_job(store: Store, **facts: typing.Any) -> Recorded:
    """Return a job that has a change with a difference and a failure, and is at a task."""
    told = Recorded(store, **facts)
    told.play("Set up the web tier").task("Write the configuration")
    diff = [{"before": "workers: 4\n", "after": "workers: 8\n", "before_header": "old", "after_header": "new"}]
    for host in ("web1", "web2", "web3"):
        told.host(host, "runner_on_start")
        told.host(host, text=f"\x1b[0;33mchanged: [{host}]\x1b[0m\n", res={"changed": True, "diff": diff}, duration=1.5)
    told.task("Register with the load balancer")
    fatal = "\x1b[0;31mfatal: [web2]: FAILED! pool is full\x1b[0m\n"
    told.host("web1").host("web2", "runner_on_failed", fatal, res={"msg": "pool is full", "diff": diff})
    told.host("web3", "runner_on_start")
    return told.store_all()

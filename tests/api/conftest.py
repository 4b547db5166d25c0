# SPDX-License-Identifier: Apache-2.0
"""The API over a store of its own, in this process."""

from __future__ import annotations

import dataclasses
import datetime
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from forge_events import serving
from forge_events.api.app import create_app
from forge_events.api.auth import Authenticator
from forge_events.api.calls import House, Stores
from forge_events.api.live import Live
from forge_events.events import JobEvent
from forge_events.jobs import JobStatus, NewJob
from forge_events.sealing import Sealer
from forge_events.store import open_store

with warnings.catch_warnings():
    # Starlette would rather have another client, which is not there yet.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from forge_events.jobs import Job
    from forge_events.store import Store
    from forge_events.store.accounts import User

START = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


@dataclasses.dataclass
class Api:
    """The API, its store, and clients of it."""

    app: Any
    store: Store
    admin: User
    client: TestClient
    anonymous: TestClient

    def as_user(self, username: str, *, scope: str = "write", **values: Any) -> TestClient:
        """Return a client with a token of a user, who is made if need be."""
        user = self.store.accounts.find(username) or self.store.accounts.add(username, self.store.now(), **values)
        token = serving.token_for(self.store, user, scope=scope)
        return client_of(self.app, Authorization=f"Bearer {token}")

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON of an answer that has to be 200."""
        response = self.client.get(path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()


def client_of(app: Any, **headers: str) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:8052", headers=headers, follow_redirects=False)


@pytest.fixture
def api(sqlite_url: str, tmp_path: pathlib.Path) -> Iterator[Api]:
    """Return the API over SQLite, with an administrator."""
    yield from make_api(sqlite_url, tmp_path)


@pytest.fixture
def api_everywhere(url: str, tmp_path: pathlib.Path) -> Iterator[Api]:
    """Return the API over each backend in turn."""
    yield from make_api(url, tmp_path)


def make_api(url: str, folder: pathlib.Path) -> Iterator[Api]:
    projects = folder / "projects"
    projects.mkdir()
    stores = Stores(partial(open_store, url))
    app = create_app(
        House(stores, Authenticator(), "here", 30.0, projects, Sealer(projects / "secret.key")),
        Live(partial(open_store, url)),
    )
    with open_store(url) as store:
        admin = store.accounts.add("admin", store.now(), is_superuser=True)
        token = serving.token_for(store, admin)
        yield Api(app, store, admin, client_of(app, Authorization=f"Bearer {token}"), client_of(app))
    stores.close()


def recorded(store: Store, name: str = "site.yml", *, status: JobStatus = JobStatus.SUCCESSFUL, lines: int = 3) -> Job:
    """Store a job with some events, as a receiver does."""
    count = len(store.jobs(limit=10_000))
    at = START + datetime.timedelta(minutes=count)
    job = store.add_job(NewJob(uuid=f"job-{count}", name=name, created=at, command=["ansible-playbook", name]))
    job = store.transition(job, JobStatus.RUNNING, at=at, by="test")
    events = [
        event(job.id, 1, "playbook_on_start"),
        event(job.id, 2, "playbook_on_play_start", play="web", stdout="\nPLAY [web] ****\n", lines=(0, 2)),
        *(
            event(job.id, 3 + n, "runner_on_ok", host_name=f"web{n}", stdout=f"ok: [web{n}]\n", lines=(2 + n, 3 + n))
            for n in range(lines)
        ),
    ]
    assert store.append(job, events, source=f"spool-{count}", expected=0, position=1)
    if status.is_final:
        job = store.transition(job, status, at=at + datetime.timedelta(seconds=2), by="test")
    return store.job(str(job.id))


def event(job_id: int, counter: int, name: str, *, lines: tuple[int, int] = (0, 0), **values: Any) -> JobEvent:
    parents = {1: None, 2: "event-1"}
    return JobEvent(
        uuid=f"event-{counter}",
        parent_uuid=parents.get(counter, "event-2"),
        counter=counter,
        event=name,
        created=START,
        start_line=lines[0],
        end_line=lines[1],
        job_id=job_id,
        **values,
    )

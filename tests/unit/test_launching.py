# SPDX-License-Identifier: Apache-2.0
"""What is queued when something is launched, on a store that only remembers."""

from __future__ import annotations

import datetime
import pathlib
import pwd
from types import SimpleNamespace

import pytest

from forge_events import launching
from forge_events.errors import FieldNotAsked, InvalidLaunch, NotInTime, NotLaunched, NotRelaunchable, UnknownTemplate
from forge_events.jobs import HostSummary, Job, JobStatus
from forge_events.launches import Launch
from forge_events.templates import JobTemplate

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


class Memory:
    """A store of launched jobs, and the queue and the templates in it."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.launches: dict[int, Launch] = {}
        self.added: dict = {}
        self.summaries: list[HostSummary] = []
        self.known: list[JobTemplate] = []
        self.canceled: list[tuple[int, str]] = []
        self.queue = self
        self.templates = SimpleNamespace(all=lambda: self.known, get=self._template)

    def now(self):
        return NOW

    def add(self, job, launch, **facts):
        made = Job(**job.model_dump(), id=len(self.jobs) + 1, status=JobStatus.PENDING)
        self.jobs[made.id], self.launches[made.id], self.added = made, launch, facts
        return made

    def job(self, reference):
        return self.jobs[int(reference)]

    def launch_of(self, job_id):
        return self.launches.get(job_id)

    def host_summaries(self, _job_id):
        return self.summaries

    def request_cancel(self, job, at, by):
        assert at == NOW  # by the store's clock
        self.canceled.append((job.id, by))
        return job

    def end(self, job, status=JobStatus.FAILED):
        self.jobs[job.id] = job.model_copy(update={"status": status})
        return self.jobs[job.id]

    def _template(self, name):
        for template in self.known:
            if template.name == name:
                return template
        raise UnknownTemplate(name)


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def template(memory, **fields):
    launch = Launch.of(playbook="site.yml", project="/srv", limit="web", extra_vars={"a": 1, "b": 2})
    fields = {"name": "deploy", "launch": launch, "created": NOW, "modified": NOW, **fields}
    memory.known.append(JobTemplate(id=len(memory.known) + 7, **fields))
    return memory.known[-1]


def launched(memory, **fields):
    job = launching.launch(memory, Launch.of(**{"playbook": "/srv/site.yml", **fields}))
    return job, memory.launches[job.id]


def test_a_job_is_queued_with_what_is_known_of_it(memory, here):
    job = launching.launch(
        memory, Launch.of(playbook="plays/site.yml", inventory=["a,b"]), after=[3], by="somebody", counts_hosts=True
    )
    assert (job.name, job.launch_type, job.impact) == ("site.yml", "manual", 3)
    assert (job.directory, job.host, job.job_template_id) == (str(here), None, None)
    assert job.command == ["ansible-playbook", "-i", "a,b", "plays/site.yml"]
    assert memory.added == {"queue": 0, "after": [3], "at": job.created, "by": "somebody"}


def test_each_launch_is_a_job_of_its_own(memory):
    assert launched(memory)[0].uuid != launched(memory)[0].uuid


def test_forks_alone_may_count(memory):
    assert launching.launch(memory, Launch.of(playbook="/a.yml"), counts_hosts=False).impact == 5


def test_no_secret_is_in_the_job(memory):
    job, what = launched(memory, extra_vars={"password": "geheim"}, extra_vars_files=["/vault.yml"])
    assert what.extra_vars == {"password": "geheim"}
    assert "geheim" not in job.model_dump_json()
    assert "@/vault.yml" in job.command


def test_whoever_is_not_named_is_the_user(memory, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "me")
    job, _ = launched(memory)
    assert (memory.added["by"], job.run_by) == ("me", "me")


def test_a_user_without_a_name_is_a_number(memory, monkeypatch):
    def unknown(number):
        raise KeyError(number)

    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    launched(memory)
    assert memory.added["by"].startswith("uid ")


def test_a_dry_run_is_known_as_one_from_the_start(memory):
    assert launched(memory, check=True)[0].check_mode
    assert not launched(memory)[0].check_mode


@pytest.mark.parametrize(
    ("project", "playbook", "expected"),
    [
        (None, "site.yml", ("", "site.yml")),
        (None, "plays/../plays/site.yml", ("", "plays/site.yml")),
        (None, "/srv/site.yml", ("", "/srv/site.yml")),
        ("/srv", "plays/site.yml", ("/srv", "plays/site.yml")),
        ("/srv/", "/srv/plays/site.yml", ("/srv", "plays/site.yml")),
        ("/srv", "/opt/site.yml", ("/srv", "/opt/site.yml")),
        ("/srv", "../opt/site.yml", ("/srv", "/opt/site.yml")),
        ("/srv/x/..", "site.yml", ("/srv", "site.yml")),
    ],
)
def test_a_playbook_stays_relative_to_its_project(here, project, playbook, expected):
    found = launching.placed(Launch.of(playbook=playbook, project=project))
    assert (found.project, found.playbook) == (str(here / expected[0]), expected[1])


def test_a_playbook_of_a_project_is_not_looked_for_elsewhere(here):
    (here / "site.yml").touch()
    assert launching.placed(Launch.of(playbook="site.yml", project="/nowhere")).playbook == "site.yml"


def test_inventories_are_looked_for_here_and_then_in_the_project(here):
    (here / "hosts").touch()
    (here / "project").mkdir()
    (here / "project" / "hosts").touch()
    (here / "project" / "more").touch()
    project = str(here / "project")
    sources = ["hosts", "more", "none", "/etc/hosts", "localhost,", "a,b"]
    found = launching.placed(
        Launch.of(playbook="site.yml", project=project, inventory=sources, extra_vars_files=["more"])
    )
    assert found.inventory == [
        *(str(here / "hosts"), f"{project}/more", f"{project}/none", "/etc/hosts"),
        *("localhost,", "a,b"),
    ]
    assert found.extra_vars_files == [f"{project}/more"]


def test_a_home_is_found(here, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    found = launching.placed(Launch.of(playbook="~/site.yml", inventory=["~/hosts"]))
    assert (found.playbook, found.inventory) == ("/home/me/site.yml", ["/home/me/hosts"])


def test_a_path_that_may_not_be_looked_at_is_no_fault(here):
    long = "x" * 4000
    assert launching.placed(Launch.of(playbook="site.yml", inventory=[long])).inventory == [str(here / long)]


def test_a_comma_is_in_a_list_of_hosts_or_in_the_name_of_a_file(here):
    (here / "one, two").touch()
    found = launching.placed(Launch.of(playbook="site.yml", inventory=["one, two", "one,two"]))
    assert found.inventory == [str(here / "one, two"), "one,two"]
    assert found.known_host_count is None


def test_the_project_is_where_one_is_for_a_playbook_elsewhere_too(here):
    found = launching.placed(Launch.of(playbook="/srv/plays/site.yml"), pathlib.Path("/opt/project"))
    assert (found.project, found.playbook) == ("/opt/project", "/srv/plays/site.yml")


def test_a_container_is_not_given_all_of_the_machine(here):
    what = Launch.of(playbook="site.yml", execution_environment="image")
    with pytest.raises(InvalidLaunch, match=r"project cannot be used: .* all of /; --project"):
        launching.placed(what, pathlib.Path("/"))
    assert launching.placed(what).project == str(here)
    assert launching.placed(what.changed(execution_environment=None), pathlib.Path("/")).project == "/"


def test_a_working_directory_that_is_gone_is_told(here, monkeypatch):
    gone = here / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InvalidLaunch, match="there is no working directory"):
        launching.placed(Launch.of(playbook="site.yml"))


def test_what_is_placed_stays_where_it_is(here, monkeypatch):
    (here / "hosts").touch()
    fields = {"playbook": "a/site.yml", "inventory": ["hosts", "none"], "extra_vars": {"a": 1}, "forks": 3}
    found = launching.placed(Launch.of(**fields))
    elsewhere = pathlib.Path("/")
    assert launching.placed(found, elsewhere) == found
    assert (found.extra_vars, found.forks) == ({"a": 1}, 3)


def test_a_template_that_allows_one_job_at_a_time_has_its_own_queue(memory):
    made = template(memory)
    job = launching.launch_template(memory, "deploy", by="me")
    assert (job.name, job.job_template_id, memory.added["queue"]) == ("deploy", made.id, made.id)


def test_a_template_that_allows_many_has_none(memory):
    made = template(memory, allow_simultaneous=True)
    job = launching.launch_template(memory, "deploy")
    assert (job.job_template_id, memory.added["queue"]) == (made.id, 0)


def test_only_what_a_template_asks_may_be_given(memory):
    template(memory, ask=["extra_vars"])
    job = launching.launch_template(memory, "deploy", extra_vars={"b": 3}, after=[1])
    assert memory.launches[job.id].extra_vars == {"a": 1, "b": 2}
    assert memory.launches[job.id].untrusted_vars == {"b": 3}
    assert memory.added["after"] == [1]
    with pytest.raises(FieldNotAsked, match="limit cannot be used: the job template 'deploy' does not let it"):
        launching.launch_template(memory, "deploy", limit="all")
    with pytest.raises(UnknownTemplate):
        launching.launch_template(memory, "nonsense")


def test_a_relaunch_does_the_same_again(memory):
    made = template(memory)
    old = memory.end(launching.launch_template(memory, "deploy"))
    new = launching.relaunch(memory, old, by="me")
    assert memory.launches[new.id] == memory.launches[old.id]
    assert (new.launch_type, new.name, new.job_template_id) == ("relaunch", "deploy", made.id)
    assert (memory.added["queue"], memory.added["by"]) == (made.id, "me")
    assert (new.id, new.uuid) != (old.id, old.uuid)


def test_a_relaunch_does_without_a_template_that_is_gone(memory):
    template(memory)
    old = memory.end(launching.launch_template(memory, "deploy"))
    another = template(memory, name=str(old.job_template_id))
    memory.known = [another]
    new = launching.relaunch(memory, old)
    assert (new.name, new.job_template_id, memory.added["queue"]) == ("deploy", None, 0)


def test_a_relaunch_of_failed_hosts_is_limited_to_them(memory):
    job, what = launched(memory, limit="web")
    memory.end(job)
    memory.summaries = [
        HostSummary(host_name="a", failures=1),
        HostSummary(host_name="b", ok=1, rescued=1, ignored=1),
        HostSummary(host_name="c", dark=1),
    ]
    new = launching.relaunch(memory, job, failed_hosts=True)
    assert memory.launches[new.id] == what.changed(limit=None, limit_hosts=["a", "c"])


def test_what_cannot_be_relaunched_is_refused(memory):
    job, _ = launched(memory)
    with pytest.raises(NotRelaunchable, match="job 1 cannot be launched again: it is still pending"):
        launching.relaunch(memory, job)
    memory.end(job, JobStatus.SUCCESSFUL)
    with pytest.raises(NotRelaunchable, match="no host failed"):
        launching.relaunch(memory, job, failed_hosts=True)
    del memory.launches[job.id]
    with pytest.raises(NotLaunched):
        launching.relaunch(memory, job)


def test_a_cancellation_says_who_asked(memory):
    job, _ = launched(memory)
    assert launching.cancel(memory, job, by="me") == job
    assert memory.canceled == [(job.id, "me")]


def test_waiting_ends_with_the_job(memory):
    job, _ = launched(memory)
    calls = []

    def pause():
        calls.append("pause")
        memory.end(job, JobStatus.SUCCESSFUL)

    found = launching.wait(memory, job, refresh=lambda: calls.append("refresh"), pause=pause)
    assert (found.status, calls) == (JobStatus.SUCCESSFUL, ["refresh", "pause", "refresh"])


def test_waiting_ends_with_the_time(memory):
    job, _ = launched(memory)
    with pytest.raises(NotInTime, match="job 1 is still pending"):
        launching.wait(memory, job, timeout=0)
    memory.end(job)
    assert launching.wait(memory, job, timeout=0).status is JobStatus.FAILED

# SPDX-License-Identifier: Apache-2.0
"""Real playbooks, run by a real dispatcher: how jobs end, and that nothing is left of them."""

from __future__ import annotations

import itertools
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

import psutil
import pytest

from forge_events import launching
from forge_events.events import EventFilter
from forge_events.ingestion.receiver import drain
from forge_events.jobs import JobStatus
from forge_events.situation import situation_of
from forge_events.store import open_store
from tests.dispatcher import checks
from tests.dispatcher.engine import until

HOSTS = {"inventory": ["one,two,"]}


def playbook(made, name, *tasks):
    lines = ["- hosts: all", "  gather_facts: false", "  tasks:", *(f"    - {task}" for task in tasks)]
    (made.project / name).write_text("\n".join(lines) + "\n")
    return name


def ended(store, job, seconds=60):
    until(lambda: store.job(str(job.id)).status.is_final, seconds)
    return store.job(str(job.id))


def begun(store, job, made):
    """Wait until a job's playbook does its work."""
    until(lambda: store.job(str(job.id)).status is JobStatus.RUNNING)
    until((made.marks / job.name).exists)


def has_told(made, store, job, event="runner_on_ok"):
    """Return whether such an event of the job is there by now; what a module does is done before Ansible has heard."""
    drain(made.home / "spool", store, checks.now())
    return next(store.events(job.id, EventFilter(event=event)), None) is not None


def output(store, job):
    return "".join(store.stdout(job.id))


def test_a_playbook_that_works_is_successful(anywhere):
    anywhere.start()
    with open_store(anywhere.url) as store:
        job = ended(store, anywhere.launch(store))
        assert (job.status, job.rc, job.job_explanation) == (JobStatus.SUCCESSFUL, 0, "")
        assert [step.new for step in store.transitions(job.id)] == ["pending", "waiting", "running", "successful"]
        assert (job.execution_node, job.event_count > 5) == ("a", True)
        assert job.ansible_version
        assert job.pid
        assert "PLAY RECAP" in output(store, job)
    checks.check_marks(anywhere.marks, [job])
    until(lambda: not list((anywhere.home / "work").iterdir()))
    assert not list((anywhere.home / "spool").iterdir())


def test_a_playbook_whose_task_fails_has_failed(made, kept):
    made.start()
    job = ended(kept, made.launch(kept, playbook(made, "fails.yml", "command: 'false'"), **HOSTS))
    assert (job.status, job.rc, job.failed) == (JobStatus.FAILED, 2, True)
    assert {host.host_name for host in kept.host_summaries(job.id) if host.failed} == {"one", "two"}


def test_a_playbook_with_an_unreachable_host_has_failed(made, kept):
    made.start()
    name = playbook(made, "away.yml", "ping:", "{ping: , vars: {ansible_connection: ssh}}")
    variables = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    job = ended(kept, made.launch(kept, name, extra_vars=variables))
    assert (job.status, job.rc) == (JobStatus.FAILED, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- hosts: [", "YAML"),
        ("- nonsense: 1", "'nonsense' is not a valid attribute for a Play"),
        ("[]", "at least one play"),
        ("", "Empty playbook"),
    ],
)
def test_a_playbook_that_ansible_refuses_has_failed_and_says_why(made, kept, text, words):
    (made.project / "broken.yml").write_text(text)
    made.start()
    job = ended(kept, made.launch(kept, "broken.yml"))
    assert (job.status, job.rc in (1, 4)) == (JobStatus.FAILED, True)
    assert words in job.job_explanation


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"playbook": "none.yml"}, r"the playbook .*/none\.yml is missing on this node"),
        ({"inventory": ["no/hosts"]}, r"the inventory .*/no/hosts is missing on this node"),
        ({"extra_vars_files": ["no.yml"]}, r"the file of extra variables .*/no\.yml is missing"),
        ({"execution_environment": "quay.io/none/none:1"}, "docker is not installed on node a"),
    ],
)
def test_a_job_that_cannot_be_run_is_an_error_that_says_what_to_look_at(made, kept, fields, words):
    if "execution_environment" in fields and shutil.which("docker"):
        pytest.skip("docker is installed here")
    made.settings["CONTAINER_ENGINE"] = "docker"
    made.start()
    job = ended(kept, made.launch(kept, **fields))
    assert job.status is JobStatus.ERROR
    assert re.search(words, job.job_explanation), job.job_explanation
    assert job.started is None
    assert not list(made.marks.iterdir())


def test_a_project_that_is_gone_is_an_error(made, kept):
    job = made.launch(kept)
    made.project.rename(made.home / "elsewhere")
    made.start()
    assert "project" in ended(kept, job).job_explanation


def test_an_engine_that_cannot_start_the_image_is_an_error(made, kept, tmp_path):
    engine = tmp_path / "bin" / "podman"
    engine.parent.mkdir()
    engine.write_text("#!/bin/sh\n[ \"$1\" = run ] && { echo 'ERROR: no such image' >&2; exit 125; }\nexit 0\n")
    engine.chmod(engine.stat().st_mode | stat.S_IXUSR)
    made.settings["CONTAINER_ENGINE"] = "podman"
    os.environ["PATH"], before = f"{engine.parent}:{os.environ['PATH']}", os.environ["PATH"]
    try:
        made.start()
    finally:
        os.environ["PATH"] = before
    job = ended(kept, made.launch(kept, execution_environment="quay.io/none/none:1"))
    assert job.status is JobStatus.ERROR
    assert "a container of quay.io/none/none:1 could not be started" in job.job_explanation
    assert "no such image" in job.job_explanation


# NAP stands for a number of seconds that no other process of this machine sleeps.
SLEEPERS = {
    "a module": ["command: sleep NAP"],
    "asynchronous work": ["{command: sleep NAP, async: 600, poll: 1}"],
    "a loop of attempts": [
        "{shell: sleep NAP > /dev/null 2>&1 & exit 1, retries: 100, delay: 3, register: r, until: r is succeeded}"
    ],
    "another user": [
        "{raw: sleep NAP, become: true, become_user: nobody, become_method: su, become_flags: -s /bin/sh}"
    ],
    "another user who logs in": [
        "{raw: sleep NAP, become: true, become_user: nobody, become_method: su, become_flags: -l -s /bin/sh}"
    ],
    "work that nobody waits for": ["{command: sleep NAP, async: 600, poll: 0}", "wait_for: {timeout: 300}"],
    "a module that ignores signals": ["shell: trap '' TERM INT HUP; sleep NAP; sleep NAP"],
}
_naps = itertools.count(300_000 + os.getpid() * 100)


def sleeping(nap):
    """Return the processes that sleep so long, whoever's they are."""
    found = [process for process in psutil.process_iter(["cmdline", "uids"]) if process.info["cmdline"] is not None]
    return [process for process in found if process.info["cmdline"] == ["sleep", nap]]


@pytest.mark.parametrize("tasks", SLEEPERS.values(), ids=list(SLEEPERS))
def test_a_canceled_job_leaves_no_process_and_keeps_its_events(made, kept, tasks):
    is_other = "become" in tasks[0]
    if is_other and os.geteuid() != 0:
        pytest.skip("only root becomes somebody else without a password")
    nap = str(next(_naps))
    mark = "command: sh -c 'echo begin >> {{ marks }}/{{ mark }}'"
    tasks = [task.replace("NAP", nap) for task in tasks]
    made.start()
    job = made.launch(
        kept, playbook(made, "sleeps.yml", mark, *tasks), extra_vars={"ansible_pipelining": True}, **HOSTS
    )
    begun(kept, job, made)
    until(lambda: sleeping(nap))
    assert all((process.info["uids"].real != os.geteuid()) is is_other for process in sleeping(nap))
    until(lambda: has_told(made, kept, job, "runner_retry" if "retries" in tasks[0] else "runner_on_ok"))
    launching.cancel(kept, job, by="alice")
    job = ended(kept, job)
    assert (job.status, job.job_explanation) == (JobStatus.CANCELED, "canceled by alice")
    assert not checks.survivors([job.uuid])
    assert not sleeping(nap)
    assert "PLAY [all]" in output(kept, job)
    assert has_told(made, kept, job)


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk that a few events fill."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_keeps_no_canceled_job_and_ends_no_dispatcher(made, kept, small_disk):
    made.settings["SPOOL_DIR"] = str(small_disk)
    tasks = [f"debug: {{msg: \"{{{{ '{number}' * 30000 }}}}\"}}" for number in range(8)]
    mark = "command: sh -c 'echo begin >> {{ marks }}/{{ mark }}; sleep 300'"
    dispatcher = made.start()
    job = made.launch(kept, playbook(made, "fills.yml", *tasks, mark))
    begun(kept, job, made)
    launching.cancel(kept, job, by="alice")
    job = ended(kept, job)
    assert (job.status, job.job_explanation) == (JobStatus.CANCELED, "canceled by alice")
    assert not checks.survivors([job.uuid])
    assert dispatcher.poll() is None
    other = ended(kept, made.launch(kept, "trivial.yml"))
    assert other.status is JobStatus.SUCCESSFUL, other.job_explanation


def test_a_spool_that_nobody_can_write_keeps_no_job_from_its_end(made, kept, tmp_path):
    made.settings["SPOOL_DIR"] = "/proc/none/spool"
    made.start()
    job = ended(kept, made.launch(kept))
    assert (job.status, job.rc) == (JobStatus.SUCCESSFUL, 0)
    assert "could be spooled" in job.job_explanation
    checks.check_marks(made.marks, [job])


def test_a_playbook_that_asks_goes_on_with_its_default_or_says_so(made, kept):
    book = made.project / "asks.yml"
    book.write_text(
        "- hosts: all\n  gather_facts: false\n"
        "  vars_prompt: [{name: asked, prompt: Which one, default: this, private: false}]\n"
        "  tasks: [{pause: {prompt: Go on}}, {debug: {msg: 'it is {{ asked }}'}}]\n"
    )
    made.start()
    job = ended(kept, made.launch(kept, "asks.yml"))
    assert job.status is JobStatus.SUCCESSFUL
    assert "it is this" in output(kept, job)
    assert "not" in output(kept, job)
    assert "interactive" in output(kept, job)


@pytest.mark.parametrize(("setting", "has_colours"), [("nocolor = true", False), ("forks = 5", True)])
def test_a_job_has_the_colours_that_its_project_wants(made, kept, setting, has_colours):
    (made.project / "ansible.cfg").write_text(f"[defaults]\n{setting}\n")
    made.start()
    job = ended(kept, made.launch(kept))
    assert ("\x1b[" in output(kept, job)) is has_colours


def test_a_job_that_takes_too_long_has_failed_and_leaves_no_process(made, kept):
    made.start()
    job = ended(kept, made.launch(kept, seconds=300, timeout=2))
    assert (job.status, job.job_explanation) == (JobStatus.FAILED, "the job took longer than its 2 s and was stopped")
    assert not checks.survivors([job.uuid])


@pytest.mark.parametrize("victim", ["runner", "ansible-playbook"])
def test_a_killed_runner_is_an_error_and_leaves_no_process(made, kept, victim):
    made.start()
    job = made.launch(kept, seconds=300)
    begun(kept, job, made)
    runner = kept.job(str(job.id)).runner_pid
    os.kill(runner if victim == "runner" else psutil.Process(runner).children()[0].pid, 9)
    job = ended(kept, job)
    assert (job.status, "was killed" in job.job_explanation) == (JobStatus.ERROR, True), job.job_explanation
    until(lambda: not checks.survivors([job.uuid]), 20)
    assert "PLAY [all]" in output(kept, job)


def test_what_a_successful_playbook_started_stays(made, kept):
    made.start()
    name = playbook(made, "starts.yml", "shell: setsid sleep 60 >/dev/null 2>&1 & echo $! > {{ marks }}/{{ mark }}")
    job = ended(kept, made.launch(kept, name))
    assert job.status is JobStatus.SUCCESSFUL
    left = checks.survivors([job.uuid])
    assert any("sleep" in line for line in left)
    for line in left:
        os.kill(int(line.split()[0]), 9)


def test_a_dispatcher_that_is_killed_leaves_its_jobs_to_the_next_one(anywhere):
    anywhere.start()
    with open_store(anywhere.url) as store:
        job = anywhere.launch(store, seconds=4)
        begun(store, job, anywhere)
        anywhere.kill()
        anywhere.start()
        until(lambda: store.job(str(job.id)).dispatcher_id != 1)
        job = ended(store, job)
        assert job.status is JobStatus.SUCCESSFUL
        assert f"job {job.id} adopted, running" in anywhere.logs()
    checks.check_marks(anywhere.marks, [job])


def test_a_job_that_ends_while_no_dispatcher_is_there_is_known_to_have_ended(made, kept):
    made.start()
    job = made.launch(kept, seconds=1)
    begun(kept, job, made)
    made.kill()
    until(lambda: not checks.survivors([job.uuid]), 20)
    made.start()
    assert ended(kept, job).status is JobStatus.SUCCESSFUL


def test_a_job_whose_runner_was_killed_with_the_dispatcher_is_an_error(made, kept):
    made.start()
    job = made.launch(kept, seconds=300)
    begun(kept, job, made)
    made.kill()
    os.kill(kept.job(str(job.id)).runner_pid, 9)
    made.start()
    job = ended(kept, job)
    assert (job.status, "was killed" in job.job_explanation) == (JobStatus.ERROR, True)
    until(lambda: not checks.survivors([job.uuid]), 20)


def test_a_cancel_that_nobody_was_there_for_is_done_by_the_next_dispatcher(made, kept):
    made.start()
    job = made.launch(kept, seconds=300)
    begun(kept, job, made)
    made.kill()
    launching.cancel(kept, job, by="alice")
    made.start()
    assert ended(kept, job).status is JobStatus.CANCELED
    assert not checks.survivors([job.uuid])


def test_a_dispatcher_that_is_told_to_stop_lets_jobs_go_on(made, kept):
    made.start()
    job = made.launch(kept, seconds=3)
    begun(kept, job, made)
    made.kill(number=15)
    assert kept.job(str(job.id)).status is JobStatus.RUNNING
    assert kept.nodes.dispatchers() == []
    made.start()
    assert ended(kept, job).status is JobStatus.SUCCESSFUL


def test_a_secret_is_in_no_argument_no_environment_and_no_file_that_stays(made, kept):
    secret = "correct-horse-battery"
    made.start()
    job = made.launch(kept, seconds=3, extra_vars={"db_password": secret})
    begun(kept, job, made)
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not any(secret in word for command in commands for word in command)
    job = ended(kept, job)
    until(lambda: not list((made.home / "work").iterdir()))
    # The launch itself is kept, to be launched again.
    kept_in = {made.home / "events.db", made.home / "events.db-wal"}
    files = [path for path in made.home.rglob("*") if path.is_file() and path not in kept_in]
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    assert secret not in job.model_dump_json()
    assert secret not in made.logs()


def test_a_job_is_recorded_once_where_the_callback_is_enabled_too(made, kept, monkeypatch):
    plugins = pathlib.Path(__file__).parents[2] / "plugins" / "callback"
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", str(plugins))
    monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", "job_events")
    monkeypatch.setenv("PATH", f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    made.start()
    values = f"-e marks={made.marks} -e mark=nested"
    nested = f"command: ansible-playbook -i localhost, -c local {made.project}/trivial.yml {values}"
    job = ended(kept, made.launch(kept, playbook(made, "outer.yml", nested)))
    assert job.status is JobStatus.SUCCESSFUL, output(kept, job)
    drain(made.home / "spool", kept, checks.now())
    inner, outer = kept.jobs()
    assert (outer.uuid, inner.parent_uuid, inner.name) == (job.uuid, job.uuid, "trivial.yml")


def test_a_job_without_a_dispatcher_says_so(made, kept):
    job = made.launch(kept)
    words = situation_of(kept, job, checks.now(), lost_after=4, lease=300)
    assert "no dispatcher is running (none has ever been seen)" in words

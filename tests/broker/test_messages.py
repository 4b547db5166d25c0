# SPDX-License-Identifier: Apache-2.0
"""Messages by Celery and Redis wake dispatchers, and nothing depends on any of them."""

from __future__ import annotations

import signal
import time

import psutil
import pytest

from forge_events import launching
from forge_events.broker.app import DISPATCH, app_of
from forge_events.courier import Nobody, courier_of
from forge_events.errors import InvalidSettings
from forge_events.launches import Launch
from forge_events.settings import Settings
from forge_events.store import open_store
from tests.broker.servers import until

SECRET = "geheim-4711"
RULES = (
    "~celery* ~node.* ~unacked* ~_kombu.* -@all +@connection +@list +@hash +@sortedset +@set +@transaction"
    " +@scripting +set +get +del +expire +pexpire +exists +info"
)


@pytest.fixture
def store(home):
    with open_store(f"sqlite:///{home.home}/events.db") as opened:
        yield opened


@pytest.fixture
def launch(home, store, monkeypatch):
    monkeypatch.setenv("FORGE_EVENTS_BROKER_URL", home.settings["FORGE_EVENTS_BROKER_URL"])
    what = Launch.of(playbook="site.yml", project=str(home.home), extra_vars={"password": SECRET})
    return lambda **fields: launching.launch(store, what.changed(**fields))


def ended(store):
    return lambda: all(job.status.is_final for job in store.jobs())


def began(store, job_id):
    return sum(step.new == "running" for step in store.transitions(job_id))


def all_ran_once(store, count):
    jobs = store.jobs(limit=10_000)
    assert [job.status for job in jobs] == count * ["successful"]
    assert {began(store, job.id) for job in jobs} == {1}


def check_messages(launch, store, redis, dispatchers, count):
    """Queue jobs while nobody runs, double and mix the messages, and let two dispatchers of two nodes run them."""
    for number in range(1, count + 1):
        job = launch()
        assert redis.waiting == number
    app = app_of(redis.url, patience=1)
    for _ in range(100):
        app.send_task(DISPATCH, args=[job.id])
    app.send_task(DISPATCH, args=[10**9, "what?"], kwargs={"x": []})
    app.send_task("forge_events.unknown", args=[1])
    dispatchers.start("--node", "a")
    dispatchers.start("--node", "b", "--type", "execution")
    until(ended(store), 30 + 5 * count)
    until(lambda: redis.waiting == 0, 20)
    all_ran_once(store, count)
    launch(node="b")
    until(ended(store))
    assert redis.call("LLEN", "node.b") == 0


def test_what_waits_is_counted_by_redis_and_runs_once_whatever_messages_come(launch, store, redis, dispatchers, home):
    check_messages(launch, store, redis, dispatchers, 3)
    found = home("doctor", "--json")
    (told,) = [one for one in found.json if one["check"] == "redis"]
    assert (told["verdict"], "0 messages wait (LLEN celery)" in told["words"]) == ("ok", True)


@pytest.mark.full
def test_many_jobs_run_once_each(launch, store, redis, dispatchers):
    check_messages(launch, store, redis, dispatchers, 200)


def test_a_redis_that_is_killed_hangs_or_comes_back_empty_delays_and_loses_nothing(
    launch, store, redis, dispatchers, caplog
):
    dispatchers.start()
    launch()
    until(ended(store))
    redis.kill()
    for _ in range(2):
        begun = time.monotonic()
        launch()
        assert time.monotonic() - begun < 1.5
    until(ended(store), 30)  # two polls, and what the playbooks take
    assert f"job 2 is pending; Redis at 127.0.0.1:{redis.port} cannot be reached" in caplog.text
    redis.start()
    redis.signal(signal.SIGSTOP)
    begun = time.monotonic()
    launch()
    assert time.monotonic() - begun < 2
    assert "no answer within 1 s" in caplog.text or "Timeout" in caplog.text
    redis.signal(signal.SIGCONT)
    launch()
    until(lambda: redis.waiting == 0, 30)
    until(ended(store))
    all_ran_once(store, 5)


def test_a_killed_dispatcher_is_followed_by_one_that_adopts(launch, store, home, redis, dispatchers):
    (home.home / "hold").touch()
    first = dispatchers.start()
    launch()
    # Not when it is running: a process that was not yet told to go runs nothing once its dispatcher is killed.
    until(lambda: store.job("1").event_count > 0)
    dispatchers.kill(first)
    launch()
    assert redis.waiting >= 1
    dispatchers.start()
    until(lambda: store.job("2").status == "running")
    (home.home / "hold").unlink()
    until(ended(store))
    all_ran_once(store, 2)


def test_a_user_of_redis_with_few_rights_suffices_and_no_secret_is_told(home, store, redis, dispatchers, monkeypatch):
    redis.call("ACL", "SETUSER", "forge", "on", f">{SECRET}", *RULES.split())
    url = f"redis://forge:{SECRET}@127.0.0.1:{redis.port}/0"
    home.settings["FORGE_EVENTS_BROKER_URL"] = url
    monkeypatch.setenv("FORGE_EVENTS_BROKER_URL", url)
    (home.home / "site.yml").write_text("- hosts: localhost\n  gather_facts: false\n  tasks: [raw: 'env']\n")
    home("launch", "site.yml", "-e", f"p={SECRET}", cwd=home.home)
    assert redis.waiting == 1
    assert SECRET not in str(redis.call("LRANGE", "celery", 0, -1))
    dispatchers.start()
    until(ended(store))
    until(lambda: redis.waiting == 0)
    assert SECRET not in "".join(store.stdout(1))
    wrong = url.replace(SECRET, f"{SECRET}-not")
    result = home("launch", "site.yml", cwd=home.home, env={"FORGE_EVENTS_BROKER_URL": wrong})
    assert (result.rc, result.text) == (0, "2\n")
    assert "invalid username-password pair" in result.err.decode()
    found = home("doctor", env={"FORGE_EVENTS_BROKER_URL": wrong})
    assert (found.rc, "FAIL    redis" in found.text) == (1, True)
    dispatchers.end()
    told = f"{dispatchers.said()}{result.err.decode()}{found.text}"
    assert SECRET not in told


def test_a_redis_that_drops_messages_or_is_read_by_nobody_is_told(home, launch, redis, store, dispatchers):
    redis.call("CONFIG", "SET", "maxmemory", "100mb")
    redis.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    store.now()
    result = home("doctor")
    assert [line.split()[1] for line in result.lines if line.startswith("FAIL")] == ["redis"]
    assert "its maxmemory-policy is allkeys-lru" in result.text
    redis.call("CONFIG", "SET", "maxmemory", "0")
    home.settings["FORGE_EVENTS_BROKER_URL"] = ""
    dispatchers.start()
    until(store.nodes.dispatchers)
    home.settings["FORGE_EVENTS_BROKER_URL"] = redis.url
    launch()
    until(ended(store))
    result = home("doctor")
    assert [line.split()[1] for line in result.lines if line.startswith("FAIL")] == ["redis"]
    assert "no dispatcher that is seen reads them" in result.text


@pytest.mark.full
def test_an_idle_dispatcher_takes_next_to_nothing(dispatchers, store, redis):
    process = psutil.Process(dispatchers.start().pid)
    until(store.nodes.dispatchers)
    time.sleep(5)
    before = sum(process.cpu_times()[:2])
    time.sleep(30)
    assert (sum(process.cpu_times()[:2]) - before) / 30 < 0.005


def test_without_a_broker_nobody_is_told():
    assert isinstance(courier_of(None), Nobody)
    assert courier_of(None).to_deciders(1) == courier_of(None).to_node(1, "a") == ""


@pytest.mark.parametrize("url", ["amqp://localhost", "redis", "redis://h:port", "redis://h:99999", "unix:///s"])
def test_what_is_no_redis_is_refused_without_its_password(cli, url):
    url = url.replace("://", f"://me:{SECRET}@")
    result = cli("dispatcher", env={"FORGE_EVENTS_BROKER_URL": url})
    assert (result.rc, SECRET in result.err.decode()) == (InvalidSettings.exit_code, False)
    assert "FORGE_EVENTS_BROKER_URL" in result.complaint
    assert SECRET not in repr(Settings.model_construct(broker_url=url))

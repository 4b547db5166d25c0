# SPDX-License-Identifier: Apache-2.0
"""A server that is away, or lets nobody in, is one line; and a password is in none."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from forge_events.store import open_store

SECRET = "geheim"


@pytest.fixture
def guarded(server, on_server):
    """Return the name of a user who needs a password, whom the server knows."""
    rules = server.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + before)
    server.execute(f"CREATE ROLE guarded SUPERUSER LOGIN PASSWORD '{SECRET}'")
    server.execute("SELECT pg_reload_conf()")
    yield "guarded"
    rules.write_text(before)
    server.execute("SELECT pg_reload_conf()")
    server.execute("DROP ROLE guarded")


COMMANDS = ["jobs", "db upgrade", "db current", "cleanup-jobs", "usage", "partitions", "search x", "results --failed"]


@pytest.fixture(scope="module")
def closed_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        yield found.getsockname()[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_is_away_is_one_line(cli, closed_port, command):
    url = f"postgresql://me:{SECRET}@127.0.0.1:{closed_port}/events"
    result = cli(*command.split(), env={"FORGE_EVENTS_DATABASE_URL": url})
    assert (result.rc, result.out) == (6, b"")
    assert result.complaint.startswith(f"the database postgresql://127.0.0.1:{closed_port}/events is not available")
    assert SECRET not in result.complaint


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@127.0.0.1:PORT/d",
        f"postgresql://me:x/{SECRET}@127.0.0.1:PORT/d",
        f"postgresql://me:x?{SECRET}@127.0.0.1:PORT/d",
        f"postgresql://me:x#{SECRET}@127.0.0.1:PORT/d",
        f"postgresql://me:x@{SECRET}@127.0.0.1:PORT/d",
        f"postgresql://me:{SECRET}@127.0.0.1:port/d",
        f"postgresql://me:{SECRET}@127.0.0.1:99999/d",
        f"postgresql://me@127.0.0.1:PORT/d?password={SECRET}",
        f"postgresql://me@127.0.0.1:PORT/d?password={SECRET}&nonsense={SECRET}",
        f"postgresql+asyncpg://me:{SECRET}@127.0.0.1:PORT/d",
        f"host=127.0.0.1 password={SECRET}",
        f"me:{SECRET}@127.0.0.1/d",
    ],
)
def test_no_password_is_ever_told(cli, closed_port, url):
    for command in (["jobs"], ["db", "upgrade"]):
        result = cli(*command, env={"FORGE_EVENTS_DATABASE_URL": url.replace("PORT", str(closed_port))})
        assert (result.rc, result.out) == (6, b"")
        assert SECRET not in result.complaint


def test_a_wrong_password_is_not_told_either(on_server, guarded):
    good = on_server.url.replace("postgres@", f"{guarded}:{SECRET}@")
    assert on_server.good("jobs", "--json", env={"FORGE_EVENTS_DATABASE_URL": good}).json == []
    wrong = {"FORGE_EVENTS_DATABASE_URL": good.replace(SECRET, f"un{SECRET}")}
    assert SECRET.encode() not in on_server("jobs", env={**wrong, "FORGE_EVENTS_DEBUG": "1"}).err
    result = on_server("jobs", env=wrong)
    assert (result.rc, result.out) == (6, b"")
    assert "password authentication failed" in result.complaint
    assert SECRET not in result.complaint


def test_the_driver_that_cannot_be_loaded_is_named(cli, tmp_path):
    (tmp_path / "psycopg.py").write_text("raise ImportError('no')\n")
    env = {"PYTHONPATH": str(tmp_path), "FORGE_EVENTS_DATABASE_URL": f"postgresql://me:{SECRET}@h/d"}
    result = cli("jobs", env=env)
    assert result.rc == 6
    assert result.complaint == (
        "postgresql://h/d is no database URL that can be used: PostgreSQL's driver, psycopg, cannot be loaded here"
    )


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg"])
def test_a_url_may_begin_as_others_write_it(on_server, scheme):
    url = f"{scheme}://{on_server.url.partition('://')[2]}"
    env = {"FORGE_EVENTS_DATABASE_URL": url}
    assert on_server.good("jobs", "--json", env=env).json == []
    assert url.partition("?")[0].rpartition("@")[2] in on_server.good("db", "current", env=env).text
    with open_store(url) as store:
        store.queue.listen().close()  # by a connection of its own, which the driver makes


@pytest.mark.parametrize("scheme", ["postgresql+psycopg2", "postgresql+asyncpg", "mysql"])
def test_a_url_of_another_driver_is_refused_without_its_password(cli, scheme):
    result = cli("jobs", env={"FORGE_EVENTS_DATABASE_URL": f"{scheme}://me:{SECRET}@h/d"})
    assert (result.rc, result.out) == (6, b"")
    expected = f"{scheme}://h/d is no database URL that can be used: it begins with sqlite:/// or postgresql://"
    assert result.complaint == expected


def test_who_uses_sqlite_does_not_wait_for_the_driver_of_postgresql(cli):
    ends = "import atexit, sys; atexit.register(lambda: print('sqlalchemy' in sys.modules, 'psycopg' in sys.modules))"
    code = f"{ends}; sys.argv[1:] = ['jobs', '--json']; from forge_events.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=cli.environment(), capture_output=True, check=True)
    assert done.stdout.split() == [b"[]", b"True", b"False"]

# SPDX-License-Identifier: Apache-2.0
"""``db``: the tables, where there are none, old ones, newer ones or somebody else's."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy

from forge_events.store import migration
from forge_events.store.schema import REVISIONS

OLDEST, NEWEST = REVISIONS[0], REVISIONS[-1]

_numbers = itertools.count(1)


@pytest.fixture
def empty(cli, server):
    """Return the command line on a database of PostgreSQL without any table."""
    name = f"empty_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name}")
    yield dataclasses.replace(cli, url=server.url(name))
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request):
    """Return the command line on a database whose tables are as the first version made them."""
    found = request.getfixturevalue("empty" if request.param == "postgresql" else "anywhere_on_disk")
    url = found.url.replace("postgresql://", "postgresql+psycopg://")
    with sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).begin() as connection:
        migration.migrate(connection, OLDEST)
    return found


@pytest.fixture
def anywhere_on_disk(cli, sqlite_url):
    return dataclasses.replace(cli, url=sqlite_url)


def test_where_there_are_no_tables_a_command_says_what_makes_them(empty):
    result = empty("jobs")
    assert (result.rc, result.out) == (6, b"")
    assert result.complaint.endswith("has no tables yet; `forge-events db upgrade` makes them")
    shown = empty.url.replace("postgres@", "")
    assert empty.good("db", "current").text == f"{shown}: revision none, not up to date, {NEWEST} is needed\n"
    assert empty.good("db", "upgrade").text == f"{shown}: revision none -> {NEWEST}\n"
    assert empty.good("jobs", "--json").json == []


def test_older_tables_are_refused_until_they_are_upgraded(old):
    result = old("jobs")
    assert result.rc == 6
    assert f"has the older schema {OLDEST}; `forge-events db upgrade` makes it {NEWEST}" in result.complaint
    needed = {"revision": OLDEST, "needed": NEWEST, "is_up_to_date": False}
    assert old.good("db", "current", "--json").json == needed
    assert old.good("db", "upgrade").text.endswith(f": revision {OLDEST} -> {NEWEST}\n")
    assert old.good("db", "current", "--json").json == {**needed, "revision": NEWEST, "is_up_to_date": True}
    assert old.good("jobs", "--json").json == []


def test_an_upgrade_says_when_nothing_had_to_be_done(anywhere):
    for _ in range(2):
        assert anywhere.good("db", "upgrade").text.endswith(f": revision {NEWEST} already, nothing had to be done\n")
    assert anywhere.good("db", "current").text.endswith(f": revision {NEWEST}, up to date\n")


def test_newer_tables_are_refused_and_left_alone(on_server, server):
    name = on_server.url.rpartition("/")[2]
    server.execute("UPDATE alembic_version SET version_num = '9999'", name)
    for command in (["jobs"], ["db", "upgrade"], ["cleanup-jobs"]):
        result = on_server(*command)
        assert (result.rc, result.out) == (6, b"")
        assert "has the schema 9999 of a newer version" in result.complaint
    assert on_server.good("db", "current", "--json").json["revision"] == "9999"


def test_the_database_of_another_program_is_refused_and_left_alone(cli):
    with closing(sqlite3.connect(cli.home / "events.db")) as connection:
        connection.execute("CREATE TABLE bookmark (url)")
    shutil.copy(cli.home / "events.db", cli.home / "before.db")
    for command in (["jobs"], ["db", "upgrade"], ["db", "current"]):
        result = cli(*command)
        assert (result.rc, result.out) == (6, b"")
        assert result.complaint.endswith("is that of another program")
    with closing(sqlite3.connect(cli.home / "events.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmark",)]


def test_the_group_alone_shows_its_help(cli):
    result = cli("db")
    assert b"upgrade" in result.out
    assert b"current" in result.out

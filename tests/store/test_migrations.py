# SPDX-License-Identifier: Apache-2.0
"""The tables that are made at once are those that all migrations make, and data survives the way."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from contextlib import closing

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from forge_events.errors import SchemaMismatch, StoreUnavailable
from forge_events.events import ResultFilter
from forge_events.store import migration, open_store, revision, upgrade
from forge_events.store.schedule_tables import metadata
from forge_events.store.schema import REVISIONS
from tests.store.making import ALL, Play, append, ended

EMPTY = "an_empty_one"


@pytest.fixture
def empty(server):
    """Return the URL of a database of PostgreSQL without any table."""
    server.execute(f"CREATE DATABASE {EMPTY}")
    yield server.url(EMPTY)
    server.execute(f"DROP DATABASE {EMPTY} WITH (FORCE)")


def engine_of(url):
    return sqlalchemy.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sqlalchemy.NullPool
    )


def migrated(url, to=REVISIONS[-1]):
    with engine_of(url).begin() as connection:
        migration.migrate(connection, to)


def statements(file):
    """Return the SQL that made the tables of a file, however it is laid out."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    # A column that was added later stands close to what follows it.
    flat = {name: re.sub(r"\s+([,)])", r"\1", re.sub(r"\s+", " ", sql or "")) for name, sql in found}
    return {name: sorted(re.split(r",\s*", sql)) for name, sql in flat.items()}


def test_the_revisions_are_those_of_the_migrations():
    found = ScriptDirectory("forge_events/store/migrations").walk_revisions()
    assert [script.revision for script in found] == list(reversed(REVISIONS))


def test_a_new_file_has_the_tables_of_all_migrations(tmp_path):
    open_store(f"sqlite:///{tmp_path}/made.db").close()
    migrated(f"sqlite:///{tmp_path}/migrated.db")
    assert statements(tmp_path / "made.db") == statements(tmp_path / "migrated.db")


def test_the_tables_of_postgresql_are_those_of_the_schema(empty):
    upgrade(empty)
    with engine_of(empty).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_constraints_of_postgresql_are_those_of_the_schema(empty, server):
    def dumped():
        command = [server.bin / "pg_dump", "--schema-only", "--no-comments", "-t", "main_*", "-d", empty]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        # Two things have no place in the tables of SQLAlchemy, and each dump has a key of its own.
        return sorted(line.rstrip(",") for line in lines if "COMPRESSION" not in line and "restrict" not in line)

    upgrade(empty)
    found = dumped()
    with engine_of(empty).begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert dumped() == found


def test_events_of_the_first_revision_survive_and_are_found(tmp_path):
    url = f"sqlite:///{tmp_path}/events.db"
    migrated(url, REVISIONS[0])
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        insert_old(connection)
        connection.commit()
    with pytest.raises(SchemaMismatch, match="older schema 0001; `forge-events db upgrade`"):
        open_store(url)
    assert upgrade(url) == (REVISIONS[0], REVISIONS[-1])
    check_old(url)


def test_events_of_the_first_revision_survive_on_postgresql(empty, server):
    migrated(empty, REVISIONS[0])
    block = "PARTITION OF main_jobevent FOR VALUES FROM (0) TO (1000) PARTITION BY LIST (job_id)"
    for statement in (
        f"CREATE TABLE main_jobevent_block_000000 {block}",
        "CREATE TABLE main_jobevent_job_1 PARTITION OF main_jobevent_block_000000 FOR VALUES IN (1)",
    ):
        server.execute(statement, EMPTY)
    with engine_of(empty).begin() as connection:
        insert_old(connection.connection.cursor())
    with pytest.raises(SchemaMismatch, match="older schema"):
        open_store(empty)
    assert upgrade(empty) == (REVISIONS[0], REVISIONS[-1])
    check_old(empty)


def insert_old(cursor):
    """Add a job with two events, as the first revision had them."""
    cursor.execute(
        "INSERT INTO main_job (id, uuid, name, status, launch_type, command, created, started)"
        " VALUES (1, 'old', 'site.yml', 'running', 'recorded', '[]', '2026-01-02 03:04:05', '2026-01-02 03:04:05')"
    )
    for counter, event, host in ((1, "playbook_on_start", ""), (2, "runner_on_failed", "db3")):
        cursor.execute(
            "INSERT INTO main_jobevent (job_id, counter, uuid, event, created, start_line, end_line, verbosity, failed,"  # noqa: S608
            " changed, host_name, role, task, play, playbook, stdout, event_data) VALUES"
            f" (1, {counter}, 'u{counter}', '{event}', '2026-01-02 03:04:05', 0, 0, 0, '1', '0', '{host}', '', 't',"
            " '', '', '', '{}')"
        )


def check_old(url):
    with open_store(url) as store:
        job = store.job("1")
        assert [event.event for event in store.events(job.id, ALL)] == ["playbook_on_start", "runner_on_failed"]
        (result,) = store.host_results(ResultFilter(host="db3"))
        assert (result.event, result.task, result.failed, result.job_id) == ("runner_on_failed", "t", True, 1)
        append(store, job, [])


def test_an_upgrade_changes_nothing_where_nothing_is_to_be_done(url):
    upgrade(url)
    with open_store(url) as store:
        job = ended(store)
        append(store, job, Play(job).events)
    assert upgrade(url) == (REVISIONS[-1], REVISIONS[-1])
    with open_store(url) as store:
        assert store.job(job.uuid).event_count == 2


def test_a_database_without_tables_says_what_makes_them(empty):
    with pytest.raises(SchemaMismatch, match="has no tables yet; `forge-events db upgrade` makes them"):
        open_store(empty)
    assert upgrade(empty) == (revision.NONE, REVISIONS[-1])
    open_store(empty).close()


def test_a_newer_schema_is_refused_and_not_touched(url, store):
    with store._database.writing() as connection:
        revision.stamp(connection, "9999")
    store.close()
    for use in (open_store, upgrade):
        with pytest.raises(SchemaMismatch, match="has the schema 9999 of a newer version"):
            use(url)


def test_the_database_of_another_program_is_not_touched(empty, server):
    server.execute("CREATE TABLE bookmark (url text)", EMPTY)
    for use in (open_store, upgrade):
        with pytest.raises(SchemaMismatch, match="is that of another program"):
            use(empty)
    assert server.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'main_%'", EMPTY) == [(0,)]


def test_an_upgrade_that_fails_leaves_everything_as_it_was(empty, monkeypatch):
    migrated(empty, REVISIONS[0])

    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr("forge_events.store.revision.stamp", fail)
    with pytest.raises(RuntimeError):
        upgrade(empty)
    monkeypatch.undo()
    with engine_of(empty).connect() as connection:
        assert revision.current(connection) == REVISIONS[0]
    assert upgrade(empty) == (REVISIONS[0], REVISIONS[-1])


def test_a_server_without_the_extension_or_the_right_to_it_will_do(empty, server):
    server.execute("CREATE ROLE plain LOGIN")
    server.execute("GRANT CREATE ON SCHEMA public TO plain", EMPTY)
    try:
        url = empty.replace("postgres@", "plain@")
        upgrade(url)
        with open_store(url) as store:
            assert not store.has_text_index()
            job = ended(store)
            append(store, job, Play(job).events)
            assert list(store.search("no such text")) == []
    finally:
        server.execute("REASSIGN OWNED BY plain TO postgres", EMPTY)
        server.execute("DROP OWNED BY plain", EMPTY)
        server.execute("DROP ROLE plain")


def test_an_upgrade_without_the_right_to_make_tables_says_so(empty, server):
    server.execute("CREATE ROLE guest LOGIN")
    try:
        with pytest.raises(StoreUnavailable, match="there is no permission"):
            upgrade(empty.replace("postgres@", "guest@"))
    finally:
        server.execute("DROP ROLE guest")

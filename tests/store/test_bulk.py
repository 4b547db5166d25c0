# SPDX-License-Identifier: Apache-2.0
"""What is stored by the quick way is what SQLAlchemy itself would store."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg

from forge_events.events import JobEvent
from forge_events.store import bulk
from forge_events.store.schema import jobevents
from forge_events.store.text import MAX_NAME

TIME = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
VALUES: dict[str, Any] = {
    "job_id": 1,
    "uuid": "u",
    "parent_uuid": None,
    "counter": 2,
    "event": "runner_on_ok",
    "created": TIME,
    "stdout": "",
    "event_data": {},
    "failed": False,
    "changed": True,
}
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))

any_text = st.text(st.characters(exclude_categories=()) | st.sampled_from("\0␛"))
any_name = any_text | st.integers(MAX_NAME - 2, MAX_NAME + 2).map(lambda length: "x" * length)
any_time = st.datetimes(timezones=st.just(datetime.UTC))
fields = {
    "uuid": any_name,
    "parent_uuid": st.none() | any_name,
    "runner_ident": st.none() | any_name,
    "task": any_name,
    "host_name": any_name,
    "stdout": any_text,
    "created": any_time,
    "event_data": st.dictionaries(any_text, any_text | st.floats() | st.integers(), max_size=3),
    "failed": st.booleans(),
}


@pytest.mark.parametrize("dialect", [sqlite.dialect(), psycopg.dialect()], ids=["sqlite", "postgresql"])
@given(st.fixed_dictionaries({}, optional=fields))
@example({})
@example({"task": "ü" * MAX_NAME})
@example({"host_name": "a" * 600, "task": "b" * 600})
@example({"created": TIME.astimezone(EAST)})
@example({"created": TIME.replace(microsecond=7)})
def test_a_row_has_what_sqlalchemy_would_store(dialect, values):
    record = vars(JobEvent.model_construct(**VALUES)) | values
    (row,) = bulk.rows(jobevents, dialect, [[record[column.name] for column in jobevents.columns]])
    for column, stored in zip(jobevents.columns, row, strict=True):
        bind = column.type.dialect_impl(dialect).bind_processor(dialect)
        assert stored == (bind(record[column.name]) if bind else record[column.name])

# SPDX-License-Identifier: Apache-2.0
"""The objects of the API as columns and relations, under the names that AWX gives them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, Float, Text, case, cast, exists, func, literal, null, select

from forge_events.jobs import JobStatus
from forge_events.store import served
from forge_events.store.expressions import json_value
from forge_events.store.schedule_tables import schedules
from forge_events.store.schema import hostsummaries, jobevents, jobs, nodes, templates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, FromClause

__all__ = ["EVENTS_OF_A_JOB", "MODELS", "Model", "Relation"]

EVENTS_OF_A_JOB = 10**8
"""An event's id is its job's, times this, plus its counter: one number for all jobs that people can read."""

_FAILED = (JobStatus.FAILED, JobStatus.ERROR, JobStatus.CANCELED)


class Relation(NamedTuple):
    """What an object leads to.

    :param model: the name of the model there.
    :param join: the condition for the columns here and there.
    """

    model: str
    join: Callable[[Model, Model], ColumnElement[bool]]
    is_many: bool = False


@dataclasses.dataclass(frozen=True)
class Model:
    """One kind of objects.

    :param columns: what is read of one, filtered by and sorted by.
    :param hidden: what may be in a scope or in a relation alone.
    """

    source: FromClause
    columns: Mapping[str, ColumnElement[Any]]
    relations: Mapping[str, Relation]
    hidden: Mapping[str, ColumnElement[Any]] = dataclasses.field(default_factory=dict)

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        """Return a column."""
        return self.columns[name] if name in self.columns else self.hidden[name]


def _one(name: str, model: str, key: str = "id") -> Relation:
    return Relation(model, lambda here, there: here[name] == there[key])


def _many(model: str, name: str) -> Relation:
    return Relation(model, lambda here, there: here["id"] == there[name], is_many=True)


def _through(model: str, table: FromClause, here_name: str, there_name: str) -> Relation:
    def join(here: Model, there: Model) -> ColumnElement[bool]:
        pairs = table.alias()
        return exists(select(literal(1)).where(pairs.c[here_name] == here["id"], pairs.c[there_name] == there["id"]))

    return Relation(model, join, is_many=True)


_BY = {"created_by": _one("created_by", "user"), "modified_by": _one("modified_by", "user")}
_ORGANIZATION = {"organization": _one("organization", "organization")}


def _plain(table: FromClause, relations: Mapping[str, Relation], **renamed: str) -> Callable[[], Model]:
    """Return a model whose columns are those of a table; a key that ends with ``_id`` loses that."""

    def make() -> Model:
        source = table.alias()
        columns = {
            renamed.get(name, name.removesuffix("_id") if _is_key(table, name) else name): column
            for name, column in source.c.items()
        }
        if "organization" in relations:
            columns["organization"] = literal(1, BigInteger)
        return Model(source, columns, relations)

    return make


def _is_key(table: FromClause, name: str) -> bool:
    return name.endswith("_id") and bool(table.c[name].foreign_keys)


_OF_JOB = (
    "id",
    "uuid",
    "name",
    "status",
    "launch_type",
    "created",
    "started",
    "finished",
    "elapsed",
    "rc",
    "host",
    "command",
    "directory",
    "ansible_version",
    "changed",
    "event_count",
    "job_explanation",
    "launch",
    "run_by",
    "run_as",
    "cancel_by",
    "impact",
    "queue",
)
"""The columns that jobs have under the same names here."""


def _job() -> Model:
    job, origin = jobs.alias(), served.joborigins.alias()
    launch = job.c.launch
    inner = {name: origin.c[f"{name}_id"] for name in ("inventory", "project", "execution_environment")}
    columns = {
        **{name: job.c[name] for name in _OF_JOB},
        "description": literal("", Text),
        "modified": func.coalesce(job.c.finished, job.c.started, job.c.created),
        "failed": job.c.status.in_(_FAILED),
        "execution_node": func.coalesce(job.c.execution_node, job.c.host, ""),
        "canceled_on": job.c.cancel_requested,
        "job_template": job.c.job_template_id,
        "unified_job_template": job.c.job_template_id,
        "job_type": case((job.c.check_mode, "check"), else_="run"),
        "playbook": func.coalesce(json_value(launch, "playbook"), ""),
        "limit": func.coalesce(json_value(launch, "limit"), ""),
        "verbosity": func.coalesce(cast(json_value(launch, "verbosity"), BigInteger), 0),
        "forks": func.coalesce(cast(json_value(launch, "forks"), BigInteger), 0),
        "timeout": func.coalesce(cast(json_value(launch, "timeout"), Float), 0),
        **inner,
        "created_by": origin.c.user_id,
        "organization": literal(1, BigInteger),
    }
    return Model(job.outerjoin(origin, origin.c.job_id == job.c.id), columns, _relations_of_job())


def _relations_of_job() -> dict[str, Relation]:
    return {
        "job_template": _one("job_template", "job_template"),
        "unified_job_template": _one("unified_job_template", "job_template"),
        "inventory": _one("inventory", "inventory"),
        "project": _one("project", "project"),
        "execution_environment": _one("execution_environment", "execution_environment"),
        "created_by": _one("created_by", "user"),
        "organization": _one("organization", "organization"),
        "labels": _through("label", served.joblabels, "job_id", "label_id"),
        "job_host_summaries": _many("job_host_summary", "job"),
    }


def _template() -> Model:
    template, origin = templates.alias(), served.templateorigins.alias()
    launch = template.c.launch
    same = ("id", "name", "description", "created", "modified", "allow_simultaneous", "launch", "ask", "notifications")
    columns = {
        **{name: template.c[name] for name in same},
        "inventory": origin.c.inventory_id,
        "project": origin.c.project_id,
        "execution_environment": origin.c.execution_environment_id,
        "created_by": origin.c.user_id,
        "modified_by": origin.c.user_id,
        "given": origin.c.given,
        "organization": literal(1, BigInteger),
        "playbook": func.coalesce(json_value(launch, "playbook"), ""),
        "limit": func.coalesce(json_value(launch, "limit"), ""),
        "verbosity": func.coalesce(cast(json_value(launch, "verbosity"), BigInteger), 0),
        "forks": func.coalesce(cast(json_value(launch, "forks"), BigInteger), 0),
        "job_type": case((cast(json_value(launch, "check"), Text).in_(("true", "1")), "check"), else_="run"),
    }
    relations = {
        "inventory": _one("inventory", "inventory"),
        "project": _one("project", "project"),
        "execution_environment": _one("execution_environment", "execution_environment"),
        "created_by": _one("created_by", "user"),
        "modified_by": _one("modified_by", "user"),
        "organization": _one("organization", "organization"),
        "labels": _through("label", served.templatelabels, "job_template_id", "label_id"),
        "jobs": _many("job", "job_template"),
    }
    joined = template.outerjoin(origin, origin.c.job_template_id == template.c.id)
    return Model(joined, columns, relations)


def _event() -> Model:
    event = jobevents.alias()
    names = (
        "uuid",
        "event",
        "counter",
        "created",
        "start_line",
        "end_line",
        "verbosity",
        "failed",
        "changed",
        "host_name",
        "role",
        "task",
        "play",
        "playbook",
        "stdout",
        "event_data",
    )
    columns = {
        **{name: event.c[name] for name in names},
        "id": event.c.job_id * EVENTS_OF_A_JOB + event.c.counter,
        "job": event.c.job_id,
        "modified": event.c.created,
        "parent_uuid": func.coalesce(event.c.parent_uuid, ""),
    }
    return Model(event, columns, {"job": _one("job", "job")})


def _summary() -> Model:
    counts = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored", "processed")
    own = hostsummaries.alias()
    place = func.row_number().over(partition_by=own.c.job_id, order_by=own.c.host_name)
    job = jobs.alias()
    found = (
        select(
            (own.c.job_id * EVENTS_OF_A_JOB + place).label("id"),
            own.c.job_id.label("job"),
            own.c.host_name,
            *(own.c[name] for name in counts),
            ((own.c.failures + own.c.dark) > 0).label("failed"),
            job.c.created,
            func.coalesce(job.c.finished, job.c.created).label("modified"),
            null().label("host"),
        )
        .join(job, job.c.id == own.c.job_id)
        .subquery()
    )
    return Model(found, dict(found.c), {"job": _one("job", "job")})


def _user() -> Model:
    user = served.users.alias()
    columns = {name: column for name, column in user.c.items() if name != "password"}
    return Model(user, columns, {}, {"password": user.c.password})


def _token() -> Model:
    token = served.tokens.alias()
    columns: dict[str, ColumnElement[Any]] = {
        name: token.c[name] for name in ("id", "description", "scope", "created", "modified", "expires")
    }
    columns |= {"user": token.c.user_id, "last_used": token.c.last_used, "is_login": token.c.scope == "login"}
    return Model(token, columns, {"user": _one("user", "user")})


def _instance() -> Model:
    node = nodes.alias()
    return Model(node, {**node.c, "modified": node.c.created}, {})


MODELS: dict[str, Callable[[], Model]] = {
    "job": _job,
    "job_event": _event,
    "job_host_summary": _summary,
    "job_template": _template,
    "user": _user,
    "token": _token,
    "organization": _plain(served.organizations, _BY),
    "inventory": _plain(
        served.inventories,
        {
            **_BY,
            **_ORGANIZATION,
            "hosts": _many("host", "inventory"),
            "groups": _many("group", "inventory"),
            "job_templates": _many("job_template", "inventory"),
        },
    ),
    "host": _plain(
        served.hosts,
        {
            **_BY,
            "inventory": _one("inventory", "inventory"),
            "groups": _through("group", served.grouphosts, "host_id", "group_id"),
        },
    ),
    "group": _plain(
        served.groups,
        {
            **_BY,
            "inventory": _one("inventory", "inventory"),
            "hosts": _through("host", served.grouphosts, "group_id", "host_id"),
            "children": _through("group", served.groupchildren, "parent_id", "child_id"),
            "parents": _through("group", served.groupchildren, "child_id", "parent_id"),
        },
    ),
    "project": _plain(served.projects, {**_BY, **_ORGANIZATION}),
    "label": _plain(
        served.labels,
        {
            **_BY,
            **_ORGANIZATION,
            "job_templates": _through("job_template", served.templatelabels, "label_id", "job_template_id"),
            "jobs": _through("job", served.joblabels, "label_id", "job_id"),
        },
    ),
    "execution_environment": _plain(served.environments, {**_BY, **_ORGANIZATION}),
    "instance": _instance,
    "schedule": _plain(
        schedules,
        {"unified_job_template": _one("unified_job_template", "job_template")},
        template_id="unified_job_template",
    ),
}
"""How to make the model of a name anew, so that one statement may have it several times."""

# SPDX-License-Identifier: Apache-2.0
"""Make, change and delete schedules, and look at what a rule says."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from forge_events import scheduling
from forge_events.api.fields import validated
from forge_events.api.launching import launch_fields
from forge_events.api.lists import NOWHERE, listed, one, row_of
from forge_events.api.refusals import Refusal, bad_fields, refused
from forge_events.api.routes import Answer
from forge_events.api.shown_templates import ASKED
from forge_events.api.table import PROMPTED, RESOURCES
from forge_events.errors import InvalidLaunch, InvalidRecurrence, NameTaken, UnknownTemplate
from forge_events.queries import Condition
from forge_events.recurrences import Recurrence

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes
    from forge_events.schedules import Schedule

__all__ = ["add_schedules"]

_SCHEDULE, _TEMPLATE, _JOB = RESOURCES["schedule"], RESOURCES["job_template"], RESOURCES["job"]
_PATH = "/api/v2/schedules/"
_TAKEN = "Schedule with this Unified job template and Name already exists."
_EMPTY = ("credentials", "labels", "instance_groups")
_LACKING = {
    "inventory": "A schedule takes the inventory of its template.",
    "scm_branch": "forge_events has manual projects alone, which have no branches.",
    "execution_environment": "A schedule takes the execution environment of its template.",
    "job_slice_count": "forge_events cannot cut jobs into slices.",
}
_THEIRS = {ours: name for name, ours in ASKED.items()} | {"tags": "job_tags", "extra_vars": "extra_data"}
_SHOWN, _LAST_JOBS = 10, 1000


def add_schedules(routes: Routes) -> None:
    """Add the paths of schedules."""
    routes.add(f"{_PATH}preview/", POST=_preview)
    routes.add(f"{_PATH}zoneinfo/", GET=lambda _: {"zones": sorted(available_timezones()), "links": {}})
    routes.resource(_PATH, _SCHEDULE, GET=lambda call: listed(call, _SCHEDULE), POST=_create)
    details: dict[str, Callable[[Call], Any]] = {
        "GET": lambda call: one(call, _SCHEDULE, call.key()),
        "PUT": lambda call: _change(call, is_partial=False),
        "PATCH": lambda call: _change(call, is_partial=True),
        "DELETE": _delete,
    }
    routes.resource(f"{_PATH}{{key}}/", _SCHEDULE, **details)
    routes.add(f"{_PATH}{{key}}/jobs/", GET=_jobs)
    for name in _EMPTY:
        routes.add(f"{_PATH}{{key}}/{name}/", GET=_nothing)
    of_template = "/api/v2/job_templates/{key}/schedules/"
    routes.resource(of_template, _SCHEDULE, GET=_of_template, POST=_create_for)
    routes.resource("/api/v2/unified_job_templates/", _TEMPLATE, GET=lambda call: listed(call, _TEMPLATE))


def _create(call: Call) -> Answer:
    return _created(call, call.body)


def _create_for(call: Call) -> Answer:
    call.admin()
    row = row_of(call, _TEMPLATE, call.key())
    return _created(call, {**call.body, "unified_job_template": row["id"]})


def _created(call: Call, body: dict[str, Any]) -> Answer:
    by = call.admin().user.username
    values = _values(call, body, is_partial=False)
    template = call.store.templates.with_id(values["unified_job_template"])
    if template is None:
        raise bad_fields(unified_job_template="The template is gone.")
    facts = {"description": values["description"], "enabled": values["enabled"], "created_by": by}
    fields = _fields(call, body)
    made = _made(
        lambda: scheduling.create(
            call.store, template, values["name"], Recurrence.parse(values["rrule"]), fields, **facts
        )
    )
    found = one(call, _SCHEDULE, str(made.id))
    return Answer(201, found, found["url"])


def _change(call: Call, *, is_partial: bool) -> dict[str, Any]:
    call.admin()
    schedule = _found(call)
    values = _values(call, call.body, is_partial=is_partial)
    if values.pop("unified_job_template", schedule.template_id) != schedule.template_id:
        raise bad_fields(unified_job_template="A schedule stays with its template.")
    rule = values.pop("rrule", schedule.rrule)
    changes = {name: values[name] for name in ("name", "description", "enabled") if name in values}
    fields = _merged(call, schedule)
    _made(lambda: scheduling.edit(
        call.store,
        schedule,
        recurrence=Recurrence.parse(rule) if rule != schedule.rrule else None,
        fields=fields if fields != schedule.fields else None,
        **changes,
    ))  # fmt: skip
    return one(call, _SCHEDULE, str(schedule.id))


def _values(call: Call, body: dict[str, Any], *, is_partial: bool) -> dict[str, Any]:
    """Return what a body says of the schedule itself. What is null of a launch is left to the template."""
    given = {name: value for name, value in body.items() if value is not None}
    return validated(call, _SCHEDULE.written, given, is_partial=is_partial)


def _fields(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a launch that a body gives; what is null or empty is left to the template."""
    for name, text in _LACKING.items():
        if body.get(name):
            raise bad_fields(**{name: text})
    given = {**body, "extra_vars": body.get("extra_data")}
    said = {field.name: given[field.name] for field in PROMPTED if given.get(field.name) not in (None, "", {})}
    values = validated(call, [field for field in PROMPTED if field.name in said], said, is_partial=True)
    return launch_fields(call, {name: value for name, value in values.items() if name not in _LACKING})


def _merged(call: Call, schedule: Schedule) -> dict[str, Any]:
    """Return what a schedule sets when a body has changed some of it."""
    named = {_OURS.get(name, name) for name in call.body}
    kept = {name: value for name, value in schedule.fields.items() if name not in named}
    return {**kept, **_fields(call, call.body)}


_OURS = {"extra_data": "extra_vars", "job_tags": "tags", "job_type": "check", "diff_mode": "diff"}


def _made(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except NameTaken:
        raise refused(_TAKEN) from None
    except InvalidRecurrence as error:
        raise bad_fields(rrule=str(error)) from None
    except InvalidLaunch as error:
        field = error.field.partition(".")[0]
        raise Refusal(400, {_THEIRS.get(field, field): [error.reason]}) from None
    except UnknownTemplate:
        raise bad_fields(unified_job_template="The template is gone.") from None


def _found(call: Call) -> Schedule:
    row = row_of(call, _SCHEDULE, call.key())
    return call.store.schedules.with_id(row["id"])


def _delete(call: Call) -> Answer:
    call.admin()
    call.store.schedules.delete(_found(call))
    return Answer(204)


def _jobs(call: Call) -> dict[str, Any]:
    ids = tuple(job.id for job in call.store.schedules.jobs(_found(call), limit=_LAST_JOBS))
    return listed(call, _JOB, within=[Condition("id", "in", ids)]) if ids else NOWHERE


def _nothing(call: Call) -> dict[str, Any]:
    row_of(call, _SCHEDULE, call.key())
    return NOWHERE


def _of_template(call: Call) -> dict[str, Any]:
    row = row_of(call, _TEMPLATE, call.key())
    return listed(call, _SCHEDULE, scope=[("unified_job_template", row["id"])])


def _preview(call: Call) -> dict[str, list[str]]:
    """Return when a rule comes next, on the clock of its zone and in UTC."""
    rule = call.body.get("rrule")
    if not isinstance(rule, str) or not rule.strip():
        raise bad_fields(rrule="This field is required.")
    recurrence = _made(lambda: Recurrence.parse(rule))
    found = list(itertools.islice(recurrence.since(call.store.now()), _SHOWN))
    return {
        "local": [each.at.astimezone(recurrence.zone).isoformat() for each in found],
        "utc": [each.at.isoformat().replace("+00:00", "Z") for each in found],
    }

# SPDX-License-Identifier: Apache-2.0
"""Make, change and delete job templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events.api.fields import validated
from forge_events.api.launching import add_launch, launch_fields, origin_of
from forge_events.api.lists import NOWHERE, listed, one, row_of
from forge_events.api.objects import playbooks_of
from forge_events.api.refusals import Refusal, bad_fields, refused
from forge_events.api.routes import Answer
from forge_events.api.shown_templates import ASKED, values_of
from forge_events.api.table import ASKS, RESOURCES
from forge_events.errors import InvalidLaunch, NameTaken
from forge_events.launches import Launch
from forge_events.queries import Condition, Query
from forge_events.templates import JobTemplate

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes

__all__ = ["add_templates"]

_TEMPLATE = RESOURCES["job_template"]
_PATH = "/api/v2/job_templates/"
_TAKEN = "JobTemplate with this (name, organization) combination already exists."
_GIVEN = ("extra_vars", "job_tags", "skip_tags", *ASKS)
_LACKING = {
    "force_handlers": "forge_events cannot force handlers.",
    "start_at_task": "forge_events cannot start at a task.",
    "use_fact_cache": "forge_events keeps no facts.",
    "become_enabled": "forge_events leaves becoming another user to the playbook.",
    "host_config_key": "forge_events has no provisioning callbacks.",
    "survey_enabled": "forge_events has no surveys yet.",
    "webhook_service": "A webhook is made by `forge-events webhook create`.",
    "scm_branch": "forge_events has manual projects alone, which have no branches.",
    **{
        f"ask_{name}_on_launch": "forge_events cannot ask for this."
        for name in ("scm_branch", "credential", "job_slice_count", "instance_groups")
    },
}
"""What AWX can and this cannot: better to say so than to do something else."""

_EMPTY = ("credentials", "notification_templates_started", "notification_templates_success",
          "notification_templates_error", "instance_groups", "activity_stream", "access_list", "object_roles",
          "slice_workflow_jobs")  # fmt: skip


def add_templates(routes: Routes) -> None:
    """Add the paths of job templates."""
    routes.resource(_PATH, _TEMPLATE, GET=lambda call: listed(call, _TEMPLATE), POST=_create)
    details: dict[str, Callable[[Call], Any]] = {
        "GET": lambda call: one(call, _TEMPLATE, call.key()),
        "PUT": lambda call: _change(call, is_partial=False),
        "PATCH": lambda call: _change(call, is_partial=True),
        "DELETE": _delete,
    }
    routes.resource(f"{_PATH}{{key}}/", _TEMPLATE, **details)
    routes.add(f"{_PATH}{{key}}/jobs/", GET=_jobs)
    for name in _EMPTY:
        routes.add(f"{_PATH}{{key}}/{name}/", GET=_nothing, POST=_refuse_to_attach)
    routes.add(
        f"{_PATH}{{key}}/survey_spec/", GET=lambda call: _nothing(call) and {}, POST=_no_surveys, DELETE=_nothing
    )
    add_launch(routes)


def _create(call: Call) -> Answer:
    call.admin()
    values = _complete(call, validated(call, _TEMPLATE.written, call.body, is_partial=False))
    at = call.store.now()
    fields = {**launch_fields(call, values), **_project_fields(call, values)}
    template = _made(lambda: JobTemplate.of(
        name=values["name"],
        description=values["description"],
        launch=Launch.of(**fields),
        ask=_asked(values),
        allow_simultaneous=values["allow_simultaneous"],
        created=at,
        modified=at,
    ))  # fmt: skip
    stored = _made(lambda: call.store.templates.add(template))
    _write_origin(call, stored.id, values)
    found = one(call, _TEMPLATE, str(stored.id))
    return Answer(201, found, found["url"])


def _change(call: Call, *, is_partial: bool) -> dict[str, Any]:
    call.admin()
    row = row_of(call, _TEMPLATE, call.key())
    given = validated(call, _TEMPLATE.written, call.body, is_partial=is_partial)
    known = {**values_of(row), "name": row["name"], "description": row["description"]}
    values = _complete(call, {**known, **given}, is_ours=row["project"] is None)
    template = next(each for each in call.store.templates.all() if each.id == row["id"])
    fields = launch_fields(call, given)
    if values["project"] is not None and given.keys() & {"project", "playbook"}:
        fields |= _project_fields(call, values)
    changed = _made(lambda: JobTemplate.of(**{
        **dict(template),
        "name": values["name"],
        "description": values["description"],
        "launch": Launch.of(**{**template.launch.model_dump(), **fields}),
        "ask": _asked(values) if given.keys() & set(ASKS) else template.ask,
        "allow_simultaneous": values["allow_simultaneous"],
        "modified": call.store.now(),
    }))  # fmt: skip
    _made(lambda: call.store.templates.replace(changed))
    if given.keys() - {"name", "description"}:
        _write_origin(call, row["id"], values)
    return one(call, _TEMPLATE, str(row["id"]))


def _complete(call: Call, values: dict[str, Any], *, is_ours: bool = False) -> dict[str, Any]:
    """Refuse what cannot be run, and what would be run in another way than asked.

    :param is_ours: the template was made without a project, by the command line.
    """
    for name, text in _LACKING.items():
        if values.get(name):
            raise bad_fields(**{name: text})
    if values.get("job_slice_count", 1) not in (0, 1):
        raise bad_fields(job_slice_count="forge_events cannot cut jobs into slices.")
    if is_ours and values["project"] is None:
        return values
    if values["project"] is None:
        raise bad_fields(project="Job Templates must have a project assigned.")
    if not values["playbook"]:
        raise bad_fields(playbook="Must select playbook for project.")
    project = row_of(call, RESOURCES["project"], str(values["project"]))
    if values["playbook"] not in playbooks_of(call, project["local_path"]):
        raise bad_fields(playbook="Playbook not found for project.")
    if values["inventory"] is None and not values["ask_inventory_on_launch"]:
        raise bad_fields(inventory="You must either set a default value or ask to prompt on launch.")
    return values


def _project_fields(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    project = row_of(call, RESOURCES["project"], str(values["project"]))
    return {"project": str(call.house.projects / project["local_path"]), "playbook": values["playbook"]}


def _asked(values: dict[str, Any]) -> list[str]:
    return [ours for name, ours in ASKED.items() if values.get(f"ask_{name}_on_launch")]


def _write_origin(call: Call, template_id: int, values: dict[str, Any]) -> None:
    given = {name: values[name] for name in _GIVEN if name in values}
    call.store.catalogue.name_origin("job_template", template_id, origin_of(call, values), given)


def _made(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except NameTaken:
        raise refused(_TAKEN) from None
    except InvalidLaunch as error:
        raise Refusal(400, {_THEIRS.get(error.field, error.field): [error.reason]}) from None


_THEIRS = {ours: name for name, ours in ASKED.items()} | {"tags": "job_tags", "extra_vars": "extra_vars"}


def _delete(call: Call) -> Answer:
    call.admin()
    row = row_of(call, _TEMPLATE, call.key())
    is_active = Condition("status", "in", ("new", "pending", "waiting", "running"))
    query = Query(every=(is_active, Condition("job_template", "exact", row["id"])), limit=20, is_counted=False)
    active = [{"type": "job", "id": job["id"]} for job in call.store.find("job", query).rows]
    if active:
        raise Refusal(409, {"error": "Resource is being used by running jobs.", "active_jobs": active})
    _remove(call, row)
    return Answer(204)


def _remove(call: Call, row: dict[str, Any]) -> None:
    for label in call.store.catalogue.related("job_template", "labels", row["id"]):
        call.store.catalogue.detach("job_template", "labels", row["id"], label)
    # By its name: a name made of digits could be another one's id.
    call.store.templates.delete(row["name"])


def _jobs(call: Call) -> dict[str, Any]:
    row = row_of(call, _TEMPLATE, call.key())
    return listed(call, RESOURCES["job"], scope=[("job_template", row["id"])])


def _nothing(call: Call) -> dict[str, Any]:
    row_of(call, _TEMPLATE, call.key())
    return NOWHERE


def _refuse_to_attach(call: Call) -> Any:
    call.admin()
    row_of(call, _TEMPLATE, call.key())
    what = call.path.rstrip("/").rpartition("/")[2].replace("_", " ")
    raise Refusal(400, {"msg": f"forge_events has no {what}: nothing can be attached here."})


def _no_surveys(call: Call) -> Any:
    call.admin()
    raise Refusal(400, {"error": "forge_events has no surveys yet."})

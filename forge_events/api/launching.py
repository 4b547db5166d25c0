# SPDX-License-Identifier: Apache-2.0
"""Launch a job template: what it asks for, what may be given, and what is left out."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import launching
from forge_events.api.event_driven import event_driven
from forge_events.api.fields import validated
from forge_events.api.lists import row_of
from forge_events.api.options import described_action
from forge_events.api.refusals import Refusal, detail
from forge_events.api.routes import Answer
from forge_events.api.shown import shown
from forge_events.api.shown_jobs import ENCRYPTED
from forge_events.api.shown_templates import asks_of, values_of
from forge_events.api.table import PROMPTED, RESOURCES
from forge_events.errors import InvalidLaunch, UnknownTemplate
from forge_events.inventories import mapping_of
from forge_events.store.objects import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forge_events.api.calls import Call
    from forge_events.api.routes import Routes
    from forge_events.jobs import Job
    from forge_events.templates import JobTemplate

__all__ = ["add_launch", "answer_of", "launch_fields", "launch_key", "origin_of"]

_TEMPLATE, _JOB = RESOURCES["job_template"], RESOURCES["job"]
_ASKED_BY = {"extra_vars": "variables", "job_tags": "tags"}
_ALWAYS_IGNORED = ("credentials", "labels", "instance_groups", "job_slice_count")
_MAX_KEY, _MOST_AT_ONCE = 255, 100


class _Wanted(NamedTuple):
    """What somebody who launches gives: AWX's fields that are taken, and those that are not."""

    taken: dict[str, Any]
    ignored: dict[str, Any]
    labels: list[int]


def add_launch(routes: Routes) -> None:
    """Add the path of launching."""
    told = described_action(PROMPTED, ["POST"])
    routes.add("/api/v2/job_templates/{key}/launch/", options=lambda _: told, GET=_asks, POST=_launch)
    routes.add("/api/v2/bulk/", GET=lambda _: {"job_launch": "/api/v2/bulk/job_launch/"})
    about = {"detail": "Give a list of what is to be launched in jobs, each with its unified_job_template."}
    routes.add("/api/v2/bulk/job_launch/", GET=lambda _: about, POST=_bulk_launch)


def launch_fields(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    """Return what AWX's fields are in a launch, for those that are given."""
    fields: dict[str, Any] = {}
    fields |= {name: given[name] or None for name in ("limit", "forks", "timeout") if name in given}
    fields |= {ours: given[name] for name, ours in (("verbosity", "verbosity"), ("diff_mode", "diff")) if name in given}
    if "job_type" in given:
        fields["check"] = given["job_type"] == "check"
    if "extra_vars" in given:
        fields["extra_vars"] = mapping_of(given["extra_vars"]) if given["extra_vars"] else {}
    for name, ours in (("job_tags", "tags"), ("skip_tags", "skip_tags")):
        if name in given:
            fields[ours] = [word.strip() for word in given[name].split(",") if word.strip()]
    if "inventory" in given:
        fields |= {"inventory_id": given["inventory"], "inventory": []}
    if "execution_environment" in given:
        key = given["execution_environment"]
        found = None if key is None else row_of(call, RESOURCES["execution_environment"], str(key))["image"]
        fields["execution_environment"] = found
    return fields


def _asks(call: Call) -> dict[str, Any]:
    """Return what a launch may be given, and what it has if nothing is."""
    row = row_of(call, _TEMPLATE, call.key())
    values, asks = values_of(row), asks_of(row)
    found = shown(call, _TEMPLATE, [row])[0]
    summary = found["summary_fields"]
    needs_inventory = _lacks_inventory(row)
    names = ("diff_mode", "limit", "job_tags", "skip_tags", "job_type", "verbosity", "scm_branch", "forks",
             "job_slice_count", "timeout")  # fmt: skip
    defaults: dict[str, Any] = {name: values[name] for name in names}
    defaults |= {
        "extra_vars": found["extra_vars"],
        "inventory": {name: summary.get("inventory", {}).get(name) for name in ("name", "id")},
        "execution_environment": {
            name: summary["execution_environment"][name]
            for name in ("id", "name")
            if "execution_environment" in summary
        },
        "labels": summary["labels"]["results"],
        "instance_groups": [],
        "credentials": [],
    }
    return {
        "can_start_without_user_input": not needs_inventory,
        "passwords_needed_to_start": [],
        **asks,
        "survey_enabled": False,
        "variables_needed_to_start": [],
        "credential_needed_to_start": False,
        "inventory_needed_to_start": needs_inventory,
        "job_template_data": {name: row[name] for name in ("name", "id", "description")},
        "defaults": defaults,
    }


def _launch(call: Call) -> Answer:
    call.admin()
    row = row_of(call, _TEMPLATE, call.key())
    wanted = _wanted(call, row)
    return answer_of(call, _launched(call, row, wanted), ignored_fields=wanted.ignored)


def _launched(call: Call, row: dict[str, Any], wanted: _Wanted) -> Job:
    """Launch a template, and write down which objects the job names."""
    template = _template(call, row)
    job = _queued(call, template, wanted)
    call.store.catalogue.name_origin("job", job.id, origin_of(call, {**row, **wanted.taken}))
    for label in {*call.store.catalogue.related("job_template", "labels", row["id"]), *wanted.labels}:
        call.store.catalogue.attach("job", "labels", job.id, label)
    return job


def _bulk_launch(call: Call) -> Answer:
    """Launch several templates; when one of the launches cannot be, none is."""
    call.admin()
    given = call.body.get("jobs")
    if not isinstance(given, list) or not given or not all(isinstance(each, dict) for each in given):
        raise Refusal(400, {"jobs": ["This field is required: a list of what is to be launched."]})
    if len(given) > _MOST_AT_ONCE:
        raise Refusal(400, {"jobs": [f"At most {_MOST_AT_ONCE} jobs are launched at once."]})
    calls = [call.with_body(each, place) for place, each in enumerate(given)]
    rows = [_template_of(each) for each in calls]
    wanted = [_wanted(each, row) for each, row in zip(calls, rows, strict=True)]
    jobs = [_launched(*each) for each in zip(calls, rows, wanted, strict=True)]
    return Answer(201, {"jobs": [_told_of(call, job) for job in jobs], "ignored_fields": [w.ignored for w in wanted]})


def _template_of(call: Call) -> dict[str, Any]:
    key = call.body.get("unified_job_template")
    if isinstance(key, bool) or not isinstance(key, int):
        raise Refusal(400, {"jobs": [{"unified_job_template": ["A valid integer is required."]}]})
    try:
        return row_of(call, _TEMPLATE, str(max(0, key)))
    except Refusal:
        raise Refusal(400, {"jobs": [f"Invalid unified job template: {key}"]}) from None


def _told_of(call: Call, job: Job) -> dict[str, Any]:
    return shown(call, _JOB, [row_of(call, _JOB, str(job.id))])[0]


def answer_of(call: Call, job: Job, **more: Any) -> Answer:
    """Return what is sent when a job has been launched."""
    found = shown(call, _JOB, [row_of(call, _JOB, str(job.id))])[0]
    return Answer(201, {"job": job.id, **more, **found}, found["url"])


def _lacks_inventory(row: dict[str, Any]) -> bool:
    launch = row["launch"]
    # A template of the command line may have none on purpose.
    return row["inventory"] is None and row["project"] is not None and not launch["inventory"]


def _wanted(call: Call, row: dict[str, Any]) -> _Wanted:
    """Sort what is given into what the template asks for, and the rest, which AWX ignores and tells of."""
    body = dict(call.body)
    if "inventory_id" in body and "inventory" not in body:
        body["inventory"] = body.pop("inventory_id")
    asks, values = asks_of(row), values_of(row)
    prompted = [field for field in PROMPTED if field.name in body]
    asked = [field for field in prompted if asks.get(f"ask_{_ASKED_BY.get(field.name, field.name)}_on_launch")]
    ignored = {field.name: body[field.name] for field in prompted if field not in asked and body[field.name] != ""}
    given = validated(call, asked, body, is_partial=True)
    if "extra_vars" in ignored:
        ignored["extra_vars"] = _told(call, body["extra_vars"])
    taken = {name: value for name, value in given.items() if value != values[name]}
    for name in _ALWAYS_IGNORED:
        if body.get(name) and not (name == "labels" and asks["ask_labels_on_launch"]):
            ignored[name] = body[name]
    if _lacks_inventory(row) and not taken.get("inventory"):
        raise Refusal(400, {"resources_needed_to_start": ["Job Template inventory is missing or undefined."]})
    return _Wanted(
        taken, {name: value for name, value in ignored.items() if value not in ({}, None)}, _labels(call, asks)
    )


def _told(call: Call, given: Any) -> dict[str, Any]:
    """Return variables that are not taken, as they are told of: by their names, since a value may be a secret."""
    field = next(field for field in PROMPTED if field.name == "extra_vars")
    text = validated(call, [field], {"extra_vars": given}, is_partial=True)["extra_vars"]
    return dict.fromkeys(mapping_of(text), ENCRYPTED) if text else {}


def _labels(call: Call, asks: dict[str, bool]) -> list[int]:
    given = call.body.get("labels")
    if not given or not asks["ask_labels_on_launch"]:
        return []
    if not isinstance(given, list) or not all(isinstance(each, int) and not isinstance(each, bool) for each in given):
        raise Refusal(400, {"labels": ["Expected a list of items."]})
    for key in given:
        try:
            row_of(call, RESOURCES["label"], str(key))
        except Refusal:
            raise Refusal(400, {"labels": [f'Invalid pk "{key}" - object does not exist.']}) from None
    return given


def _template(call: Call, row: dict[str, Any]) -> JobTemplate:
    try:
        return next(each for each in call.store.templates.all() if each.id == row["id"])
    except StopIteration:
        raise UnknownTemplate(row["name"]) from None


def _queued(call: Call, template: JobTemplate, wanted: _Wanted) -> Job:
    fields = launch_fields(call, wanted.taken)
    if "extra_vars" in fields:  # values of somebody who only launches, and never templates
        fields["untrusted_vars"] = fields.pop("extra_vars")
    rule = event_driven(call.store, template.id, call.body)
    try:
        return launching.launch(
            call.store,
            template.launch.changed(**fields),
            template=template,
            by=call.principal.user.username if rule is None else rule.by,
            counts_hosts=call.house.counts_hosts,
            launch_type="manual" if rule is None else "eda",
            job_uuid=launch_key(call) or (None if rule is None else rule.job_uuid),
        )
    except InvalidLaunch as error:
        raise Refusal(400, {error.field.partition(".")[0]: [f"{error.field}: {error.reason}"]}) from None


def origin_of(call: Call, values: Mapping[str, Any]) -> Origin:
    """Return the objects that are named, by whoever calls."""
    inventory, project, environment = (values[name] for name in ("inventory", "project", "execution_environment"))
    return Origin(inventory, project, environment, call.principal.user.id)


def launch_key(call: Call) -> str | None:
    """Return the uuid of the job that a request with its key stands for, however often it is sent.

    :raises Refusal: the key came with another request.
    """
    key = call.request.headers.get("idempotency-key", "")
    if not key:
        return None
    if len(key) > _MAX_KEY or not key.isprintable():
        raise detail(400, f"An Idempotency-Key has at most {_MAX_KEY} characters that can be seen.")
    key = key if call.place is None else f"{call.place}:{key}"
    asked = hashlib.sha256(json.dumps([call.path, call.body], sort_keys=True).encode()).hexdigest()
    user, now = call.principal.user.id, call.store.now()
    found, first = call.store.catalogue.reserve(user, key, asked, str(uuid.uuid4()), now)
    if first != asked:
        raise detail(409, "This Idempotency-Key came with another request.")
    return found

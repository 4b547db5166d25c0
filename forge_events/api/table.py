# SPDX-License-Identifier: Apache-2.0
"""The table of resources: what each has, in AWX's words. Routes, filters, OPTIONS and the OpenAPI document read it."""

from __future__ import annotations

import dataclasses

from forge_events.api.kinds import BY, HEAD, NAMED, RUNS, flag, given, key, number, shown, time
from forge_events.api.resources import Field, Resource
from forge_events.api.table_accounts import CREDENTIAL_TYPE, INSTANCE, INSTANCE_GROUP, TOKEN, USER
from forge_events.api.table_objects import ENVIRONMENT, GROUP, HOST, INVENTORY, LABEL, ORGANIZATION, PROJECT

__all__ = ["RESOURCES"]

STATUSES = tuple(
    (word, word.capitalize())
    for word in ["new", "pending", "waiting", "running", "successful", "failed", "error", "canceled"]
)
_HOW = (
    "manual",
    "relaunch",
    "callback",
    "scheduled",
    "dependency",
    "workflow",
    "webhook",
    "eda",
    "sync",
    "scm",
    "recorded",
)
LAUNCH_TYPES = tuple((word, word.capitalize()) for word in _HOW)
JOB_TYPES = (("run", "Run"), ("check", "Check"))
VERBOSITIES = tuple(
    enumerate(("0 (Normal)", "1 (Verbose)", "2 (More Verbose)", "3 (Debug)", "4 (Connection Debug)", "5 (WinRM Debug)"))
)


JOB = Resource(
    "jobs",
    "job",
    "Job",
    (
        *NAMED[:-2],
        Field("name"),
        Field("description"),
        key("unified_job_template", "job_template"),
        Field("launch_type", "choice", choices=LAUNCH_TYPES),
        Field("status", "choice", choices=STATUSES),
        key("execution_environment", "execution_environment"),
        flag("failed"),
        time("started"),
        time("finished"),
        time("canceled_on"),
        Field("elapsed", "decimal"),
        Field("job_explanation"),
        Field("execution_node"),
        shown("controller_node"),
        shown("launched_by", "field"),
        shown("work_unit_id"),
        Field("job_type", "choice", choices=JOB_TYPES),
        key("inventory", "inventory"),
        key("project", "project"),
        Field("playbook"),
        shown("scm_branch"),
        number("forks"),
        Field("limit"),
        Field("verbosity", "choice", choices=VERBOSITIES),
        shown("extra_vars", "json"),
        shown("job_tags"),
        shown("force_handlers", "boolean"),
        shown("skip_tags"),
        shown("start_at_task"),
        Field("timeout", "integer"),
        shown("use_fact_cache", "boolean"),
        key("organization", "organization"),
        key("job_template", "job_template"),
        shown("passwords_needed_to_start", "field"),
        shown("allow_simultaneous", "boolean"),
        shown("artifacts", "json"),
        shown("scm_revision"),
        shown("instance_group", "id"),
        shown("diff_mode", "boolean"),
        shown("job_slice_number", "integer"),
        shown("job_slice_count", "integer"),
        shown("webhook_service", "choice"),
        shown("webhook_credential", "id"),
        shown("webhook_guid"),
        BY[0],
    ),
    order=("id",),
    many={"labels": "label", "job_host_summaries": "job_host_summary"},
    refused=frozenset({"start_args", "extra_vars", "job_args", "job_env", "survey_passwords"}),
)

JOB_EVENT = Resource(
    "job_events",
    "job_event",
    "JobEvent",
    (
        *HEAD,
        key("job", "job"),
        Field("event", "choice"),
        number("counter"),
        shown("event_display"),
        shown("event_data", "json"),
        shown("event_level", "integer"),
        flag("failed"),
        flag("changed"),
        Field("uuid"),
        Field("parent_uuid"),
        shown("host", "id"),
        Field("host_name"),
        Field("playbook"),
        Field("play"),
        Field("task"),
        Field("role"),
        Field("stdout"),
        number("start_line"),
        number("end_line"),
        number("verbosity"),
    ),
    searched=("stdout",),
    order=("start_line", "counter"),
    is_root=False,
)

JOB_HOST_SUMMARY = Resource(
    "job_host_summaries",
    "job_host_summary",
    "JobHostSummary",
    (
        *HEAD,
        key("job", "job"),
        shown("host", "id"),
        shown("constructed_host", "id"),
        Field("host_name"),
        *(number(name) for name in ("changed", "dark", "failures", "ok", "processed", "skipped")),
        flag("failed"),
        *(number(name) for name in ("ignored", "rescued")),
    ),
    searched=("host_name",),
    is_root=False,
)

_ASKS = ("scm_branch", "diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory",
         "credential", "execution_environment", "labels", "forks", "job_slice_count", "timeout",
         "instance_groups")  # fmt: skip
ASKS = tuple(f"ask_{name}_on_launch" for name in _ASKS)
"""What of a launch a template may leave to whoever launches it."""

PROMPTED = (
    Field("job_type", "choice", choices=JOB_TYPES, is_written=True, default="run"),
    key("inventory", "inventory", is_written=True),
    key("execution_environment", "execution_environment", is_written=True),
    Field("limit", is_written=True, default=""),
    number("forks", is_written=True, default=0, minimum=0, maximum=10_000),
    Field("verbosity", "choice", choices=VERBOSITIES, is_written=True, default=0),
    given("extra_vars", "json", default=""),
    given("job_tags", default=""),
    given("skip_tags", default=""),
    given("timeout", "integer", default=0, minimum=0, maximum=10**8),
    given("diff_mode", "boolean", default=False),
    given("scm_branch", default="", max_length=1024),
)
"""What a launch may be given, where its template asks for it."""

JOB_TEMPLATE = Resource(
    "job_templates",
    "job_template",
    "JobTemplate",
    (
        *NAMED,
        key("project", "project", is_written=True),
        Field("playbook", is_written=True, default="", max_length=1024),
        *PROMPTED,
        given("force_handlers", "boolean", default=False),
        given("start_at_task", default=""),
        given("use_fact_cache", "boolean", default=False),
        key("organization", "organization"),
        *RUNS,
        given("host_config_key", default="", max_length=1024),
        *(given(name, "boolean", default=False) for name in ASKS),
        given("survey_enabled", "boolean", default=False),
        given("become_enabled", "boolean", default=False),
        Field("allow_simultaneous", "boolean", is_written=True, default=False),
        shown("custom_virtualenv"),
        given("job_slice_count", "integer", default=1, minimum=0),
        given("webhook_service", "choice", choices=(("", ""), ("github", "GitHub"), ("gitlab", "GitLab")), default=""),
        shown("webhook_credential", "id"),
        given("prevent_instance_group_fallback", "boolean", default=False),
        *BY,
    ),
    order=("name",),
    many={"labels": "label", "jobs": "job"},
    refused=frozenset({"survey_spec", "extra_vars", "host_config_key", "webhook_key"}),
    natural="name",
)

SCHEDULE = Resource(
    "schedules",
    "schedule",
    "Schedule",
    (
        Field("rrule", is_written=True, is_required=True, is_blank=False),
        *NAMED,
        given("extra_data", "json", default=""),
        *(dataclasses.replace(field, is_column=False) for field in PROMPTED if field.name != "extra_vars"),
        key("unified_job_template", "job_template", is_written=True, is_required=True),
        Field("enabled", "boolean", is_written=True, default=True),
        *(shown(name, "datetime") for name in ("dtstart", "dtend")),
        time("next_run"),
        *(shown(name) for name in ("timezone", "until")),
    ),
    order=("id",),
)

RESOURCES: dict[str, Resource] = {
    each.type: each
    for each in (
        JOB,
        JOB_EVENT,
        JOB_HOST_SUMMARY,
        USER,
        TOKEN,
        JOB_TEMPLATE,
        INVENTORY,
        HOST,
        GROUP,
        PROJECT,
        LABEL,
        ENVIRONMENT,
        ORGANIZATION,
        INSTANCE,
        SCHEDULE,
        INSTANCE_GROUP,
        CREDENTIAL_TYPE,
    )
}
"""The resources by the type of their objects."""

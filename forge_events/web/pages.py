# SPDX-License-Identifier: Apache-2.0
"""The pages: jobs, one job, templates with their launch form, nodes, and what everything takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from starlette.responses import RedirectResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from forge_events import launching
from forge_events.errors import ForgeEventsError
from forge_events.situation import situation_of
from forge_events.web.data import Data
from forge_events.web.job_list import jobs_page
from forge_events.web.site import FOLDER, Site

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from forge_events.api.calls import House
    from forge_events.jobs import Job
    from forge_events.templates import JobTemplate
    from forge_events.web.site import Visit

__all__ = ["routes"]

_LEASE = 300.0
_TASKS_SHOWN, _HOSTS_SHOWN = 200, 200
_LISTS = frozenset({"inventory", "tags", "skip_tags", "extra_vars_files"})
_NUMBERS = frozenset({"forks", "verbosity", "timeout", "host_count"})
_SWITCHES = frozenset({"check", "diff"})


def routes(house: House) -> list[BaseRoute]:
    """Return the routes of all pages, and of what they are made of."""
    pages = _Pages(Site(house))
    site = pages.site
    return [
        site.looks("/", lambda _: RedirectResponse("/jobs/", 303)),
        site.looks("/jobs/", lambda visit: jobs_page(site, visit)),
        site.looks("/jobs/{job_id:int}/", pages.job),
        site.looks("/jobs/{job_id:int}/head", pages.head),
        site.changes("/jobs/{job_id:int}/cancel/", pages.cancel),
        site.changes("/jobs/{job_id:int}/relaunch/", pages.relaunch),
        site.looks("/templates/", pages.templates),
        site.looks("/templates/{template_id:int}/", pages.template),
        site.changes("/templates/{template_id:int}/", pages.launch),
        site.looks("/nodes/", pages.nodes),
        site.looks("/usage/", pages.usage),
        *Data(site).routes(),
        Mount("/static", StaticFiles(directory=FOLDER / "static"), name="static"),
    ]


class _Pages:
    """Answers visits with pages."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def job(self, visit: Visit) -> Response:
        """Show one job: its head, its tasks, and where its output is."""
        job = visit.job()
        tasks = visit.store.tasks(job.id)
        return self.site.page(
            visit,
            "job.html",
            **_head(visit, job),
            tasks=tasks[:_TASKS_SHOWN],
            task_count=len(tasks),
            view="output" if visit.asked("view") == "output" else "tasks",
        )

    def head(self, visit: Visit) -> Response:
        """Show the head alone, for a page that is there already."""
        return self.site.page(visit, "head.html", **_head(visit, visit.job()))

    def cancel(self, visit: Visit) -> Response:
        """Ask to cancel a job."""
        job = visit.job()
        launching.cancel(visit.store, job, by=visit.principal.user.username)
        return RedirectResponse(f"/jobs/{job.id}/", 303)

    def relaunch(self, visit: Visit) -> Response:
        """Do again what a job did, for all its hosts or for those that failed."""
        made = launching.relaunch(
            visit.store,
            visit.job(),
            failed_hosts=visit.form.get("hosts") == ["failed"],
            by=visit.principal.user.username,
            counts_hosts=visit.house.counts_hosts,
        )
        return RedirectResponse(f"/jobs/{made.id}/", 303)

    def templates(self, visit: Visit) -> Response:
        """Show all templates."""
        return self.site.page(visit, "templates.html", templates=visit.store.templates.all())

    def template(self, visit: Visit) -> Response:
        """Show a template, and a form for what it leaves to whoever launches it."""
        return self._form(visit, _template_of(visit))

    def launch(self, visit: Visit) -> Response:
        """Launch a template with what the form says."""
        template = _template_of(visit)
        try:
            fields = _fields(template, visit.form)
            made = launching.launch_template(
                visit.store,
                template.name,
                by=visit.principal.user.username,
                counts_hosts=visit.house.counts_hosts,
                **fields,
            )
        except (ForgeEventsError, ValueError) as error:
            return self._form(visit, template, trouble=str(error))
        return RedirectResponse(f"/jobs/{made.id}/", 303)

    def _form(self, visit: Visit, template: JobTemplate, trouble: str = "") -> Response:
        status = 400 if trouble else 200
        given = {name: values[-1] for name, values in visit.form.items()} if trouble else None
        return self.site.page(
            visit,
            "template.html",
            status=status,
            template=template,
            trouble=trouble,
            fields=[_field(template, name, given) for name in template.ask],
        )

    def nodes(self, visit: Visit) -> Response:
        """Show the nodes and what their jobs take."""
        now, lost = visit.store.now(), visit.house.lost_after
        nodes = visit.store.nodes.all()
        states = {node.hostname: (node.state(now, lost), node.explanation(now, lost)) for node in nodes}
        return self.site.page(visit, "nodes.html", nodes=nodes, states=states)

    def usage(self, visit: Visit) -> Response:
        """Show what the store takes."""
        return self.site.page(visit, "usage.html", usage=visit.store.usage(visit.store.now()))


def _head(visit: Visit, job: Job) -> dict[str, Any]:
    store, now = visit.store, visit.store.now()
    hosts = store.host_summaries(job.id)
    names = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored")
    began = job.started or job.created
    return {
        "job": job,
        "hosts": hosts[:_HOSTS_SHOWN],
        "host_count": len(hosts),
        "failed_host_count": sum(host.failed for host in hosts),
        "counts": {name: sum(int(getattr(host, name)) for host in hosts) for name in names},
        "why": situation_of(store, job, now, lost_after=visit.house.lost_after, lease=_LEASE),
        "seconds": max(0.0, ((job.finished or now) - began).total_seconds()),
        "line_count": store.lines.count(job.id),
        "template": _template_named(visit, job),
    }


def _template_named(visit: Visit, job: Job) -> JobTemplate | None:
    if job.job_template_id is None:
        return None
    return next((found for found in visit.store.templates.all() if found.id == job.job_template_id), None)


def _template_of(visit: Visit) -> JobTemplate:
    wanted = visit.request.path_params["template_id"]
    found = next((template for template in visit.store.templates.all() if template.id == wanted), None)
    return found or visit.store.templates.get(f"template {wanted}")  # which says that there is none


def _field(template: JobTemplate, name: str, given: dict[str, str] | None) -> dict[str, Any]:
    value = getattr(template.launch, name)
    if name == "extra_vars":
        shown = ""  # what the template holds may be secret, and is added to anyway
    elif name in _LISTS:
        shown = ", ".join(value)
    else:
        shown = "" if value is None else str(value)
    kind = "switch" if name in _SWITCHES else "number" if name in _NUMBERS else "text"
    kind = "variables" if name == "extra_vars" else kind
    is_on = bool(value) if given is None else name in given
    return {"name": name, "kind": kind, "value": shown if given is None else given.get(name, ""), "is_on": is_on}


def _fields(template: JobTemplate, form: dict[str, list[str]]) -> dict[str, Any]:
    """Return the fields that a form gives another value than the template has."""
    fields: dict[str, Any] = {}
    for name in template.ask:
        text = form.get(name, [""])[-1].strip()
        before = getattr(template.launch, name)
        value: Any = text or None
        if name in _SWITCHES:
            value = name in form
        elif name == "extra_vars":
            if not text:
                continue
            value = _variables(text)
        elif name in _LISTS:
            value = [part.strip() for part in text.split(",") if part.strip()] if name != "inventory" else [text]
            value = value if text else []
        elif name in _NUMBERS:
            value = (
                float(text)
                if name == "timeout" and text
                else int(text)
                if text
                else (0 if name == "verbosity" else None)
            )
        if value != before:
            fields[name] = value
    return fields


def _variables(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        raise ValueError("extra variables are neither JSON nor YAML") from None
    if not isinstance(found, dict):
        raise ValueError("extra variables are names with values")  # noqa: TRY004 - it is a form's value
    return found

# SPDX-License-Identifier: Apache-2.0
"""Launch jobs, cancel them and wait for them. They are run by whatever dispatcher works on the same store."""

from __future__ import annotations

import os
import time
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from forge_events import courier, settings
from forge_events.arguments import command_of
from forge_events.errors import InvalidLaunch, NotInTime, NotLaunched, NotRelaunchable
from forge_events.inventories import read_inventory
from forge_events.jobs import NewJob
from forge_events.launches import Launch, impact_of
from forge_events.store.records import Queued
from forge_events.user import login_user

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping, Sequence

    from forge_events.jobs import Job
    from forge_events.store import Store
    from forge_events.templates import JobTemplate
    from forge_events.workflows.run import Run

__all__ = ["cancel", "launch", "launch_template", "placed", "prepared", "relaunch", "wait", "wait_for"]

Awaited = TypeVar("Awaited", "Job", "Run")

_PAUSE = 0.5


def launch(  # noqa: PLR0913 - the facts of one launch
    store: Store,
    what: Launch,
    *,
    template: JobTemplate | None = None,
    name: str | None = None,
    after: Sequence[int] = (),
    by: str = "",
    counts_hosts: bool = True,
    launch_type: str = "manual",
    job_uuid: str | None = None,
) -> Job:
    """Queue a job and return it, pending.

    :param what: paths in it are understood as :func:`placed` says.
    :param template: the template that it comes from; one that allows no simultaneous jobs has a queue of its own.
    :param name: what to call the job; the template's name, or the playbook's file name, where none is given.
    :param after: ids of jobs that must be successful before.
    :param by: who launches it; the user of this process where nobody is named.
    :param counts_hosts: see :func:`forge_events.launches.impact_of`.
    :param launch_type: AWX's word for how it came to it.
    :param job_uuid: the job's uuid; where there is such a job, that one is returned as it is.
    :raises UnknownJob: a job of ``after`` does not exist. InvalidLaunch: one has ended without success.
    """
    facts = {"name": name, "launch_type": launch_type, "uuid": job_uuid, "run_by": by}
    known = {fact: value for fact, value in facts.items() if value}
    queued = prepared(store, what, store.now(), template=template, counts_hosts=counts_hosts, **known)
    made = store.queue.add(
        queued.job,
        queued.launch,
        queue=queued.queue,
        after=after,
        at=queued.job.created,
        by=queued.job.run_by or "",
    )
    courier.tell(courier.courier_of(settings.broker_url()), made)
    return made


def prepared(
    store: Store,
    what: Launch,
    at: datetime.datetime,
    *,
    template: JobTemplate | None = None,
    counts_hosts: bool = True,
    **facts: Any,
) -> Queued:
    """Return the job of a launch as it is queued.

    :param facts: what else is known of the job, in place of what usually is.
    :raises InvalidLaunch: the inventory of the store that it takes cannot be used.
    """
    what = _with_hosts(store, placed(what))
    usual = {
        "uuid": str(uuid.uuid4()),
        "name": template.name if template else Path(what.playbook).name,
        "launch_type": "manual",
        "command": command_of(what),
        "directory": what.project,
        "job_template_id": template.id if template else None,
        "impact": impact_of(what, counts_hosts=counts_hosts),
        "run_by": login_user(os.environ),
        "check_mode": what.check,
        "created": at,
    }
    return Queued(
        NewJob(**{**usual, **facts}), what, template.id if template and not template.allow_simultaneous else 0
    )


def launch_template(
    store: Store,
    template_name: str,
    *,
    after: Sequence[int] = (),
    by: str = "",
    counts_hosts: bool = True,
    **fields: Any,
) -> Job:
    """Queue a job of a template and return it, pending.

    :param template_name: the template's name, or its id.
    :param fields: fields of the launch that the template leaves to whoever launches it.
    :raises UnknownTemplate: there is no such template. FieldNotAsked: it does not leave a field to others.
    :raises UnknownJob: a job of ``after`` does not exist. InvalidLaunch: one has ended without success.
    """
    template = store.templates.get(template_name)
    what = template.launched(**fields)
    return launch(store, what, template=template, after=after, by=by, counts_hosts=counts_hosts)


def relaunch(
    store: Store,
    job: Job,
    *,
    failed_hosts: bool = False,
    by: str = "",
    counts_hosts: bool = True,
    job_uuid: str | None = None,
) -> Job:
    """Queue a job that does again what another one did, and return it, pending.

    It belongs to the other one's template where that is still there.

    :param failed_hosts: only for the hosts that failed or were unreachable; they take the place of the limit.
    :param job_uuid: as in :func:`launch`.
    :raises NotLaunched: the job was only recorded. NotRelaunchable: it has not ended, or no host failed.
    """
    what = _launch_of(store, job)
    if failed_hosts:
        what = what.changed(limit=None, limit_hosts=_failed_hosts(store, job))
    template = next((found for found in store.templates.all() if found.id == job.job_template_id), None)
    return launch(
        store,
        what,
        template=template,
        name=job.name,
        by=by,
        counts_hosts=counts_hosts,
        launch_type="relaunch",
        job_uuid=job_uuid,
    )


def cancel(store: Store, job: Job, *, by: str = "") -> Job:
    """Ask to cancel a job, and return what is known of it then: one that runs takes a moment to end.

    A job that has ended stays as it is.

    :raises NotLaunched: it was only recorded.
    """
    asked = store.queue.request_cancel(job, store.now(), by or login_user(os.environ))
    courier.tell(courier.courier_of(settings.broker_url()), asked)
    return asked


def wait(
    store: Store,
    job: Job,
    *,
    timeout: float | None = None,
    refresh: Callable[[], object] = lambda: None,
    pause: Callable[[], object] = lambda: time.sleep(_PAUSE),
) -> Job:
    """Wait until a job has ended, and return it.

    :param timeout: seconds to wait at most, about; None waits for ever.
    :param refresh: called before each look, to bring what is spooled into the store.
    :param pause: called between two looks, to wait a moment.
    :raises NotInTime: it has not ended in that time; it goes on.
    """
    return wait_for(lambda: store.job(str(job.id)), timeout=timeout, refresh=refresh, pause=pause)


def wait_for(
    look: Callable[[], Awaited],
    *,
    timeout: float | None = None,
    refresh: Callable[[], object] = lambda: None,
    pause: Callable[[], object] = lambda: time.sleep(_PAUSE),
) -> Awaited:
    """Look at what runs until it has ended, and return it as it is then; the rest is as for :func:`wait`."""
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        refresh()
        found = look()
        if found.status.is_final:
            return found
        if until is not None and time.monotonic() >= until:
            raise NotInTime(found.id, found.status)
        pause()


def _with_hosts(store: Store, what: Launch) -> Launch:
    """Return a launch with what is now in the inventory of the store that it takes."""
    if what.inventory_id is None:
        return what
    content, host_count = read_inventory(store, what.inventory_id)
    return what.changed(inventory_content=content, host_count=host_count)


def edited(known: Launch, given: Mapping[str, Any]) -> Launch:
    """Return a launch with other fields. Unlike at a launch, other variables take the place of those there.

    :raises InvalidLaunch: a field has a value that cannot be.
    """
    fields = known.model_dump()
    if given.keys() & {"extra_vars", "extra_vars_files"}:
        fields |= {"extra_vars": {}, "extra_vars_files": []}
    if "project" in given and not given["project"]:  # then it is the folder that the playbook is in now
        fields["playbook"] = str(Path(known.project or "", known.playbook))
    return placed(Launch.of(**{**fields, **given}))


def placed(what: Launch, folder: Path | None = None) -> Launch:
    """Return a launch that means the same in whatever folder it is read: its paths are absolute.

    The project is the folder where one is, as for ``ansible-playbook``, unless the launch names another one. A playbook
    is relative to the project, and stays so inside it. Inventories and files of variables are looked for in ``folder``
    first; those that are not there are the project's.

    :param folder: the folder that paths are relative to; the working directory where none is given.
    :raises InvalidLaunch: a container, which is given the project's folder, would be given all of the machine.
    """
    folder = folder or _here()
    project = _absolute(what.project or "", folder)
    if what.execution_environment is not None and project == Path("/"):
        raise InvalidLaunch("project", "the container would be given all of /; --project names a smaller folder")
    # What is placed has to stay where it is, so a project's playbook is never looked for elsewhere.
    playbook = _absolute(what.playbook, project)
    place = partial(_place, folder=folder, project=project)
    return what.changed(
        project=str(project),
        playbook=str(playbook.relative_to(project) if playbook.is_relative_to(project) else playbook),
        inventory=[_place_source(source, place) for source in what.inventory],
        extra_vars_files=[place(path) for path in what.extra_vars_files],
    )


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise InvalidLaunch("project", f"there is no working directory: {error.strerror}") from error


def _place_source(source: str, place: Callable[[str], str]) -> str:
    """Return where an inventory is; with a comma in it, it is a list of hosts if there is no such file."""
    placed_source = place(source)
    return source if "," in source and not os.path.lexists(placed_source) else placed_source


def _place(path: str, *, folder: Path, project: Path) -> str:
    near = _absolute(path, folder)
    # Path.exists() fails where a folder may not be looked into.
    return str(near if os.path.exists(near) else _absolute(path, project))  # noqa: PTH110


def _absolute(path: str, folder: Path) -> Path:
    # Not resolve(): links are followed where the job runs, and may lead elsewhere then.
    return Path(os.path.normpath(folder / os.path.expanduser(path)))  # noqa: PTH111 - Path's own fails without a home


def _launch_of(store: Store, job: Job) -> Launch:
    what = store.queue.launch_of(job.id)
    if what is None:
        raise NotLaunched(job.id)
    status = store.job(str(job.id)).status
    if not status.is_final:
        raise NotRelaunchable(job.id, f"it is still {status}")
    return what


def _failed_hosts(store: Store, job: Job) -> list[str]:
    failed = [summary.host_name for summary in store.host_summaries(job.id) if summary.failed]
    if not failed:
        raise NotRelaunchable(job.id, "no host failed")
    return failed

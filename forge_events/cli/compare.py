# SPDX-License-Identifier: Apache-2.0
"""``compare``, ``flapping`` and ``slowest``: what is asked of several runs at once."""

from __future__ import annotations

import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_events.cli.arguments import LARGEST, Json
from forge_events.cli.screen import counted, local_time, seconds, write_json, write_line
from forge_events.cli.session import reading
from forge_events.cli.times import WHEN, a_time
from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from forge_events.comparison import Comparison, Difference
    from forge_events.jobs import Job
    from forge_events.store import Store
    from forge_events.store.insight import Cost, Runs, Steadiness

__all__ = ["add_to"]

_MOST_HOSTS = 8
_BAR = 16
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SECTIONS = {
    "failed": ("failed now and not then", "red"),
    "healed": ("failed then and not now", "green"),
    "new": ("new", ""),
    "gone": ("gone", ""),
    "changed": ("changed something now and not then", "yellow"),
    "slower": ("slower", "magenta"),
    "faster": ("faster", "cyan"),
}

_Template = Annotated[str | None, typer.Option("--template", metavar="T", help="The runs of this job template.")]
_Playbook = Annotated[
    str | None,
    typer.Option("--playbook", metavar="P", help="The runs of this name, which is the playbook's file name."),
]
_RunCount = Annotated[int, typer.Option("--runs", min=1, max=500, metavar="N", help="Look at so many runs.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("compare")(compare)
    app.command("flapping")(flapping)
    app.command("slowest")(slowest)


def compare(  # noqa: PLR0913 - an option for each way to say what is compared
    a: Annotated[str | None, typer.Argument(metavar="A", help="The earlier job; the last good run otherwise.")] = None,
    b: Annotated[str | None, typer.Argument(metavar="B", help="The later job; the latest otherwise.")] = None,
    *,
    template: _Template = None,
    playbook: _Playbook = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="H", help="Compare what came of this host alone.")
    ] = None,
    runs: _RunCount = 5,
    as_json: Json = False,
) -> None:
    """Say what is different in the later of two jobs. Or in one job since its last good run."""
    if a is not None and (template is not None or playbook is not None):
        raise typer.BadParameter("goes not with jobs", param_hint="--template" if template else "--playbook")
    with reading() as session:
        now = _later(session.store, b or a, template, playbook, host)
        then = session.store.job(a) if a is not None and b is not None else _last_good(session.store, now, host)
        found = session.store.insight.compare(then, now, host=host, run_count=runs)
    if as_json:
        write_json({"then": then.id, "now": now.id, "host": host, **_as_object(found)})
    else:
        _write_comparison(then, now, found)


def flapping(
    job: Annotated[str, typer.Argument(metavar="JOB", help="One of the runs; latest by default.")] = "latest",
    *,
    template: _Template = None,
    playbook: _Playbook = None,
    runs: _RunCount = 20,
    as_json: Json = False,
) -> None:
    """Find tasks that never settle. Those that change something in every run, and those that fail now and then."""
    from forge_events.store.insight import Runs

    with reading() as session:
        store = session.store
        which = _runs(store, template, playbook) or Runs.like(store.job(job))
        ids = [found.id for found in store.insight.last(which, limit=runs)]
        tasks = store.insight.steadiness(ids)
    never, now_and_then = [t for t in tasks if t.is_never_settled], [t for t in tasks if t.is_flapping]
    if as_json:
        found = {"always_changed": [t._asdict() for t in never], "flapping": [t._asdict() for t in now_and_then]}
        write_json({"jobs": ids, **found})
        return
    write_line(f"{counted(len(ids), 'run')}" + (f", jobs {ids[-1]} to {ids[0]}" if ids else ""), "bold")
    _write_tasks("changed something in every run", "yellow", never, lambda t: f"{t.changed_count} of {t.done_count}")
    _write_tasks("failed now and then", "red", now_and_then, _failed_in)
    if not never and not now_and_then:
        write_line("every task settles, and none fails now and then")


def slowest(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job; latest by default.")] = "latest",
    *,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help=f"All jobs since then, up to 500: {WHEN}.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=LARGEST, metavar="N", help="At most so many.")] = 10,
    as_json: Json = False,
) -> None:
    """Say which tasks, roles and hosts took the most time. With their shares."""
    with reading() as session:
        insight = session.store.insight
        start = a_time(since, session.store.now(), "--since")
        ids = [session.store.job(job).id] if start is None else insight.since(start)
        costs = {of: insight.costs(ids, of) for of in ("tasks", "roles", "hosts")}
    if as_json:
        write_json({"jobs": ids, **{of: _shares(found)[:limit] for of, found in costs.items()}})
        return
    write_line(f"job {ids[0]}" if len(ids) == 1 else counted(len(ids), "job"), "bold")
    for of, found in costs.items():
        _write_costs(of, found, limit)


def _later(store: Store, job: str | None, template: str | None, playbook: str | None, host: str | None) -> Job:
    """Return the job that is compared: the one that is named, or the newest of some runs."""
    from forge_events.errors import UnknownJob
    from forge_events.store.insight import Runs

    if job is not None:
        return store.job(job)
    which = _runs(store, template, playbook) or Runs()
    found = store.insight.newest(which._replace(host=host))
    if found is None:
        raise UnknownJob(playbook or template or host or "latest")
    return found


def _runs(store: Store, template: str | None, playbook: str | None) -> Runs | None:
    from forge_events.store.insight import Runs

    if template is not None:
        return Runs(template_id=store.templates.get(template).id)
    return Runs(name=playbook) if playbook is not None else None


def _last_good(store: Store, now: Job, host: str | None) -> Job:
    from forge_events.errors import NoGoodRun
    from forge_events.store.insight import Runs

    found = store.insight.good_before(now.id, Runs.like(now, host))
    if not found:
        raise NoGoodRun(now.id, host)
    return found[0]


def _as_object(found: Comparison) -> dict[str, Any]:
    differences = {
        name: [{**each._asdict(), "task": each.task._asdict()} for each in getattr(found, name)] for name in _SECTIONS
    }
    return {**differences, "hosts": [host._asdict() for host in found.hosts]}


def _write_comparison(then: Job, now: Job, found: Comparison) -> None:
    for word, job in (("then", then), ("now", now)):
        line = f"{word:<5} job {job.id} {job.name} {job.status} {local_time(job.started)} {seconds(job.elapsed)}"
        write_line(printable(line.rstrip()), "bold")
    for name, (title, style) in _SECTIONS.items():
        differences = getattr(found, name)
        if differences:
            write_line(f"\n{title} ({len(differences)})", style)
            for each in differences:
                write_line(printable(f"  {_told(each)}"))
    if found.hosts:
        write_line("\nhosts", "bold")
        for host in found.hosts:
            write_line(printable(f"  {host.host}: {host.then} -> {host.now}"))
    if not any(found):
        write_line("nothing is different")


def _told(found: Difference) -> str:
    name = _task(found.task.role, found.task.name or found.task.action, found.path)
    if found.then is not None and found.now is not None:
        growth = found.now - found.then
        sign = "+" if growth > 0 else "-"
        return f"{name}  {seconds(found.then)} -> {seconds(found.now)} ({sign}{seconds(abs(growth))})"
    more = len(found.hosts) - _MOST_HOSTS
    hosts = ", ".join([*found.hosts[:_MOST_HOSTS], *([f"and {more:,} more"] if more > 0 else [])])
    return f"{name}: {hosts}" if hosts else name


def _task(role: str, name: str, path: str) -> str:
    place = PurePath(path).name
    is_told = not role or name.startswith(f"{role} :")
    return (name if is_told else f"{role} : {name}") + (f" ({place})" if place else "")


def _write_tasks(title: str, style: str, tasks: Sequence[Steadiness], count: Callable[[Steadiness], str]) -> None:
    if tasks:
        write_line(f"\n{title} ({len(tasks)})", style)
    for task in tasks:
        write_line(printable(f"  {_task(task.role, task.name or task.action, task.path)}: {count(task)}"))


def _failed_in(task: Steadiness) -> str:
    return f"{task.failed_count} of {task.done_count}, last in job {task.last_failed}"


def _shares(found: Sequence[Cost]) -> list[dict[str, Any]]:
    total = sum(cost.seconds for cost in found)
    return [{**cost._asdict(), "share": cost.seconds / total if total else 0.0} for cost in found]


def _write_costs(of: str, found: Sequence[Cost], limit: int) -> None:
    shares = _shares(found)
    if not any(cost.seconds for cost in found) or (of == "roles" and len(found) < 2):
        return
    write_line(f"\n{of}", "bold")
    for cost, share in list(zip(found, (each["share"] for each in shares), strict=True))[:limit]:
        name = (cost.name or "no role") if of != "tasks" else _task(cost.role, cost.name, cost.path)
        times = f"  {cost.times} times, at most {seconds(cost.longest)}" if of == "tasks" and cost.times > 1 else ""
        write_line(printable(f"  {_bar(share)} {share:>4.0%} {seconds(cost.seconds):>12}  {name}{times}"))
    if len(found) > limit:
        rest = sum(cost.seconds for cost in found[limit:])
        write_line(f"  {'':{_BAR}} {'':>4} {seconds(rest):>12}  in {len(found) - limit:,} more")


def _bar(share: float) -> str:
    """Return a bar of eighths of a character, or of number signs where those cannot be written."""
    eighths = round(min(1.0, share) * _BAR * 8)
    if "utf" not in (sys.stdout.encoding or "").lower():
        return f"{'#' * round(eighths / 8):<{_BAR}}"
    whole, rest = divmod(eighths, 8)
    return f"{'█' * whole + (_EIGHTHS[rest] if rest else ''):<{_BAR}}"

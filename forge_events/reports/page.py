# SPDX-License-Identifier: Apache-2.0
"""A job as one page that needs nothing else: why it failed, its tree, its output, and a search through both.

Nothing of the job is ever part of a script or a style; the page forbids the browser whatever is not in it.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

from forge_events.durations import lasted
from forge_events.events import EventFilter
from forge_events.output import to_html_lines
from forge_events.tree import grow, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from forge_events.failures import Cause
    from forge_events.reports.report import Facts
    from forge_events.store import Store
    from forge_events.tree import TreeEvent, TreeNode

__all__ = ["pieces"]

_STYLE = """
:root { color-scheme: light dark; --bad: #b3261e; --change: #8a5a00; --good: #1b6e37; --dim: #666; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --change: #ffc75f; --good: #7ddc9a; --dim: #9a9a9a; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
pre, details, .place { font-family: ui-monospace, monospace; font-size: 13px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .75rem; border-radius: .4rem; }
pre.output { color: #d9d9d9; background: #0c0c0c; } pre.message { border-left: 3px solid var(--bad); }
details details, details p { margin: 0 0 0 1.25rem; } summary { cursor: pointer; }
table { border-collapse: collapse; } th, td { padding: .15rem .75rem .15rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.failed { color: var(--bad); } .changed { color: var(--change); } .ok { color: var(--good); }
.dim { color: var(--dim); }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .4rem .6rem; }
.hidden { display: none; }
"""

_SCRIPT = """
const box = document.getElementById('search'), count = document.getElementById('count');
const lines = [...document.querySelectorAll('pre.output > span')];
const nodes = [...document.querySelectorAll('#tree details, #tree p')];
const has = (text, sought) => text.toLowerCase().includes(sought);
box.addEventListener('input', () => {
  const sought = box.value.toLowerCase();
  let found = 0;
  for (const line of lines) {
    const is_found = has(line.textContent, sought);
    line.classList.toggle('hidden', !is_found);
    found += is_found;
  }
  for (const node of nodes) {
    const is_found = has(node.textContent, sought);
    node.classList.toggle('hidden', !is_found);
    if (sought && is_found && node.tagName === 'DETAILS') node.open = true;
  }
  count.textContent = sought ? found + ' lines' : '';
});
"""

_DIGEST = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
)
_COUNTS = ("ok", "changed", "dark", "failures", "skipped", "rescued", "ignored")
_CONTAINERS = ("playbook_on_start", "playbook_on_play_start", "playbook_on_task_start")


def pieces(store: Store, facts: Facts) -> Iterator[str]:
    """Yield the page."""
    title = _text(f"{facts.job.name} {facts.job.status}")
    yield f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n"
    yield from _head(facts)
    yield from _causes(facts.causes)
    yield from _hosts(facts)
    yield '<p><label>Search <input id="search" type="search"></label>\n'
    yield '<span id="count" class="dim" role="status"></span></p>\n'
    yield '<h2>Tree</h2>\n<div id="tree">\n'
    yield from _tree(grow(store.events(facts.job.id, EventFilter())))
    yield '</div>\n<h2>Output</h2>\n<pre class="output">'
    yield from (f"<span>{line}\n</span>" for line in to_html_lines(store.stdout(facts.job.id)))
    yield f"</pre>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"


def _head(facts: Facts) -> Iterator[str]:
    job = facts.job
    took = f" after {lasted(job.elapsed)}" if job.elapsed is not None else ""
    style = "failed" if facts.is_bad else "ok"
    yield f'<h1>{_text(job.name)} <span class="{style}">{job.status}{took}</span></h1>\n'
    about = [
        f"job {job.id}",
        f"{job.started or job.created:%Y-%m-%d %H:%M:%S} UTC",
        job.controller or "",
        job.run_by or "",
    ]
    yield f'<p class="dim">{_text(" · ".join(part for part in about if part))}</p>\n'
    if job.job_explanation:
        yield f"<p>{_text(job.job_explanation)}</p>\n"


def _causes(why: Sequence[Cause]) -> Iterator[str]:
    for cause in why:
        yield f'<h2 class="failed">{_text(cause.task or cause.action)} {cause.outcome}</h2>\n'
        yield f'<p class="place">{_text(cause.path)}</p>\n<p>{_text(", ".join(cause.hosts))}</p>\n'
        yield f'<pre class="message">{_lines(cause.message or "(no message)")}</pre>\n'
        if cause.detail.kind:
            yield f'<p class="dim">{cause.detail.kind}</p>\n<pre class="message">{_lines(cause.detail.text)}</pre>\n'


def _hosts(facts: Facts) -> Iterator[str]:
    if not facts.hosts:
        return
    names = "".join(f"<th>{name}</th>" for name in ("host", "ok", "changed", "unreachable", *_COUNTS[3:]))
    yield f"<h2>Hosts</h2>\n<table>\n<tr>{names}</tr>\n"
    for host in facts.hosts:
        counts = "".join(f"<td>{getattr(host, count)}</td>" for count in _COUNTS)
        style = "failed" if host.failed else "changed" if host.changed else "ok"
        yield f'<tr><td class="{style}">{_text(host.host_name)}</td>{counts}</tr>\n'
    yield "</table>\n"


def _tree(nodes: Sequence[TreeNode]) -> Iterator[str]:
    for node in nodes:
        event = node.event
        label = f'<span class="{_style(event)}">{_label(event)}</span>'
        if not node.children:
            yield f"<p>{label}</p>\n"
            continue
        is_open = " open" if event.failed or event.event != _CONTAINERS[-1] else ""
        yield f"<details{is_open}><summary>{label}</summary>\n"
        yield from _tree(node.children)
        yield "</details>\n"


def _label(event: TreeEvent) -> str:
    """Return what people call an event: its play or task, or its host with what came of it."""
    kind, _, name = event.label.partition("-")
    took = f' <span class="dim">{lasted(event.duration)}</span>' if event.duration else ""
    shown = name or kind if event.event in _CONTAINERS else event.label
    return _text(shown) + took


def _style(event: TreeEvent) -> str:
    if event.failed:
        return "dim" if event.is_tolerated else "failed"
    return "changed" if event.changed else "dim" if "skipped" in event.event else "ok"


def _text(text: str) -> str:
    return escape(printable(text))


def _lines(text: str) -> str:
    return "\n".join(map(_text, text.splitlines()))

// SPDX-License-Identifier: Apache-2.0
// The page of one job: its head, its tasks and its output, narrowed by what stands in the URL, while it runs and after.

import { html, nothing, render } from "../vendor/lit-html-3.3.3.js";
import { keys } from "./keys.js";
import { Output } from "./output.js";
import { Search } from "./search.js";
import { ask, calmly, listen } from "./socket.js";
import { Tasks } from "./tasks.js";

const FILTERS = ["host", "outcome", "task", "text"];
const OUTCOMES = ["ok", "changed", "failed", "skipped", "unreachable", "running"];
const find = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const job = Number(document.body.dataset.job);
const state = { view: "tasks", isFinal: "final" in document.body.dataset, status: document.body.dataset.status, since: 0, hits: "", isFolded: false };
const announce = (text) => { find("announcer").textContent = text; };
const tasks = new Tasks(find("tasks"), job);
const output = new Output(find("output"), job, !state.isFinal);
const search = new Search(job, (line) => { setView("output"); output.showHit(line); }, (text) => { state.hits = text; drawTools(); });
output.changed = () => drawTools();

function filterOf() {
  const given = new URLSearchParams(location.search);
  return Object.fromEntries(FILTERS.map((name) => [name, given.get(name) || ""]));
}

function setFilter(name, value) {
  const given = new URLSearchParams(location.search);
  if (value) given.set(name, value); else given.delete(name);
  history.replaceState(null, "", `?${given}${location.hash}`);
  state.since = 0;
  drawTools();
  refresh();
}

function setView(view, isKept = true) {
  state.view = view;
  find("tasks").hidden = view !== "tasks";
  find("output").hidden = view !== "output";
  for (const tab of document.querySelectorAll("[data-view]")) {
    if (/** @type {HTMLElement} */ (tab).dataset.view === view) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
  }
  if (isKept) {
    const given = new URLSearchParams(location.search);
    given.set("view", view);
    history.replaceState(null, "", `?${given}${location.hash}`);
  }
  if (view === "output") { output.appear(); narrowOutput(); } else output.disappear();
  drawTools();
}

/** Bring everything up to date: the tasks that have changed, how many lines there are, and the head. */
const refresh = calmly(async () => {
  const filter = filterOf(), isAll = state.since === 0;
  const found = await ask(`/jobs/${job}/tasks.json`, { since: isAll ? "" : state.since, host: filter.host });
  const hasEnded = found.is_final && !state.isFinal, isOther = found.status !== state.status || found.event_count !== state.since;
  state.since = Math.max(1, found.event_count);
  state.status = found.status;
  state.isFinal = found.is_final;
  tasks.isRunning = !found.is_final;
  if (isAll) tasks.narrow(filter);
  tasks.take(found.tasks, isAll);
  output.setHeads(filter.host ? [] : tasks.all);
  output.grow(found.line_count, !found.is_final);
  find("task-count").textContent = tasks.byCounter.size.toLocaleString();
  find("line-count").textContent = found.line_count.toLocaleString();
  if (isOther && !isAll) refreshHead();
  if (isOther || isAll) narrowOutput();
  if (hasEnded) { announce(`The job has ended: ${found.status}.`); state.since = 0; refresh(); }
});

const refreshHead = calmly(async () => {
  const answer = await fetch(`/jobs/${job}/head`);
  if (!answer.ok) return;
  const head = find("head"), isOpen = head.querySelector("details")?.open, focused = document.activeElement;
  if (focused && head.contains(focused) && focused.closest(".actions")) return; // nothing moves away under a finger
  head.innerHTML = await answer.text();
  if (isOpen) head.querySelector("details")?.setAttribute("open", "");
  window.forgeEvents.tellTimes(head);
}, 900);

let narrowedBy = "";
const narrowOutput = calmly(async () => {
  const filter = filterOf(), isWanted = FILTERS.some((name) => filter[name]);
  const key = isWanted ? JSON.stringify([filter, state.since]) : "";
  if (state.view !== "output" || key === narrowedBy) return;
  narrowedBy = key;
  if (!isWanted) { output.narrow(null); return; }
  const outcome = filter.outcome === "running" ? "" : filter.outcome;
  output.narrow((await ask(`/jobs/${job}/spans.json`, { ...filter, outcome })).spans);
}, 400);

function drawTools() {
  const filter = filterOf(), isOutput = state.view === "output";
  render(html`
    <input class="host" aria-label="Only this host" placeholder="Host" .value=${filter.host} @change=${(event) => setFilter("host", event.target.value.trim())}>
    <select aria-label="Only this outcome" @change=${(event) => setFilter("outcome", event.target.value)}>
      <option value="" ?selected=${!filter.outcome}>Any outcome</option>${OUTCOMES.map((name) => html`<option ?selected=${filter.outcome === name}>${name}</option>`)}</select>
    <input class="taskname" aria-label="Only tasks with this in their name" placeholder="Task" .value=${filter.task} @change=${(event) => setFilter("task", event.target.value.trim())}>
    ${FILTERS.some((name) => filter[name]) ? html`<button type="button" class="quiet" @click=${clear}>Clear</button>` : nothing}
    <input class="find" id="find" type="search" aria-label="Search the output" placeholder="Search the output" @keydown=${searchKey} @search=${(event) => { if (!event.target.value) search.start("", 0); }}>
    <span class="hits" role="status">${state.hits}</span>
    <button type="button" aria-pressed=${state.isFolded} @click=${fold}>${state.isFolded ? "Unfold all" : "Fold all"}</button>
    ${isOutput && !state.isFinal ? html`<button type="button" aria-pressed=${output.isFollowing} @click=${() => (output.isFollowing ? output.unfollow() : output.follow())}>Follow</button>` : nothing}`, find("tools"));
}

function clear() {
  history.replaceState(null, "", `?view=${state.view}`);
  state.since = 0;
  refresh();
  drawTools();
}

function fold() {
  state.isFolded = !state.isFolded;
  tasks.foldAll(state.isFolded);
  output.foldAll(state.isFolded);
  drawTools();
}

function searchKey(event) {
  if (event.key === "Enter") {
    event.preventDefault();
    const text = event.target.value;
    if (text === search.text && search.lines.length) search.step(event.shiftKey ? -1 : 1);
    else { setView("output"); search.start(text, output.rows.count ? output.line : 0); }
  } else if (event.key === "Escape") {
    event.target.blur();
    output.frame.focus();
  }
}

/** Go where the URL says: `#L10`, `#L10-L20`, or `#e567`, an event. */
async function goToHash() {
  const lines = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash), event = /^#e(\d+)$/.exec(location.hash);
  if (!lines && !event) return;
  let [from, to] = lines ? [Number(lines[1]) - 1, Number(lines[2] || lines[1]) - 1] : [0, 0];
  if (event) {
    const found = await ask(`/jobs/${job}/event.json`, { counter: event[1] });
    [from, to] = [found.start, Math.max(found.start, found.end - 1)];
  }
  setView("output");
  output.go(from, to);
  output.frame.focus({ preventScroll: true });
}

function step(step) { if (search.lines.length && state.view === "output") search.step(step); else if (state.view === "tasks") tasks.stepFailure(step); }

keys({
  j: () => (state.view === "tasks" ? tasks.step(1) : output.rows.show(output.rows.sight[0] + 1)),
  k: () => (state.view === "tasks" ? tasks.step(-1) : output.rows.show(output.rows.sight[0] - 1)),
  n: () => step(1), p: () => step(-1), N: () => step(-1),
  g: () => (state.view === "tasks" ? tasks.frame.scrollTo(0, 0) : output.rows.show(0)),
  G: () => (state.view === "tasks" ? tasks.frame.scrollTo(0, 1e9) : output.rows.toEnd()),
  f: () => { setView("output"); output.follow(); },
  c: fold,
  1: () => setView("tasks"), 2: () => setView("output"),
  "/": () => find("find").focus(), "ctrl+f": () => find("find").focus(),
});

document.addEventListener("click", (event) => {
  const tab = event.target instanceof Element ? event.target.closest("[data-view]") : null;
  const link = event.target instanceof Element ? event.target.closest("#tasks a[data-line]") : null;
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (tab) { event.preventDefault(); setView(tab.dataset.view); }
  if (link) { event.preventDefault(); location.hash = `L${Number(link.dataset.line) + 1}`; }
});
addEventListener("hashchange", goToHash);

setView(new URLSearchParams(location.search).get("view") === "output" ? "output" : "tasks", false);
drawTools();
await refresh();
goToHash();
if (!state.isFinal) listen({ progress: [job], jobs: ["status_changed"] }, (message) => { if (!message || message.job === job || message.unified_job_id === job) refresh(); });

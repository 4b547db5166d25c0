// SPDX-License-Identifier: Apache-2.0
// Plays, their tasks, and below them hosts and items: what came of each, how long it took, and who is still at it.

import { html, nothing, render } from "../vendor/lit-html-3.3.3.js";
import { ask } from "./socket.js";

const OUTCOMES = ["ok", "changed", "skipped", "ignored", "rescued", "failed", "unreachable"];

const lasted = (seconds) => (seconds === null || seconds === undefined ? "" : window.forgeEvents.lasted(seconds));
const isFailed = (task) => Boolean(task.counts.failed || task.counts.unreachable);

export class Tasks {
  /** @param {HTMLElement} section @param {number} job */
  constructor(section, job) {
    this.job = job;
    section.replaceChildren();
    this.frame = section.appendChild(document.createElement("div"));
    this.frame.className = "scroller";
    this.frame.tabIndex = 0;
    this.frame.setAttribute("role", "region");
    this.frame.setAttribute("aria-label", "Tasks");
    this.byCounter = new Map();
    this.results = new Map();
    this.details = new Map();
    this.filter = {};
    this.isRunning = true;
    this.opened = new Set(JSON.parse(sessionStorage.getItem(`open-${job}`) || "[]"));
    this.closed = new Set(JSON.parse(sessionStorage.getItem(`closed-${job}`) || "[]"));
  }

  /** All tasks, in order. */
  get all() { return [...this.byCounter.values()].sort((one, other) => one.counter - other.counter); }

  /** Take tasks that are new or have changed. */
  take(tasks, isAll) {
    if (isAll) this.byCounter.clear();
    for (const task of tasks) {
      const before = this.byCounter.get(task.counter);
      this.byCounter.set(task.counter, task);
      if (before && this.opened.has(task.uuid)) this.#fetch(task);
    }
    this.draw();
  }

  narrow(filter) {
    this.filter = filter;
    this.results.clear();
    for (const task of this.byCounter.values()) if (this.opened.has(task.uuid)) this.#fetch(task);
    this.draw();
  }

  /** Go to the next task that failed, or the one before. */
  stepFailure(step) {
    const rows = [...this.frame.querySelectorAll(".task.is-failed button.row")];
    const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : (at + step + rows.length) % rows.length];
    next?.focus();
    next?.scrollIntoView({ block: "center" });
  }

  /** Go to the next row, or the one before. */
  step(step) {
    const rows = [...this.frame.querySelectorAll("button.row, .play button, .result > button")];
    const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  foldAll(isFolded) {
    const plays = new Set(this.all.map((task) => task.play_uuid));
    this.closed = isFolded ? plays : new Set();
    if (isFolded) this.opened.clear();
    this.#keep();
  }

  #keep() {
    sessionStorage.setItem(`open-${this.job}`, JSON.stringify([...this.opened]));
    sessionStorage.setItem(`closed-${this.job}`, JSON.stringify([...this.closed]));
    this.draw();
  }

  #toggle(set, key) { if (!set.delete(key)) set.add(key); this.#keep(); }

  #isWanted(task) {
    const { outcome, task: name } = this.filter;
    if (name && !`${task.role} : ${task.name}`.toLowerCase().includes(name.toLowerCase())) return false;
    if (outcome === "running") return task.running_count > 0;
    return !outcome || Boolean(task.counts[outcome]) || (outcome === "failed" && isFailed(task));
  }

  async #fetch(task) {
    try {
      this.results.set(task.counter, await ask(`/jobs/${this.job}/results.json`, { task: task.counter, host: this.filter.host }));
      this.draw();
    } catch (error) { console.warn(error); }
  }

  async #open(task) {
    this.#toggle(this.opened, task.uuid);
    if (this.opened.has(task.uuid)) await this.#fetch(task);
  }

  async #detail(result) {
    if (this.details.has(result.counter)) { this.details.delete(result.counter); this.draw(); return; }
    this.details.set(result.counter, null);
    this.draw();
    this.details.set(result.counter, await ask(`/jobs/${this.job}/event.json`, { counter: result.counter }));
    this.draw();
  }

  draw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => { this.isDue = false; this.#draw(); });
  }

  #draw() {
    const tasks = this.all.filter((task) => this.#isWanted(task));
    const longest = Math.max(0.5, ...tasks.map((task) => task.seconds));
    const plays = new Map();
    for (const task of tasks) {
      if (!plays.has(task.play_uuid)) plays.set(task.play_uuid, []);
      plays.get(task.play_uuid).push(task);
    }
    render(html`<div class="tree">${[...plays].map(([uuid, own]) => this.#play(uuid, own, longest))}
      ${tasks.length ? nothing : html`<p class="nothing">${this.byCounter.size ? "No task is left of the filter." : this.isRunning ? "No task has begun yet." : "This job has no tasks."}</p>`}</div>`, this.frame);
  }

  #play(uuid, tasks, longest) {
    const failed = tasks.filter(isFailed).length, running = tasks.filter((task) => task.running_count).length;
    const isOpen = !this.closed.has(uuid);
    return html`<div class="play ${isOpen ? "open" : ""}"><button type="button" class=${isOpen ? "open" : ""} aria-expanded=${isOpen} @click=${() => this.#toggle(this.closed, uuid)}>
        <span class="twist" aria-hidden="true">▶</span><span class="word">Play</span> <span class="name">${tasks[0].play || "without a name"}</span>
        <span class="count faint">${tasks.length} task${tasks.length === 1 ? "" : "s"}</span>${failed ? html` <span class="count o-failed">${failed} failed</span>` : nothing}${running && this.isRunning ? html` <span class="count o-running">${running} running</span>` : nothing}</button></div>
      ${isOpen ? html`<div class="group">${tasks.map((task) => this.#task(task, longest))}</div>` : nothing}`;
  }

  #task(task, longest) {
    const isOpen = this.opened.has(task.uuid), isBusy = task.running_count > 0 && this.isRunning;
    return html`<div class="task ${isFailed(task) ? "is-failed" : ""}">
      <button type="button" class="row ${isOpen ? "open" : ""}" aria-expanded=${isOpen} @click=${() => this.#open(task)}>
        <span class="twist" aria-hidden="true">▶</span>
        <span class="name" title=${task.path}>${task.role ? html`<span class="role">${task.role} : </span>` : nothing}${task.name || task.action || "without a name"}${task.is_handler ? html` <span class="tag">handler</span>` : nothing} <span class="action">${task.action.replace("ansible.builtin.", "")}</span></span>
        <span class="came">${isBusy ? html`<span class="count o-running">${task.running_count > 3 ? `${task.running_count} hosts` : task.running.join(", ")} running</span>` : nothing}${OUTCOMES.map((name) => (task.counts[name] ? html` <span class="count o-${name}">${task.counts[name]} ${name}</span>` : nothing))}</span>
        <span class="took"><span class="track" aria-hidden="true"><span style="width:${((100 * task.seconds) / longest).toFixed(1)}%"></span></span><span class="num">${lasted(task.seconds)}</span></span>
      </button>${isOpen ? this.#below(task) : nothing}</div>`;
  }

  #below(task) {
    const found = this.results.get(task.counter);
    return html`<div class="below"><p class="where"><span>${task.path}</span>${task.slowest ? html`<span>slowest host ${lasted(task.slowest)}</span>` : nothing}<a href="?view=output#L${task.start + 2}" data-line=${task.start + 1}>in the output</a></p>
      ${found ? found.results.map((result) => this.#result(result)) : html`<p class="where">…</p>`}
      ${found && !found.results.length ? html`<p class="where">Nothing has come of it yet.</p>` : nothing}
      ${found?.has_more ? html`<p class="where">The first ${found.results.length}; filter by host to see others.</p>` : nothing}</div>`;
  }

  #result(result) {
    const isOpen = this.details.has(result.counter), detail = this.details.get(result.counter);
    const name = result.is_item ? result.item : result.delegated ? `${result.host} → ${result.delegated}` : result.host;
    return html`<div class="result ${result.is_item ? "item" : ""}"><button type="button" aria-expanded=${isOpen} @click=${() => this.#detail(result)}>
        <span class="twist" aria-hidden="true">▶</span><span class="host" title=${name}>${name}</span> <span class="o-${result.outcome}">${result.outcome}${result.has_diff ? " ±" : ""}</span>
        <span class="message">${result.message}</span><span class="faint num lasted">${lasted(result.seconds)}</span></button>
      ${isOpen ? html`<div class="detail">${detail ? html`${detail.diff ? html`<h3>Difference</h3><pre class="diff" tabindex="0">${coloured(detail.diff)}</pre>` : nothing}<h3>Result</h3><pre tabindex="0">${detail.json}</pre>` : "…"}</div>` : nothing}</div>`;
  }
}

/** A diff with its lines in colours. @param {string} text */
function coloured(text) {
  const kinds = { "+": "add", "-": "del", "@": "at" };
  return text.split("\n").map((line) => html`<span class=${kinds[line[0]] ?? ""}>${line}</span>${"\n"}`);
}

// SPDX-License-Identifier: Apache-2.0
// The output of a job, exactly as the terminal had it: windows of lines that are fetched as they come into sight.

import { AnsiUp } from "../vendor/ansi_up-6.0.6.js";
import { ask } from "./socket.js";
import { Rows, Spans } from "./rows.js";

const WINDOW = 400, KEPT = 60;

export class Output {
  /**
   * @param {HTMLElement} section
   * @param {number} job
   * @param {boolean} isRunning
   */
  constructor(section, job, isRunning) {
    this.job = job;
    this.total = 0; this.isRunning = isRunning; this.isFollowing = false; this.isThere = false; this.seen = 0;
    this.windows = new Map(); this.asked = new Set();
    this.spans = new Spans(); this.isFiltered = false;
    this.heads = new Map(); this.folded = new Set(JSON.parse(sessionStorage.getItem(`folds-${job}`) || "[]"));
    this.marked = [-1, -1]; this.hit = -1; this.hits = new Set();
    this.ansi = new AnsiUp();
    this.ansi.use_classes = true;
    this.ansi.url_allowlist = {};
    this.frame = section.appendChild(document.createElement("div"));
    Object.assign(this.frame, { className: "rows", tabIndex: 0 });
    this.frame.setAttribute("role", "table");
    this.frame.setAttribute("aria-label", "Lines of the output");
    this.button = section.appendChild(document.createElement("button"));
    Object.assign(this.button, { className: "jump", type: "button", hidden: true });
    this.button.addEventListener("click", () => this.follow());
    this.rows = new Rows(this.frame, (element, row) => this.#fill(element, row), () => this.#moved());
    this.frame.addEventListener("click", (event) => this.#clicked(event));
    this.changed = () => {};
  }

  /** The line that stands on top. */
  get line() { return this.spans.line(this.rows.sight[0]); }

  /** Say how many lines there are by now. */
  grow(total, isRunning) {
    const isNew = total !== this.total;
    this.isRunning = isRunning;
    if (!isNew) return this.#moved();
    const before = this.total;
    this.total = total;
    // The last window may have been fetched before it was full.
    for (const start of [...this.windows.keys()]) if (start + this.windows.get(start).lines.length < Math.min(total, start + WINDOW)) this.windows.get(start).isStale = true;
    if (!this.isThere) { this.seen = total; return undefined; }
    if (!this.isFiltered) this.#refold();
    this.rows.resize(this.spans.count(total));
    if (this.isFollowing) this.rows.toEnd();
    if (before === 0) this.seen = total;
    this.#fetch();
    return this.#moved();
  }

  /** Come into sight. */
  appear() {
    if (this.isThere) return;
    this.isThere = true;
    this.#refold();
    this.rows.resize(this.spans.count(this.total));
    if (!location.hash && this.isRunning) this.follow();
  }

  disappear() { this.isThere = false; }

  /** Stay at the end as it moves on. */
  follow() {
    this.isFollowing = true;
    this.rows.toEnd();
    this.#moved();
  }

  unfollow() { this.isFollowing = false; this.#moved(); }

  /** Show some lines alone, or all. @param {number[] | null} edges */
  narrow(edges) {
    const line = this.rows.count ? this.line : 0;
    this.isFiltered = edges !== null;
    this.spans = new Spans(edges);
    if (!this.isFiltered) this.#refold(true);
    this.rows.resize(this.spans.count(this.total));
    if (this.isFollowing) this.rows.toEnd(); else this.rows.show(this.spans.row(line));
    this.rows.draw();
  }

  /** Say where tasks begin: there lines can be folded. @param {{uuid: string, start: number, name: string}[]} tasks */
  setHeads(tasks) {
    this.heads = new Map(tasks.map((task, place) => {
      const next = tasks.slice(place + 1).find((other) => other.start > task.start);
      return [task.start + 1, { uuid: task.uuid, until: next ? next.start : Infinity }];
    }));
    if (this.folded.size && this.isThere && !this.isFiltered) { this.#refold(); this.rows.resize(this.spans.count(this.total)); }
    this.rows.draw();
  }

  foldAll(isFolded) {
    this.folded = new Set(isFolded ? [...this.heads.values()].map((head) => head.uuid) : []);
    this.#keepFolds();
  }

  /** Bring a line into sight, and mark it and those up to another. */
  async go(line, until = line) {
    this.marked = [line, until];
    this.show(line);
  }

  /** Show the line that has what is looked for. */
  showHit(line) { this.hit = line; this.show(line); }

  show(line) {
    this.isFollowing = false;
    const head = [...this.heads].find(([at, one]) => this.folded.has(one.uuid) && at < line && line < one.until);
    if (head) { this.folded.delete(head[1].uuid); this.#keepFolds(); }
    const row = this.spans.row(line), [first, behind] = this.rows.sight;
    if (row < first + 2 || row > behind - 3) this.rows.show(row, 0.35);
    this.rows.draw();
    this.#moved();
  }

  #keepFolds() {
    sessionStorage.setItem(`folds-${this.job}`, JSON.stringify([...this.folded]));
    if (this.isFiltered) return;
    const line = this.line;
    this.#refold(true);
    this.rows.resize(this.spans.count(this.total));
    this.rows.show(this.spans.row(line));
    this.rows.draw();
  }

  /** Work out which lines are left when some are folded. */
  #refold(isAnew = false) {
    if (!this.folded.size) { if (this.spans.edges || isAnew) this.spans = new Spans(); return; }
    const edges = [];
    let from = 0;
    for (const [at, head] of this.heads) {
      if (!this.folded.has(head.uuid) || at < from) continue;
      if (at + 1 > from) edges.push(from, Math.min(at + 1, this.total));
      from = Math.min(head.until, this.total);
    }
    if (from < this.total) edges.push(from, this.total);
    this.spans = new Spans(edges);
  }

  #fill(element, row) {
    const line = this.spans.line(row);
    const start = line - (line % WINDOW), found = this.windows.get(start), text = found?.lines[line - start];
    const isMarked = line >= this.marked[0] && line <= this.marked[1];
    const head = this.isFiltered ? undefined : this.heads.get(line), isFolded = head && this.folded.has(head.uuid);
    const key = `${line}|${text === undefined ? "" : found.version}|${isMarked}|${line === this.hit}|${head ? isFolded : ""}`;
    if (element.dataset.key === key) return;
    element.dataset.key = key;
    element.className = `r${head ? " top" : ""}${isMarked ? " marked" : ""}${line === this.hit ? " hit" : ""}${found?.bad?.has(line) ? " bad" : ""}`;
    element.setAttribute("role", "row");
    element.setAttribute("aria-rowindex", String(line + 1));
    const fold = head ? `<span class="fold" data-fold="${line}" title="Fold or unfold this task">${isFolded ? "▸" : "▾"}</span>` : "";
    const more = isFolded ? `<span class="folded">${Math.max(0, Math.min(head.until, this.total) - line - 1)} lines folded</span>` : "";
    element.innerHTML = `<a class="n" role="rowheader" tabindex="-1" href="#L${line + 1}" data-line="${line}">${fold}${line + 1}</a><span class="t" role="cell">${text === undefined ? "" : this.#html(text)}${more}</span>`;
  }

  #html(text) { return text ? `${this.ansi.ansi_to_html(text)}${this.ansi.ansi_to_html("\x1b[0m")}` : ""; }

  #moved() {
    const isAtEnd = this.rows.isAtEnd;
    if (this.isThere) {
      if (this.isFollowing && !isAtEnd && this.rows.view) this.isFollowing = this.#isCaught();
      else if (isAtEnd && this.isRunning && this.rows.count) this.isFollowing = true;
      if (isAtEnd) this.seen = this.total;
    }
    const fresh = this.total - this.seen;
    this.button.hidden = isAtEnd || fresh <= 0;
    this.button.textContent = `${fresh.toLocaleString()} new line${fresh === 1 ? "" : "s"} ↓`;
    this.frame.setAttribute("aria-rowcount", String(this.total));
    this.#fetch();
    this.changed();
  }

  /** Whether the end went on while the reader stayed there: then they still follow. */
  #isCaught() { return this.rows.place >= this.lastEnd - 9; }

  #fetch() {
    if (!this.isThere || !this.total) return;
    this.lastEnd = this.rows.end;
    const [first, behind] = this.rows.sight;
    const wanted = new Set();
    for (let row = Math.max(0, first - 40); row < Math.min(this.rows.count, behind + 40); row += 20) wanted.add(this.#start(row));
    if (this.rows.count) wanted.add(this.#start(Math.min(this.rows.count, behind + 40) - 1));
    for (const start of wanted) {
      const found = this.windows.get(start);
      if (found && !found.isStale) { this.windows.delete(start); this.windows.set(start, found); continue; }
      if (!this.asked.has(start)) this.#ask(start);
    }
  }

  #start(row) { const line = this.spans.line(row); return line - (line % WINDOW); }

  async #ask(start) {
    this.asked.add(start);
    try {
      const found = await ask(`/jobs/${this.job}/lines.json`, { start, end: start + WINDOW });
      const before = this.windows.get(start);
      found.version = (before?.version ?? 0) + 1;
      found.bad = new Set();
      for (const [, from, to, isBad] of found.events) if (isBad) for (let line = from; line < Math.min(to, from + 50); line++) found.bad.add(line);
      found.isStale = start + found.lines.length < Math.min(this.total, start + WINDOW) && found.lines.length > (before?.lines.length ?? -1);
      this.windows.delete(start);
      this.windows.set(start, found);
      while (this.windows.size > KEPT) this.windows.delete(this.windows.keys().next().value);
    } catch (error) {
      console.warn(error);
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
    } finally {
      this.asked.delete(start);
      this.rows.draw();
    }
  }

  #clicked(event) {
    const fold = event.target.closest("[data-fold]"), number = event.target.closest("[data-line]");
    if (fold) {
      event.preventDefault();
      const { uuid } = this.heads.get(Number(fold.dataset.fold));
      if (!this.folded.delete(uuid)) this.folded.add(uuid);
      this.#keepFolds();
    } else if (number && event.shiftKey && this.marked[0] >= 0) {
      event.preventDefault();
      const lines = [this.marked[0], Number(number.dataset.line)].sort((one, other) => one - other);
      history.replaceState(null, "", `#L${lines[0] + 1}-L${lines[1] + 1}`);
      this.go(lines[0], lines[1]);
    }
  }
}

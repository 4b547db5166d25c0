// SPDX-License-Identifier: Apache-2.0
// Search a whole job, part by part, from where the reader is: the first hit is shown as soon as it is found.

import { ask } from "./socket.js";

const ENOUGH = 5000;

export class Search {
  /** @param {number} job @param {(line: number) => void} show @param {(text: string) => void} tell */
  constructor(job, show, tell) {
    this.job = job; this.show = show; this.tell = tell;
    this.text = ""; this.lines = []; this.at = -1; this.abort = null;
  }

  /** Look for a text, from a line on, around the end and back to it. @param {string} text @param {number} line */
  async start(text, line) {
    this.stop();
    this.text = text;
    if (!text) { this.tell(""); return; }
    const { signal } = (this.abort = new AbortController());
    const found = new Set();
    const take = (lines) => {
      for (const one of lines) found.add(one);
      this.lines = [...found].sort((one, other) => one - other);
      if (this.at < 0 && this.lines.length) this.#goTo(Math.max(0, this.lines.findIndex((one) => one >= line)));
      else this.#tell(true);
    };
    this.tell("…");
    try {
      await Promise.all([this.#walk(text, line, false, take, signal), this.#walk(text, line, true, take, signal), this.#last(text, take, signal)]);
      this.#tell(false);
    } catch (error) {
      if (!signal.aborted) this.tell("the search failed");
    }
  }

  stop() { this.abort?.abort(); this.lines = []; this.at = -1; }

  /** Go to the next hit, or the one before. @param {number} step */
  step(step) {
    if (!this.lines.length) return;
    this.#goTo((this.at + step + this.lines.length) % this.lines.length);
  }

  /** The end is a part that is looked at first: most often what is looked for is there. */
  async #last(text, take, signal) {
    const found = await ask(`/jobs/${this.job}/find.json`, { text, line: 9e14, backwards: 1 }, signal);
    take(found.lines);
  }

  async #walk(text, line, isBackwards, take, signal) {
    let asked = { text, line, backwards: isBackwards ? 1 : "" };
    while (this.lines.length < ENOUGH) {
      const found = await ask(`/jobs/${this.job}/find.json`, asked, signal);
      if (signal.aborted) return;
      take(found.lines);
      if (found.following === null) return;
      asked = { text, from: found.following, backwards: isBackwards ? 1 : "" };
    }
  }

  #goTo(place) { this.at = place; this.line = this.lines[place]; this.show(this.line); this.#tell(true); }

  #tell(isSearching) {
    if (this.at >= 0) this.at = this.lines.indexOf(this.line);
    const more = isSearching ? "…" : this.lines.length >= ENOUGH ? "+" : "";
    this.tell(this.lines.length ? `${this.at + 1} of ${this.lines.length.toLocaleString()}${more}` : isSearching ? "…" : "not found");
  }
}

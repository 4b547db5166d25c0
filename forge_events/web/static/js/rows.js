// SPDX-License-Identifier: Apache-2.0
// A list of millions of rows of one height, of which only those in sight are elements.
//
// No browser draws an element that is as tall as a million rows on every screen. So what is scrolled has a height that
// all can draw, and where it is taller than that the place in the list is the share that is scrolled; the wheel and the
// keys go by rows all the same. The place is a number of pixels in the list itself: rows that come change nothing of it.

export const HEIGHT = 18;
const TALLEST = 8_000_000, BEYOND = 8;

export class Rows {
  /**
   * @param {HTMLElement} frame scrolls
   * @param {(element: HTMLElement, row: number) => void} fill writes a row into its element
   * @param {() => void} moved is called when another place is in sight
   */
  constructor(frame, fill, moved) {
    this.frame = frame; this.fill = fill; this.moved = moved;
    this.tall = frame.appendChild(document.createElement("div"));
    this.tall.className = "tall";
    this.layer = frame.appendChild(document.createElement("div"));
    this.layer.className = "layer";
    this.layer.setAttribute("role", "presentation");
    this.count = 0; this.place = 0; this.first = 0; this.isDue = false; this.expected = 0;
    frame.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    frame.addEventListener("wheel", (event) => this.#turned(event), { passive: false });
    frame.addEventListener("keydown", (event) => this.#pressed(event));
    new ResizeObserver(() => { this.view = frame.clientHeight; this.draw(); }).observe(frame);
    this.view = frame.clientHeight;
  }

  /** How far the place can be. */
  get end() { return Math.max(0, this.count * HEIGHT - this.view); }
  get isAtEnd() { return this.place >= this.end - HEIGHT / 2; }
  get #scale() {
    const shown = Math.min(this.count * HEIGHT, TALLEST) - this.view;
    return shown > 0 && this.end > shown ? this.end / shown : 1;
  }

  /** Say how many rows there are; the rows in sight stay where they are. @param {number} count */
  resize(count) {
    if (count === this.count) return;
    this.count = count;
    this.tall.style.height = `${Math.min(count * HEIGHT, TALLEST)}px`;
    if (this.place > this.end || this.#scale > 1) this.#put(Math.min(this.place, this.end));
    this.draw();
  }

  /** Bring a row into sight. @param {number} row @param {number} [share] how far down in the frame */
  show(row, share = 0) { this.#put(row * HEIGHT - Math.max(0, this.view - HEIGHT) * share); this.draw(); }
  toEnd() { this.#put(this.end); this.draw(); }

  /** The first row in sight, and the one behind the last. */
  get sight() { return [Math.floor(this.place / HEIGHT), Math.min(this.count, Math.ceil((this.place + this.view) / HEIGHT))]; }

  /** Draw what is in sight, in the next frame. */
  draw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => { this.isDue = false; this.#draw(); });
  }

  #draw() {
    const first = Math.max(0, Math.floor(this.place / HEIGHT) - BEYOND);
    const last = Math.min(this.count, Math.ceil((this.place + this.view) / HEIGHT) + BEYOND);
    const elements = this.layer.children;
    while (elements.length < last - first) this.layer.appendChild(document.createElement("div"));
    while (elements.length > last - first) this.layer.lastElementChild.remove();
    for (let row = first; row < last; row++) this.fill(/** @type {HTMLElement} */ (elements[row - first]), row);
    this.first = first;
    this.layer.style.transform = `translateY(${this.frame.scrollTop + first * HEIGHT - this.place}px)`;
    this.moved();
  }

  #put(place) {
    this.place = Math.min(this.end, Math.max(0, place));
    this.expected = Math.round(this.place / this.#scale);
    this.frame.scrollTop = this.expected;
  }

  #scrolled() {
    const top = this.frame.scrollTop;
    // What was put is not put again: the place is finer than what a scrollbar can say.
    if (Math.abs(top - this.expected) >= 1) { this.place = Math.min(this.end, top * this.#scale); this.expected = top; }
    this.draw();
  }

  #turned(event) {
    if (this.#scale === 1 || event.ctrlKey || event.shiftKey || !event.deltaY) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? HEIGHT : event.deltaMode === 2 ? this.view : 1;
    this.#put(this.place + event.deltaY * unit);
    this.draw();
  }

  #pressed(event) {
    const page = Math.max(HEIGHT, this.view - HEIGHT);
    const steps = { ArrowDown: HEIGHT, ArrowUp: -HEIGHT, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#put(step === Infinity ? this.end : step === -Infinity ? 0 : this.place + step);
    this.draw();
  }
}

/** Which lines are rows: all, or those of some spans. */
export class Spans {
  /** @param {number[] | null} edges first lines and lines behind the last, by turns; null for all */
  constructor(edges = null) {
    this.edges = edges;
    this.before = [0];
    for (let i = 0; edges && i < edges.length; i += 2) this.before.push(this.before[i / 2] + edges[i + 1] - edges[i]);
  }

  /** How many rows there are of so many lines. @param {number} total */
  count(total) { return this.edges ? this.before[this.before.length - 1] : total; }

  /** The line of a row. @param {number} row */
  line(row) {
    if (!this.edges) return row;
    const span = this.#last(this.before, row);
    return this.edges[2 * span] + row - this.before[span];
  }

  /** The row of a line, or of the next line that is one. @param {number} line */
  row(line) {
    if (!this.edges) return line;
    let low = 0, high = this.edges.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.edges[2 * middle + 1] <= line) low = middle + 1; else high = middle;
    }
    if (low >= this.edges.length / 2) return this.before[this.before.length - 1];
    return this.before[low] + Math.max(0, line - this.edges[2 * low]);
  }

  #last(numbers, row) {
    let low = 0, high = numbers.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (numbers[middle] <= row) low = middle; else high = middle - 1;
    }
    return low;
  }
}

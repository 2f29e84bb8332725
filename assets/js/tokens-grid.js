// The ruler's grid: only the lines in view are in the page, and one cell of all can be reached by Tab. Arrows move the focus.
(() => {
  const { Line, Layout, Measure, label, last } = playground.ruler;
  const MARGIN = 2; // lines above and below what is seen

  class Grid {
    // on: { hover(row, token) or null, pin(row, token), unpin() }
    constructor(element, on) {
      Object.assign(this, { element, on, mode: "pieces", layout: null, focus: { row: 0, token: 0 }, lines: new Map(), found: [], foundAt: [], hit: -1, lit: null, pinned: null });
      this.room = document.createElement("div");
      this.room.className = "pg-tok-room";
      this.room.setAttribute("role", "none");
      element.append(this.room);
      element.addEventListener("scroll", () => this.soon(), { passive: true });
      element.addEventListener("keydown", (event) => this.key(event));
      element.addEventListener("focusin", (event) => this.focused(event));
      element.addEventListener("pointerover", (event) => this.over(event.target));
      element.addEventListener("pointerleave", () => this.over(null));
      element.addEventListener("click", (event) => {
        const cell = this.cellOf(event.target);
        if (!cell) return;
        this.go(cell.row, cell.token, { focus: true });
        on.pin(cell.row, cell.token);
      });
      this.watcher = new ResizeObserver(() => {
        if (this.layout && this.width() !== this.layout.width && this.width() > 40) this.relay();
      });
      this.watcher.observe(element);
    }

    width() {
      const style = getComputedStyle(this.element);
      const head = Number.parseFloat(style.getPropertyValue("--pg-tok-head")) || 0;
      return Math.floor(this.element.clientWidth - head - 22);
    }

    // Sizes stand in the style sheet: what is measured here is what it says.
    look() {
      const style = getComputedStyle(this.element);
      const size = (name) => Number.parseFloat(style.getPropertyValue(name));
      const [text, row, space] = [size("--pg-tok-text-height"), size("--pg-tok-row-height"), size("--pg-tok-space")];
      const font = `${style.getPropertyValue("--pg-tok-size").trim()} ${style.fontFamily}`;
      const sign = `${style.getPropertyValue("--pg-tok-sign-size").trim()} ${style.fontFamily}`;
      const cell = size("--pg-tok-cell-size");
      this.sizes = { row, cell, block: text + space + row * this.rows.length };
      this.measure = new Measure(font, sign);
      const context = document.createElement("canvas").getContext("2d");
      const mono = `${cell - 1}px ${style.getPropertyValue("--pg-mono")}`;
      context.font = mono;
      this.digit = context.measureText("0").width;
      context.font = `600 ${cell}px ${style.fontFamily}`;
      this.chips = context;
    }

    // A title without what stands behind its dot, where that tells the rows apart.
    short(row) {
      const [name] = row.title.split(" · ");
      return this.rows.filter((other) => other.title.startsWith(name)).length > 1 ? row.title : name;
    }

    // The pixels that a token asks for: see the layout.
    need(r, token, inside) {
      const row = this.rows[r];
      const start = row.spans[2 * token];
      const end = row.spans[2 * token + 1];
      const wide = this.mode === "ids" ? row.ids[token] >= 0 : this.mode === "bytes";
      if (start !== end && !inside && !wide) {
        return end - start === 1 && this.text.bytes[start] <= 0x20 ? 12 : 0;
      }
      const { text, kind } = label(this.text, row, token, this.mode);
      if (start === end) return kind === "number" ? this.digit * text.length + 12 : this.chips.measureText(text).width + 18;
      if (kind === "text") return Math.max(16, this.chips.measureText(text).width + 8);
      const longest = inside && this.mode !== "bytes" ? 8 : 23; // characters of bytes that get their room; more is cut, and said below
      return this.digit * Math.min(text.length, longest) + 9;
    }

    show(text, rows, mode) {
      this.text = text;
      this.rows = rows;
      this.mode = mode;
      this.focus = { row: Math.min(this.focus.row, Math.max(0, rows.length - 1)), token: 0 };
      this.lit = null;
      this.relay();
      this.element.scrollTop = 0;
      this.draw();
    }

    relay() {
      if (!this.rows) return;
      const top = this.layout ? this.layout.starts[Math.floor(this.element.scrollTop / this.sizes.block)] ?? 0 : 0;
      for (const line of this.lines.values()) line.element.remove();
      this.lines.clear();
      this.look();
      this.layout = new Layout(this.text, this.rows, Math.max(80, this.width()), this.measure, (r, token, inside) => this.need(r, token, inside));
      const { element } = this;
      element.setAttribute("aria-rowcount", String(this.layout.lines.length * this.rows.length));
      element.setAttribute("aria-colcount", String(1 + Math.max(0, ...this.rows.map((row) => row.count))));
      this.room.style.height = `${this.rows.length ? this.layout.lines.length * this.sizes.block : 0}px`;
      element.scrollTop = this.layout.lineAt(top) * this.sizes.block;
      this.draw();
    }

    soon() { this.due ??= requestAnimationFrame(() => { this.due = null; this.draw(); }); }

    // The lines that must be there: those in view, and that of the focused cell while the focus is in the grid.
    draw() {
      if (!this.layout || !this.element.clientHeight || !this.rows.length) return;
      const { element, lines, layout, sizes } = this;
      const first = Math.max(0, Math.floor(element.scrollTop / sizes.block) - MARGIN);
      const final = Math.min(layout.lines.length - 1, Math.floor((element.scrollTop + element.clientHeight) / sizes.block) + MARGIN);
      const wanted = new Set();
      for (let number = first; number <= final; number++) wanted.add(number);
      const home = this.focusLine();
      if (home >= 0 && element.contains(document.activeElement)) wanted.add(home);
      for (const [number, line] of lines) if (!wanted.has(number)) { line.element.remove(); lines.delete(number); }
      const fresh = [];
      for (const number of [...wanted].sort((one, other) => one - other)) {
        if (lines.has(number)) continue;
        const line = new Line(this, number);
        lines.set(number, line);
        const after = [...lines.keys()].filter((other) => other > number && lines.get(other).element.isConnected).sort((one, other) => one - other)[0];
        this.room.insertBefore(line.element, after === undefined ? null : lines.get(after).element);
        fresh.push(line);
      }
      for (const line of fresh) line.measure();
      for (const line of fresh) line.fill();
      if (fresh.length) this.paint(fresh);
      this.rove();
    }

    cellOf(target) {
      const element = target instanceof Element ? target.closest(".pg-tok-cell") : null;
      if (!element) return null;
      for (const line of this.lines.values()) {
        if (!line.element.contains(element)) continue;
        return line.cells.find((cell) => cell.element === element) ?? null;
      }
      return null;
    }

    find(row, token) {
      const line = this.lines.get(this.layout.lineOf(row, token));
      return line?.cells.find((cell) => cell.row === row && cell.token === token && !cell.rest) ?? null;
    }

    // -- highlights: the same bytes in every row and in the text
    light(row, token) {
      this.lit = row === null ? null : { start: this.rows[row].spans[2 * token], end: this.rows[row].spans[2 * token + 1], row, token };
      this.paint();
    }

    paint(lines = this.lines.values()) {
      const { lit, pinned } = this;
      const overlaps = (mark, cell) => mark && (cell.start < mark.end && mark.start < cell.end);
      const same = (mark, cell) => mark && cell.row === mark.row && cell.token === mark.token;
      for (const line of lines) {
        for (const cell of line.cells) {
          cell.element.toggleAttribute("data-lit", Boolean(overlaps(lit, cell) || same(lit, cell)));
          cell.element.toggleAttribute("data-pinned", Boolean(same(pinned, cell)));
          cell.element.toggleAttribute("data-kin", Boolean(overlaps(pinned, cell)));
          if (same(pinned, cell) && !cell.rest) cell.element.setAttribute("aria-selected", "true"); else cell.element.removeAttribute("aria-selected");
        }
        const marks = [];
        if (pinned) marks.push([pinned.start, pinned.end, "pg-tok-mark-pin"]);
        if (lit) marks.push([lit.start, lit.end, "pg-tok-mark"]);
        const { text, line: { from, to } } = line;
        const near = this.found.length ? last(this.foundAt, text.byte[from]) : 0; // one that began before may reach into it
        for (let place = Math.max(0, near); place < this.found.length && this.found[place][0] < text.byte[to]; place++) {
          marks.push([...this.found[place], place === this.hit ? "pg-tok-mark-hit" : "pg-tok-mark-found"]);
        }
        line.mark(marks);
      }
    }

    over(target) {
      const cell = this.cellOf(target);
      if (!cell && !this.lit) return;
      if (cell && this.lit && this.lit.row === cell.row && this.lit.token === cell.token) return;
      this.light(cell ? cell.row : null, cell?.token);
      this.on.hover(cell ? cell.row : null, cell?.token);
    }

    // -- the focus
    focusLine() {
      const { row, token } = this.focus;
      return this.rows?.[row] && token < this.rows[row].count ? this.layout.lineOf(row, token) : -1;
    }

    rove() {
      if (!this.rows?.[this.focus.row]?.count) {
        const other = this.rows?.findIndex((one) => one.count) ?? -1;
        if (other < 0) return;
        this.focus = { row: other, token: 0 };
      }
      const cell = this.find(this.focus.row, this.focus.token);
      const before = this.room.querySelector('[tabindex="0"]');
      if (cell && before === cell.element) return;
      if (before) before.tabIndex = -1;
      if (cell) { cell.element.tabIndex = 0; return; }
      const any = [...this.lines.values()].flatMap((line) => line.cells).find((one) => !one.rest); // the focus has scrolled away
      if (any) any.element.tabIndex = 0;
    }

    focused(event) {
      const cell = this.cellOf(event.target);
      if (!cell || cell.rest) return;
      this.focus = { row: cell.row, token: cell.token };
      this.rove();
      this.light(cell.row, cell.token);
      this.on.hover(cell.row, cell.token);
    }

    // To a token wherever it is: its line is scrolled to and drawn.
    go(row, token, { focus = true } = {}) {
      if (!this.rows[row]?.count) return;
      this.focus = { row, token: Math.max(0, Math.min(token, this.rows[row].count - 1)) };
      this.reveal(this.layout.lineOf(row, this.focus.token), row);
      if (focus) this.find(row, this.focus.token)?.element.focus({ preventScroll: true });
    }

    reveal(number, row = 0) {
      const { element, sizes } = this;
      const top = number * sizes.block;
      const low = row > 0 && sizes.block > element.clientHeight ? top + (row + 2) * sizes.row : top + sizes.block;
      if (top < element.scrollTop && !(sizes.block > element.clientHeight && low > element.scrollTop + 2 * sizes.row)) element.scrollTop = top;
      else if (low > element.scrollTop + element.clientHeight) element.scrollTop = Math.max(0, low - element.clientHeight);
      this.draw();
    }

    // The token of a row that covers a byte, or the nearest before it.
    covering(row, byte) {
      const { spans, count } = this.rows[row];
      let low = 0;
      let high = count - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (spans[2 * middle] <= byte) low = middle; else high = middle - 1;
      }
      if (spans[2 * low] === spans[2 * low + 1]) for (let near = low; near > 0 && spans[2 * near] === spans[2 * low]; near--) if (spans[2 * near - 1] > byte) return near - 1;
      return low;
    }

    key(event) {
      if (event.key === "Escape") { this.on.unpin(); return; }
      const cell = this.cellOf(event.target);
      if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
      const { row, token } = cell;
      const byte = this.rows[row].spans[2 * token];
      const { layout } = this;
      const line = layout.lineOf(row, token);
      const leap = Math.max(1, Math.floor(this.element.clientHeight / this.sizes.block));
      const backwards = this.lines.get(line)?.writing.dir === "rtl" ? -1 : 1;
      const other = (step) => {
        for (let near = row + step; near >= 0 && near < this.rows.length; near += step) if (this.rows[near].count) return [near, this.covering(near, byte)];
        return [row, token];
      };
      const page = (lines) => [row, this.covering(row, layout.starts[Math.max(0, Math.min(layout.lines.length - 1, line + lines))])];
      const moves = {
        ArrowRight: () => [row, token + backwards], ArrowLeft: () => [row, token - backwards],
        ArrowDown: () => other(1), ArrowUp: () => other(-1), Home: () => [row, 0], End: () => [row, this.rows[row].count - 1],
        PageDown: () => page(leap), PageUp: () => page(-leap),
      };
      if (moves[event.key]) { event.preventDefault(); this.go(...moves[event.key]()); }
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.on.pin(row, token); }
    }
  }

  playground.ruler.Grid = Grid;
})();

// One line of the ruler: the text as a reader sees it, and under it each tokenizer's tokens at the places where the text lies.
// Everything that a visitor or a vocabulary wrote becomes text here, never markup.
(() => {
  const { drawn, isRtl, FLAG, label, said, make } = playground.ruler;
  const JOINING = /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Nko}]$/u;
  const JOINER = "\u200d"; // keeps joined letters joined where one of them is widened

  // Boxes [left, right], those that touch as one, from left to right.
  function joint(boxes) {
    boxes.sort((one, other) => one[0] - other[0]);
    const merged = [];
    for (const [left, right] of boxes) {
      const open = merged.at(-1);
      if (open && left <= open[1] + 1) open[1] = Math.max(open[1], right); else merged.push([left, right]);
    }
    return merged;
  }

  class Line {
    constructor(grid, number) {
      Object.assign(this, { grid, number, layout: grid.layout, text: grid.layout.text, line: grid.layout.lines[number] });
      this.cells = []; // { element, row, token, start, end }
      this.element = make("div", "pg-tok-line");
      this.element.setAttribute("role", "rowgroup");
      this.element.style.top = `${number * grid.sizes.block}px`;
      this.writing = make("div", "pg-tok-text");
      this.writing.setAttribute("aria-hidden", "true");
      this.writing.dir = this.text.count ? this.text.direction(Math.min(this.line.from, this.text.count - 1)) : "ltr";
      this.write();
      this.marks = make("div", "pg-tok-marks");
      this.marks.setAttribute("aria-hidden", "true");
      const upper = make("div", "pg-tok-upper");
      upper.append(this.marks, this.writing);
      upper.setAttribute("role", "none");
      this.element.append(upper);
    }

    // -- the text: a text node for each stretch that is as it is, an element for each grapheme that is widened or stands for a sign
    write() {
      const { line, text } = this;
      this.nodes = []; // by grapheme: [node, offset, length], or [element]
      this.gapAt = new Map();
      let node = null;
      for (let g = line.from; g <= line.to; g++) {
        const gap = line.gaps.get(g);
        if (gap) {
          const space = make("span", "pg-tok-gap");
          space.style.width = `${gap}px`;
          this.writing.append(space);
          this.gapAt.set(g, space);
          node = null;
        }
        if (g === line.to) break;
        const grapheme = text.grapheme(g);
        const { text: out, sign } = drawn(grapheme);
        const pad = line.pads.get(g) || 0;
        if (!pad && !sign) {
          if (!node) { node = document.createTextNode(this.joined(g, -1) && line.pads.has(g - 1) ? JOINER : ""); this.writing.append(node); }
          this.nodes.push([node, node.length, grapheme.length]);
          node.data += grapheme;
          if (line.pads.has(g + 1) && this.joined(g, 1)) node.data += JOINER;
          continue;
        }
        node = null;
        const element = make("span", sign ? `pg-tok-sign pg-tok-${sign}` : "", sign ? out : (this.joined(g, -1) ? JOINER : "") + grapheme + (this.joined(g, 1) ? JOINER : ""));
        if (sign === "tab" || sign === "control") element.style.width = `${this.layout.measure.of(grapheme) + pad}px`;
        else if (pad) element.style[line.cuts.has(g) ? "paddingInline" : "paddingInlineEnd"] = `${line.cuts.has(g) ? pad / 2 : pad}px`;
        this.writing.append(element);
        this.nodes.push([element]);
      }
    }

    joined(g, side) {
      const other = g + side;
      if (other < this.line.from || other >= this.line.to) return false;
      return JOINING.test(this.text.grapheme(g)) && JOINING.test(this.text.grapheme(other));
    }

    // -- measuring: all lines are in the page before the first is measured
    measure() {
      const box = this.writing.getBoundingClientRect();
      this.left = box.left;
      this.right = box.right;
      this.boxes = [];
    }

    // The boxes of graphemes a to b (b not among them), left to right: more than one where directions mix.
    rects(a, b) {
      const { from } = this.line;
      const range = document.createRange();
      const [first, offset] = this.nodes[a - from];
      const [final, begin, length] = this.nodes[b - 1 - from];
      if (offset === undefined) range.setStartBefore(first); else range.setStart(first, offset);
      if (begin === undefined) range.setEndAfter(final); else range.setEnd(final, begin + length);
      const found = [...range.getClientRects()].filter((rect) => rect.width > 0).map((rect) => [rect.left - this.left, rect.right - this.left]);
      return joint(found);
    }

    box(g) {
      return (this.boxes[g - this.line.from] ??= this.rects(g, g + 1)[0] ?? [0, 0]);
    }

    rtl(g) {
      const grapheme = this.text.grapheme(g);
      return isRtl(grapheme) || (this.writing.dir === "rtl" && !/[\p{L}\p{N}]/u.test(grapheme));
    }

    // A part of grapheme g, by the places that the layout gave its bytes.
    part(g, start, end) {
      const cuts = this.line.cuts.get(g);
      const [left, right] = this.box(g);
      const from = this.text.byte[g];
      const size = this.text.byte[g + 1] - from;
      const share = (byte) => {
        const place = cuts ? cuts.bytes.indexOf(byte) : -1;
        return place < 0 ? (byte - from) / size : cuts.at[place];
      };
      const [one, other] = [share(Math.max(start, from)), share(Math.min(end, from + size))];
      return this.rtl(g) ? [right - other * (right - left), right - one * (right - left)] : [left + one * (right - left), left + other * (right - left)];
    }

    // Where [start, end) of the text's bytes lies in this line.
    where(start, end) {
      const { text, line } = this;
      const low = Math.max(start, text.byte[line.from]);
      const high = Math.min(end, text.byte[line.to]);
      if (low >= high) return [];
      let a = text.graphemeOf(low);
      let b = text.graphemeOf(high - 1) + 1;
      const found = [];
      if (b - a === 1 && (low > text.byte[a] || high < text.byte[b])) return [this.part(a, low, high)];
      if (low > text.byte[a]) { found.push(this.part(a, low, text.byte[a + 1])); a += 1; }
      if (high < text.byte[b]) { b -= 1; found.push(this.part(b, text.byte[b], high)); }
      if (a < b) found.push(...this.rects(a, b));
      return joint(found);
    }

    // -- the rows
    // Made aside, and put in by `attach`: each look at where the text lies would else lay the page out anew.
    fill() {
      const { grid, layout } = this;
      this.made = document.createDocumentFragment();
      layout.rows.forEach((row, r) => {
        const element = make("div", "pg-tok-row");
        element.setAttribute("role", "row");
        element.setAttribute("aria-rowindex", String(this.number * layout.rows.length + r + 1));
        element.dataset.tier = row.tier;
        const head = make("div", "pg-tok-head");
        head.setAttribute("role", "rowheader");
        head.setAttribute("aria-colindex", "1");
        head.append(make("span", "pg-tok-name", grid.short(row)));
        if (this.number === 0) head.append(make("span", "pg-tok-count", row.count.toLocaleString("en")));
        head.title = row.title;
        const track = make("div", "pg-tok-track");
        track.setAttribute("role", "none");
        element.append(head, track);
        this.row(r, row, track, grid.mode);
        this.made.append(element);
      });
    }

    attach() { this.element.append(this.made); }

    row(r, row, track, mode) {
      const { layout, line, text, number } = this;
      const low = text.byte[line.from];
      const high = text.byte[line.to];
      const next = layout.lines[number + 1];
      const stop = next ? next.first[r] : row.count;
      let covered = low;
      let used = 0; // of the gap before a grapheme, by this row's chips
      let usedAt = -1;
      for (let token = line.first[r]; token < row.count; token++) {
        const start = row.spans[2 * token];
        const end = row.spans[2 * token + 1];
        if (token >= stop && (start >= high || start === end)) break;
        if (start === end) { // not the shared ones: they are drawn with the token before them
          const g = text.graphemeOf(start);
          const space = this.gapAt.get(g);
          const width = layout.need(r, token, false);
          if (usedAt !== g) { used = 0; usedAt = g; }
          const box = space ? space.getBoundingClientRect() : null;
          const rtl = this.writing.dir === "rtl";
          const left = box ? (rtl ? box.right - this.left - used - width : box.left - this.left + used) : 0;
          this.cell(r, row, token, [[left, left + width]], track, mode);
          used += width;
          continue;
        }
        if (start > covered) this.open(covered, start, track);
        const boxes = this.where(start, end);
        let shared = 0;
        while (row.shared && token + shared + 1 < row.count && row.flags[token + shared + 1] & FLAG.SHARED) shared += 1;
        if (shared && start >= low) this.together(r, row, token, shared, boxes, track, mode);
        else if (start < low) this.rest(boxes, r, token, row, track);
        else this.cell(r, row, token, boxes, track, mode);
        token += shared;
        covered = Math.max(covered, end);
      }
      if (covered < high) this.open(covered, high, track);
    }

    // Several tokens that stand for one stretch: side by side in its box.
    together(r, row, token, shared, boxes, track, mode) {
      const [left, right] = boxes.reduce((widest, box) => (box[1] - box[0] > widest[1] - widest[0] ? box : widest), boxes[0] ?? [0, 0]);
      const width = (right - left) / (shared + 1);
      for (let place = 0; place <= shared; place++) this.cell(r, row, token + place, [[left + place * width, left + (place + 1) * width]], track, mode);
    }

    // What a token has in this line, having begun in the one before.
    rest(boxes, r, token, row, track) {
      for (const box of boxes) {
        const element = this.place(make("span", "pg-tok-cell pg-tok-rest"), box, track);
        const { text, kind } = label(this.text, row, token, this.grid.mode);
        element.append(make("span", "pg-tok-label", text));
        element.dataset.kind = kind;
        element.setAttribute("aria-hidden", "true");
        this.dress(element, row, token);
        this.cells.push({ element, row: r, token, start: row.spans[2 * token], end: row.spans[2 * token + 1], rest: true });
      }
    }

    // Bytes that no token covers.
    open(start, end, track) {
      for (const box of this.where(start, end)) {
        const element = this.place(make("span", "pg-tok-open"), box, track);
        element.setAttribute("aria-hidden", "true");
      }
    }

    place(element, [left, right], track) {
      element.style.left = `${left.toFixed(2)}px`;
      element.style.width = `${Math.max(1, right - left).toFixed(2)}px`;
      track.append(element);
      return element;
    }

    dress(element, row, token) {
      const flags = row.flags[token];
      element.dataset.odd = token % 2;
      if (flags & FLAG.SPECIAL) element.dataset.special = "";
      if (flags & FLAG.UNKNOWN) element.dataset.unknown = "";
      if (flags & FLAG.SPLIT) element.dataset.split = "";
      if (flags & FLAG.CONTINUES) element.dataset.continues = "";
    }

    cell(r, row, token, boxes, track, mode) {
      const start = row.spans[2 * token];
      const end = row.spans[2 * token + 1];
      const box = boxes.reduce((widest, one) => (one[1] - one[0] > widest[1] - widest[0] ? one : widest), boxes[0] ?? [0, 0]);
      const element = this.place(make("span", "pg-tok-cell"), box, track);
      const { text, kind } = label(this.text, row, token, mode);
      element.append(make("span", "pg-tok-label", text));
      element.dataset.kind = kind;
      this.dress(element, row, token);
      element.setAttribute("role", "gridcell");
      element.setAttribute("aria-colindex", String(token + 2));
      const id = row.ids[token];
      const words = said(row.flags[token]);
      element.setAttribute("aria-label", [text, id >= 0 && mode !== "ids" ? `id ${id}` : "", `bytes ${start} to ${end}`, words].filter(Boolean).join(", "));
      element.tabIndex = -1;
      this.cells.push({ element, row: r, token, start, end });
      for (const other of boxes) {
        if (other === box) continue;
        const more = this.place(make("span", "pg-tok-cell pg-tok-rest"), other, track);
        this.dress(more, row, token);
        this.cells.push({ element: more, row: r, token, start, end, rest: true });
      }
    }

    // Boxes over the text for stretches of bytes: [start, end, class].
    mark(stretches) {
      this.marks.replaceChildren(...stretches.flatMap(([start, end, cls]) => this.where(start, end).map(([left, right]) => {
        const element = make("span", cls);
        element.style.left = `${left.toFixed(2)}px`;
        element.style.width = `${(right - left).toFixed(2)}px`;
        return element;
      })));
    }
  }

  playground.ruler.Line = Line;
})();

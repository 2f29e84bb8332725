// Where the ruler's lines break, and where its text must be widened so that every token below has room.
//
// One sweep over the graphemes. A border between graphemes lies at least as far right as the text needs, and as each row's token
// that ends there needs: the longest path, so nothing is wider than it must. What the text lacks is added as padding of a
// grapheme, or as a gap before it for tokens that stand for no text ([CLS]).
(() => {
  const { drawn, ruler } = { drawn: playground.ruler.drawn, ruler: playground.ruler };
  const OPEN = -1e9; // where a token began that goes on from the line before: it asks for nothing more
  const FLAG = { SPECIAL: 1, UNKNOWN: 2, CONTINUES: 4, SPLIT: 8, SHARED: 16 };
  const BLANK = /^[^\S\n\r]/;
  const BREAKS_AFTER = /[\u200b\-–—/]$|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}。，、！？；：]$/u;

  // What numbers the server packed.
  function unpack(row) {
    const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const ids = new Int32Array(bytes(row.ids).buffer);
    const spans = new Int32Array(bytes(row.spans).buffer);
    const flags = bytes(row.flags);
    return { ...row, ids, spans, flags, count: ids.length, shared: flags.some((flag) => flag & FLAG.SHARED) };
  }

  // Widths in pixels of graphemes as the line of text draws them, each measured once.
  class Measure {
    constructor(font, signFont) {
      this.context = document.createElement("canvas").getContext("2d");
      this.font = font;
      this.signFont = signFont;
      this.known = new Map();
    }

    of(grapheme) {
      let found = this.known.get(grapheme);
      if (found === undefined) {
        const { text, sign } = drawn(grapheme);
        this.context.font = sign ? this.signFont : this.font;
        const measured = this.context.measureText(text).width;
        found = sign === "tab" ? Math.max(measured, 34) : sign === "control" ? measured + 8 : measured;
        this.known.set(grapheme, found);
      }
      return found;
    }
  }

  // What the sweep knows at one border; copied where the line may break.
  class Sweep {
    constructor(count) {
      this.next = new Int32Array(count); // by row: the first token that has not ended
      this.began = new Float64Array(count); // by row: where in the line it began
      this.x = 0;
    }

    // Takes what another knows.
    take(other) {
      this.next.set(other.next);
      this.began.set(other.began);
      this.x = other.x;
      return this;
    }
  }

  // need(row, token, inside): pixels that a token asks for; inside: it begins or ends inside a grapheme.
  class Layout {
    constructor(text, rows, width, measure, need) {
      Object.assign(this, { text, rows, width, measure, need, lines: [] });
      this.lay();
      this.starts = Uint32Array.from(this.lines, (line) => text.byte[line.from]);
    }

    lay() {
      const { text, rows, width, measure } = this;
      const sweep = new Sweep(rows.length);
      const before = new Sweep(rows.length); // what was known before the grapheme at hand
      const kept = new Sweep(rows.length); // and at the best place for a break
      let g = 0;
      let ended = false;
      while (!ended) {
        const line = { from: g, to: g, first: sweep.next.slice(), gaps: new Map(), pads: new Map(), cuts: new Map() };
        this.lines.push(line);
        sweep.x = 0;
        sweep.began.fill(OPEN);
        let best = -1;
        let blank = true;
        for (;;) {
          before.take(sweep);
          const begun = g > line.from;
          const gap = this.chips(sweep, g);
          if (gap) line.gaps.set(g, gap);
          sweep.x += gap;
          if (g === text.count) {
            if (sweep.x > width && gap && begun) { line.gaps.delete(g); sweep.take(before); line.to = g; break; }
            line.to = g;
            ended = true;
            break;
          }
          const grapheme = text.grapheme(g);
          const wanted = measure.of(grapheme);
          const isBlank = BLANK.test(grapheme);
          if (isBlank && !blank) { best = g; kept.take(before); } // before a blank: most tokenizers give it to the word behind it
          blank = isBlank;
          const end = this.step(sweep, g, wanted, line);
          if (end > width && begun) {
            sweep.take(best > line.from ? kept : before);
            g = best > line.from ? best : g;
            for (const known of [line.gaps, line.pads, line.cuts]) for (const key of known.keys()) if (key >= g) known.delete(key);
            line.to = g;
            break;
          }
          if (end - sweep.x - wanted > 0.25) line.pads.set(g, end - sweep.x - wanted);
          sweep.x = end;
          g += 1;
          const broken = grapheme === "\n" || grapheme === "\r" || grapheme === "\r\n";
          if (broken) { line.to = g; if (g === text.count && !this.trailing(sweep)) ended = true; break; }
          if (BREAKS_AFTER.test(grapheme)) { best = g; kept.take(sweep); }
        }
      }
    }

    trailing(sweep) { return this.rows.some((row, r) => sweep.next[r] < row.count); }

    // The room that tokens without text take before grapheme g: of the row that has most of them.
    chips(sweep, g) {
      const at = this.text.byte[g];
      let widest = 0;
      for (let r = 0; r < this.rows.length; r++) {
        const { spans, count } = this.rows[r];
        let taken = 0;
        while (sweep.next[r] < count && spans[2 * sweep.next[r]] <= at && spans[2 * sweep.next[r] + 1] === spans[2 * sweep.next[r]]) {
          taken += this.need(r, sweep.next[r], false);
          sweep.next[r] += 1;
        }
        if (taken > widest) widest = taken;
      }
      return widest;
    }

    // Where grapheme g ends; advances every row over the tokens that end in it.
    step(sweep, g, wanted, line) {
      const { rows, text } = this;
      const from = text.byte[g];
      const to = text.byte[g + 1];
      const { x, next, began } = sweep;
      let end = x + wanted;
      let inside = false;
      for (let r = 0; r < rows.length; r++) {
        const { spans, count } = rows[r];
        const token = next[r];
        if (token >= count) continue;
        const start = spans[2 * token];
        const stop = spans[2 * token + 1];
        if (start >= to) continue;
        if (start === from) began[r] = x;
        if (stop < to || (start > from && start < to)) { inside = true; continue; }
        if (stop === to) {
          end = Math.max(end, began[r] + this.group(r, token, false));
        }
      }
      if (inside) end = this.within(sweep, g, from, to, end, line);
      else {
        for (let r = 0; r < rows.length; r++) {
          const { spans, count } = rows[r];
          if (next[r] < count && spans[2 * next[r]] < to && spans[2 * next[r] + 1] <= to) next[r] = this.after(r, next[r], to);
        }
      }
      return end;
    }

    // What a token asks for with those behind it that stand for the same stretch.
    group(r, token, inside) {
      let asked = this.need(r, token, inside);
      if (this.rows[r].shared) for (let other = token + 1; other < this.rows[r].count && this.rows[r].flags[other] & FLAG.SHARED; other++) asked += this.need(r, other, true);
      return asked;
    }

    after(r, token) {
      const { flags, count, shared } = this.rows[r];
      let other = token + 1;
      if (shared) while (other < count && flags[other] & FLAG.SHARED) other += 1;
      return other;
    }

    // A grapheme that some row cuts: every cut has its place in it.
    within(sweep, g, from, to, end, line) {
      const { rows } = this;
      const { x, next, began } = sweep;
      const ends = new Map([[to, []]]); // byte: the tokens [row, token, start] that end there
      const starts = []; // [row, byte]: tokens that begin inside and do not end
      for (let r = 0; r < rows.length; r++) {
        const { spans, count } = rows[r];
        while (next[r] < count) {
          const token = next[r];
          const start = spans[2 * token];
          const stop = spans[2 * token + 1];
          if (start > from && start < to && !ends.has(start)) ends.set(start, []);
          if (start >= to) break;
          if (stop > to) { if (start > from) starts.push([r, start]); break; }
          if (!ends.has(stop)) ends.set(stop, []);
          ends.get(stop).push([r, token, start]);
          next[r] = this.after(r, token);
        }
      }
      const cuts = [...ends.keys()].sort((one, other) => one - other);
      const at = new Map([[from, x]]);
      let here = x;
      for (const cut of cuts) {
        for (const [r, token, start] of ends.get(cut)) {
          const origin = start < from ? began[r] : at.get(start) ?? x;
          const partly = start > from || cut < to;
          here = Math.max(here, origin + this.group(r, token, partly));
        }
        at.set(cut, here);
      }
      const whole = Math.max(here, end);
      const slack = whole - here;
      for (const cut of cuts) at.set(cut, at.get(cut) + (slack * (cut - from)) / (to - from));
      for (const [r, start] of starts) began[r] = at.get(start);
      line.cuts.set(g, { bytes: [from, ...cuts], at: [0, ...cuts.map((cut) => (whole > x ? (at.get(cut) - x) / (whole - x) : 0))] });
      return whole;
    }

    // The line in which row r's token begins.
    lineOf(r, token) {
      let low = 0;
      let high = this.lines.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (this.lines[middle].first[r] <= token) low = middle; else high = middle - 1;
      }
      while (low > 0 && this.lines[low].first[r] === token && this.rows[r].spans[2 * token] < this.starts[low]) low -= 1;
      return low;
    }

    lineAt(byte) { return ruler.last(this.starts, byte); }
  }

  Object.assign(playground.ruler, { FLAG, unpack, Measure, Layout });
})();

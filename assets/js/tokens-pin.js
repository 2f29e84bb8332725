// One token in words: the line below the ruler while it is looked at, and the section with all of it once it is pinned.
(() => {
  const { ask } = playground;
  const { make, said, shown, hex } = playground.ruler;
  const SOME = 16; // bytes that the line names

  // The line below the grid. It is there from the start, so that nothing moves.
  function read(place, text, row, token) {
    if (!row) { place.replaceChildren(make("span", "pg-quiet", "Point at a token: the same bytes are marked in every row. Choose it to see how it came to be.")); return; }
    const start = row.spans[2 * token];
    const end = row.spans[2 * token + 1];
    const id = row.ids[token];
    const surface = start === end ? null : text.surface(start, end);
    const bytes = text.bytes.subarray(start, Math.min(end, start + SOME));
    const parts = [["", row.title]];
    if (id >= 0) parts.push(["id", String(id)]);
    const form = row.forms[id];
    if (form !== undefined && form !== surface) parts.push(["form", form]);
    if (surface !== null) parts.push(["", `“${shown(surface.slice(0, 60))}${surface.length > 60 ? "…" : ""}”`]);
    if (end > start) {
      const [from, to] = [text.place(start), text.place(end)];
      parts.push(["bytes", `${start}–${end}: ${hex(bytes)}${end - start > SOME ? " …" : ""}`]);
      if (from >= 0 && to >= 0) parts.push(["characters", `${count(text.text, from)}–${count(text.text, to)}`]);
    } else parts.push(["at byte", String(start)]);
    const flags = said(row.flags[token]);
    if (flags) parts.push(["", flags]);
    place.replaceChildren(...parts.map(([name, value], number) => {
      const part = make("span", "pg-tok-said");
      if (name) part.append(make("span", "pg-quiet", name), " ");
      const what = make(number ? "bdi" : "b", name ? "pg-tok-mono" : "", value);
      part.append(what);
      return part;
    }));
  }

  // Code points before a place in UTF-16: what other programs call characters.
  function count(text, at) {
    let pairs = 0;
    for (let place = 0; place < at; place++) if ((text.charCodeAt(place) & 0xfc00) === 0xdc00) pairs += 1;
    return at - pairs;
  }

  class Pin {
    constructor(section, body) { Object.assign(this, { section, body, asked: 0 }); }

    async show(reading, pinned) {
      const number = ++this.asked;
      this.section.hidden = false;
      this.body.setAttribute("aria-busy", "true");
      const { text, control, special } = reading;
      const reply = await ask("tokens_explain", { text, row: pinned.row, token: pinned.place, control, special });
      if (number !== this.asked) return;
      this.body.removeAttribute("aria-busy");
      if (reply.html) this.body.innerHTML = reply.html; // the server's, escaped there
      else this.body.replaceChildren(make("p", "pg-input-error", reply.error));
    }

    hide() {
      this.asked += 1;
      this.section.hidden = true;
      this.body.replaceChildren();
    }
  }

  Object.assign(playground.ruler, { read, Pin });
})();

// The token lens: the text itself, and in it what one token looks at, or what looks at it. Values are the heatmap's.
(() => {
  const { look, make, visible, attColours: colours } = playground;
  const MOST = 5; // tokens of the list
  const UNSEEN = /^[\p{C}\p{M}\s]*$/u;
  const characters = new WeakMap();

  // Offsets count characters, not JavaScript's halves of them.
  function slice(side, start, end) {
    if (!characters.has(side)) characters.set(side, Array.from(side.text));
    return characters.get(side).slice(start, end).join("");
  }

  class Lens {
    constructor(place) {
      this.hovered = null; // { side, place }, as `pinned`
      this.pinned = null;
      this.mode = "from"; // what it looks at; or "to": what looks at it
      this.texts = make("div", { className: "pg-lens-texts" });
      this.title = make("h4", { className: "pg-lens-title" });
      this.list = make("ol", { className: "pg-lens-list" });
      this.modes = make("span", { className: "pg-segments" });
      this.modes.setAttribute("role", "group");
      this.modes.setAttribute("aria-label", "Direction");
      for (const [mode, textContent] of [["from", "what it looks at"], ["to", "what looks at it"]]) {
        const button = make("button", { type: "button", textContent, dataset: { mode } });
        button.addEventListener("click", () => { this.mode = mode; this.paint(); this.changed?.(); });
        this.modes.append(button);
      }
      const hint = make("p", { className: "pg-quiet pg-lens-hint", textContent: "Point at a token; a click or Enter keeps it." });
      const element = make("div", { className: "pg-lens" }, make("h3", { textContent: "In the text" }), this.modes, hint, this.texts, this.title, this.list);
      for (const [name, over] of [["pointerover", true], ["pointerleave", false], ["focusin", true], ["focusout", false]]) {
        this.texts.addEventListener(name, (event) => this.point(over ? event.target.closest("[data-place]") : null));
      }
      this.texts.addEventListener("click", (event) => this.pin(event.target.closest("[data-place]")));
      this.texts.addEventListener("keydown", (event) => this.key(event));
      place.append(element);
    }

    // -- what is shown
    show(reply, map) {
      const form = JSON.stringify([reply.rows, reply.columns, reply.queries, reply.keys]);
      this.reply = reply;
      if (map !== this.map || form !== this.form) { this.map = map; this.form = form; this.write(); }
      this.paint();
    }

    clear() {
      this.reply = this.map = null;
      this.texts.replaceChildren();
      this.list.replaceChildren();
      this.title.textContent = "";
    }

    get crosses() { return this.reply.queries !== this.reply.keys; }

    write() {
      const { reply, map } = this;
      this.hovered = null;
      this.items = new Map(); // by side: by place of each token: its element, which a word's tokens share
      const sides = this.crosses ? [[reply.keys, reply.columns, "It read"], [reply.queries, reply.rows, "It wrote"]] : [[reply.queries, reply.rows, ""]];
      this.texts.replaceChildren(...sides.flatMap(([number, groups, title]) => {
        const text = this.text(map.sides[number], number, groups);
        text.setAttribute("aria-label", title ? `${title}: tokens` : "Tokens");
        return title ? [make("h4", { className: "pg-lens-side", textContent: title }), text] : [text];
      }));
    }

    text(side, number, groups) {
      const items = new Map();
      this.items.set(number, items);
      const box = make("div", { className: "pg-lens-text", dir: "auto" });
      box.setAttribute("role", "listbox");
      const first = new Map(groups.map((places) => [places[0], places]));
      const inside = new Set(groups.flat());
      let written = 0;
      side.tokens.forEach((token, place) => {
        const places = first.get(place);
        if (!places && inside.has(place)) return; // a later piece of a word
        const start = side.starts[place];
        const end = side.ends[(places ?? [place]).at(-1)];
        const stands = end > start && !side.special[place];
        if (stands && start > written) box.append(slice(side, written, start));
        const part = stands && end <= written; // of a character that several tokens share
        const surface = stands && !part ? slice(side, Math.max(start, written), end) : "";
        const more = part || (surface && UNSEEN.test(surface) && surface.trim()); // a joiner, a mark by itself
        const element = make("span", { className: "pg-lens-token" });
        if (!surface || more) element.append(more ? "+" : visible(token));
        else if (surface.trim()) element.append(surface);
        else element.append(visible(surface), /[\r\n]/.test(surface) ? "\n" : "");
        element.classList.toggle("pg-lens-chip", !surface || Boolean(more));
        if (more) element.dataset.part = "";
        if (places) {
          Object.assign(element.dataset, { place, side: number });
          element.setAttribute("role", "option");
          element.tabIndex = -1;
          for (const one of places) items.set(one, element);
        } else {
          element.classList.add("pg-lens-hidden");
          element.title = "hidden";
        }
        box.append(element);
        if (stands) written = Math.max(written, end);
      });
      box.append(slice(side, written, undefined));
      const reach = box.querySelector("[data-place]");
      if (reach) reach.tabIndex = 0;
      return box;
    }

    // -- which token
    point(element) {
      const next = element ? { side: Number(element.dataset.side), place: Number(element.dataset.place) } : null;
      if (next?.side === this.hovered?.side && next?.place === this.hovered?.place) return;
      this.hovered = next;
      this.paint();
    }

    pin(element) {
      if (!element) return;
      const token = { side: Number(element.dataset.side), place: Number(element.dataset.place) };
      const same = this.element(this.pinned) === element;
      look.chooseToken(same ? null : token);
    }

    key(event) {
      const element = event.target.closest("[data-place]");
      if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
      const all = [...element.parentElement.querySelectorAll("[data-place]")];
      const at = all.indexOf(element);
      const onwards = getComputedStyle(element.parentElement).direction === "rtl" ? -1 : 1;
      const to = { ArrowRight: at + onwards, ArrowLeft: at - onwards, ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (event.key === "Enter" || event.key === " ") this.pin(element);
      else if (event.key === "Escape") look.chooseToken(null);
      else if (to === undefined) return;
      else all[Math.min(all.length - 1, Math.max(0, to))].focus();
      event.preventDefault();
    }

    element(token) { return token ? this.items?.get(token.side)?.get(token.place) ?? null : null; }

    // The token that is shown: pointed at, kept, or the first one of the text.
    get active() {
      const { reply, map } = this;
      for (const token of [this.hovered, this.pinned]) if (this.element(token)) return token;
      const side = map.sides[reply.queries];
      const row = reply.rows.find(([place]) => !side.special[place]) ?? reply.rows[0];
      return { side: reply.queries, place: row[0] };
    }

    // What it has to do with each other token: { from: whether it is the query, index: its row or column, groups, values, side }.
    links(token) {
      const { reply } = this;
      const from = this.crosses ? token.side === reply.queries : this.mode === "from";
      const own = from ? reply.rows : reply.columns;
      const groups = from ? reply.columns : reply.rows;
      const index = own.findIndex((places) => places.includes(token.place));
      const wide = reply.columns.length;
      const values = groups.map((_, other) => (index < 0 ? NaN : reply.values[from ? index * wide + other : other * wide + index]));
      return { from, index, groups, values, side: from ? reply.keys : reply.queries };
    }

    pin_(token) { this.pinned = token; if (this.reply) this.paint(); }

    // -- painting
    paint() {
      const { reply } = this;
      if (!reply) return;
      const token = this.active;
      const { from, index, groups, values, side } = this.links(token);
      this.modes.hidden = this.crosses;
      for (const button of this.modes.children) button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
      const active = this.element(token);
      const kept = this.element(this.pinned);
      for (const [, items] of this.items) {
        for (const element of new Set(items.values())) {
          element.style.background = element.style.color = "";
          element.toggleAttribute("data-active", element === active);
          element.setAttribute("aria-selected", String(element === kept));
          element.removeAttribute("title");
          element.setAttribute("aria-label", element.textContent.trim() || "blank");
        }
      }
      const verb = from ? "looked at" : "looks";
      groups.forEach((places, at) => {
        const element = this.items.get(side).get(places[0]);
        const value = values[at];
        if (Number.isNaN(value)) return;
        const colour = colours.of(value);
        if (colours.place(value) > 0.01) { element.style.background = colours.css(colour); element.style.color = colours.ink(colour); }
        element.title = `${verb} ${value.toPrecision(3)}`;
        element.setAttribute("aria-label", `${element.textContent.trim() || "blank"}, ${verb} ${value.toFixed(3)}`);
      });
      const names = from ? reply.column_names : reply.row_names;
      const own = from ? reply.row_names : reply.column_names;
      this.title.replaceChildren("“", make("bdi", { textContent: own[index] ?? "" }), from ? "” looks at" : "” is looked at by");
      const order = [...values.keys()].filter((at) => values[at] > 0).sort((one, other) => values[other] - values[one]).slice(0, MOST);
      this.list.replaceChildren(...order.map((at) => {
        const bar = make("span", { className: "pg-lens-bar" });
        bar.style.setProperty("--share", String(Math.min(1, values[at])));
        return make("li", {}, make("bdi", { textContent: names[at] }), bar, make("b", { textContent: values[at] < 0.0005 ? "< 0.001" : values[at].toFixed(3) }));
      }));
    }
  }

  look.Lens = Lens;
})();

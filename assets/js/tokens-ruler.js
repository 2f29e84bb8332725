// The ruler's panel: the text, which tokenizers read it, what is asked of the server, and what the address says of all that.
(() => {
  const { ask, writeLink } = playground;
  const { RulerText, unpack, Grid, Finder, Pin, read, make } = playground.ruler;
  const SOON = 200, LATER = 500; // milliseconds after a key: a long text waits longer
  const LONG = 8000, MOST = 8;
  const START = "#pg-tokens-ruler ";

  class Ruler {
    constructor() {
      const part = (name) => document.querySelector(`${START}#pg-tok-${name}`);
      Object.assign(this, {
        area: part("text"), error: part("error"), counter: part("counter"), list: part("rows"), add: part("add"), pick: part("pick"),
        hub: part("hub"), addError: part("add-error"), readout: part("readout"), live: part("said"),
        names: [], replies: new Map(), titles: new Map(), control: false, special: true, show: "pieces", pinned: null, asked: 0, wanted: null,
      });
      this.grid = new Grid(part("grid"), {
        hover: (row, token) => read(this.readout, this.grid.text, row === null ? null : this.grid.rows[row], token),
        pin: (row, token) => this.pin(row, token),
        unpin: () => this.unpin(),
      });
      this.finder = new Finder(this.grid, part("found"), part("find"));
      this.pinboard = new Pin(part("pin"), part("pin-body"));
      read(this.readout, null, null, 0);
      this.area.addEventListener("input", (event) => this.changed(event.inputType === "insertFromPaste"));
      this.add.addEventListener("submit", (event) => { event.preventDefault(); this.adds(); });
      part("pin").addEventListener("keydown", (event) => { if (event.key === "Escape") this.unpin(); });
      document.addEventListener("pg:add-row", (event) => this.addRow(event.detail.id, true));
      document.addEventListener("pg:remove-row", (event) => { if (this.names.includes(event.detail.id)) this.remove(event.detail.id, false); });
      document.addEventListener("pg:set-text", (event) => { this.fill(event.detail.text); scrollTo({ top: 0 }); });
    }

    get limit() { return Number(this.area.dataset.limit); }

    // -- what the address says
    async restore(link) {
      const { fields } = link;
      const models = link.models;
      const rows = (fields.get("rows") || "").split(",").map((id) => id.trim()).filter(Boolean).slice(0, MOST);
      const brings = link.text !== null || rows.length > 0 || Object.keys(models).length > 0;
      if (this.names.length && !brings) return;
      const reply = await ask("tokens_choices", { models });
      if (reply.error) { this.fault(reply.error); return; }
      this.choices(reply);
      this.control = fields.get("control") === "1";
      this.special = fields.get("special") !== "0";
      if (["pieces", "ids", "bytes"].includes(fields.get("show"))) this.show = fields.get("show");
      this.names = rows.length ? [...new Set(rows)] : reply.rows;
      const pin = fields.get("pin") || "";
      const colon = pin.lastIndexOf(":");
      this.wanted = colon > 0 ? { row: pin.slice(0, colon), place: Number(pin.slice(colon + 1)) } : null;
      if (link.text !== null) this.area.value = link.text;
      else if (!this.area.value) this.area.value = document.querySelector(`${START}[data-act=tok-example]`).dataset.text;
      this.options();
      this.fit();
      this.ask();
    }

    link() {
      const fields = new URLSearchParams();
      if (!this.names.length) return fields;
      fields.set("rows", this.names.join(","));
      if (this.control) fields.set("control", "1");
      if (!this.special) fields.set("special", "0");
      if (this.show !== "pieces") fields.set("show", this.show);
      if (this.pinned) fields.set("pin", `${this.pinned.row}:${this.pinned.place}`);
      return fields;
    }

    choices({ groups }) {
      const options = groups.map(({ title, choices }) => {
        const group = make("optgroup", "");
        group.label = title;
        group.append(...choices.map(({ id, title: name }) => { const option = make("option", "", name); option.value = id; this.titles.set(id, name); return option; }));
        return group;
      });
      this.pick.replaceChildren(this.pick.options[0], ...options);
      this.pick.value = "";
    }

    // -- the text
    changed(now = false) {
      this.fit();
      this.fault("");
      clearTimeout(this.timer);
      const { length } = this.area.value;
      this.timer = setTimeout(() => this.ask(), now ? 0 : length > LONG ? LATER : SOON);
    }

    fit() {
      const { value } = this.area;
      if (value.length < LONG) this.area.style.height = "auto"; // a long text fills the box: it is not laid out to be measured
      this.area.style.height = value.length < LONG ? `${Math.min(this.area.scrollHeight + 2, 180)}px` : "180px";
      const near = value.length > this.limit * 0.8 ? ` of ${this.limit.toLocaleString("en")}` : "";
      this.counter.textContent = value ? `${value.length.toLocaleString("en")}${near} characters` : "";
      for (const chip of document.querySelectorAll(`${START}[data-act=tok-example]`)) {
        chip.setAttribute("aria-pressed", String(value !== "" && value === ("long" in chip.dataset ? this.long : chip.dataset.text)));
      }
    }

    fault(sentence) {
      if (this.error.textContent !== sentence) this.error.textContent = sentence;
      this.area.setAttribute("aria-invalid", String(Boolean(sentence)));
    }

    fill(text) {
      this.area.value = text;
      this.area.scrollTop = 0;
      this.unpin(true);
      this.changed(true);
    }

    // -- the rows
    adds() {
      const id = this.hub.value.trim() || this.pick.value;
      if (!id) { this.addError.textContent = "Choose a tokenizer, or type a hub id."; this.pick.focus(); return; }
      this.addRow(id);
    }

    async addRow(id, fresh = false) {
      this.addError.textContent = "";
      if (this.names.includes(id)) { this.addError.textContent = "It is in the ruler already."; return; }
      if (this.names.length >= MOST) { this.addError.textContent = `${MOST} tokenizers are read side by side: remove one first.`; return; }
      if (fresh) { const reply = await ask("tokens_choices", {}); if (reply.groups) this.choices(reply); }
      this.names = [...this.names, id];
      this.pick.value = "";
      this.hub.value = "";
      this.ask();
    }

    remove(id, focus = true) {
      if (this.names.length < 2) return;
      const place = this.names.indexOf(id);
      this.names = this.names.filter((name) => name !== id);
      if (this.pinned?.row === id) this.unpin(true);
      this.replies.delete(id);
      this.drawRows();
      if (focus) this.list.querySelectorAll("[data-act=tok-remove]")[Math.min(place, this.names.length - 1)]?.focus();
      this.ask();
    }

    move(id, by) {
      const place = this.names.indexOf(id);
      const other = place + by;
      if (other < 0 || other >= this.names.length) return;
      [this.names[place], this.names[other]] = [this.names[other], this.names[place]];
      this.present();
      if (playground.reading) document.dispatchEvent(new CustomEvent("pg:reading", { detail: playground.reading })); // in another order
      this.list.querySelectorAll(`[data-act=tok-move][data-by="${by}"]`)[other]?.focus();
    }

    drawRows() {
      this.list.replaceChildren(...this.names.map((id, place) => {
        const reply = this.replies.get(id);
        const item = make("li", "pg-tok-item");
        item.dataset.tier = reply?.tier ?? "";
        const title = reply?.title ?? this.titles.get(id) ?? id;
        const name = make("span", "pg-tok-title", title);
        name.title = id;
        item.append(name);
        if (reply?.error) item.append(make("span", "pg-input-error", reply.error));
        else if (reply) {
          item.append(make("b", "pg-tok-total", reply.count.toLocaleString("en")), make("span", "pg-tok-kind", `${reply.family}${reply.vocabulary ? ` · ${reply.vocabulary.toLocaleString("en")} in the vocabulary` : ""}`));
          if (reply.reads !== null) item.append(this.remark("reads:", reply.reads));
          if (reply.back !== null) item.append(this.remark("gives back, not exactly:", reply.back));
        }
        const button = (act, sign, words, by) => {
          const element = make("button", "pg-tok-mini", sign);
          Object.assign(element, { type: "button", title: words });
          element.setAttribute("aria-label", `${words}: ${title}`);
          Object.assign(element.dataset, { act, id, ...(by ? { by } : {}) });
          return element;
        };
        const tools = make("span", "pg-tok-minis");
        const [up, down, gone] = [button("tok-move", "↑", "Move up", -1), button("tok-move", "↓", "Move down", 1), button("tok-remove", "×", "Remove")];
        up.disabled = place === 0;
        down.disabled = place === this.names.length - 1;
        gone.disabled = this.names.length < 2;
        tools.append(up, down, gone);
        item.append(tools);
        return item;
      }));
    }

    remark(words, text) {
      const line = make("span", "pg-tok-remark");
      const said = make("bdi", "", text.replaceAll("\n", "⏎"));
      said.dir = "auto";
      line.append(make("span", "pg-quiet", words), " ", said);
      line.title = text;
      return line;
    }

    // -- asking: the newest question wins
    async ask() {
      clearTimeout(this.timer);
      const text = this.area.value;
      const number = ++this.asked;
      const rows = [...this.names];
      const { control, special } = this;
      writeLink();
      if (text.length > 4 * this.limit) { // too much to send: what the server would say
        this.fault(`The text has ${text.length.toLocaleString("en")} characters and the limit is ${this.limit.toLocaleString("en")}: shorten it.`);
        return;
      }
      const reply = await ask("tokens_read", { text, rows, control, special });
      if (number !== this.asked) return;
      if (reply.error) { this.fault(reply.error); this.drawRows(); return; }
      this.fault("");
      this.replies = new Map(reply.rows.map((row) => [row.id, row.error ? row : unpack(row)]));
      playground.reading = { text, rows, control, special, pinned: null };
      this.rulerText = new RulerText(text);
      this.present();
      document.dispatchEvent(new CustomEvent("pg:reading", { detail: playground.reading }));
      this.live.textContent = reply.rows.map((row) => `${row.title}: ${row.error ?? `${row.count} tokens`}`).join("; ");
      const pin = this.wanted ?? this.pinned;
      this.wanted = null;
      if (pin) this.repin(pin);
    }

    present() {
      this.drawRows();
      if (!this.rulerText) return;
      const rows = this.names.map((name) => this.replies.get(name)).filter((row) => row && !row.error);
      this.grid.pinned = null;
      this.grid.show(this.rulerText, rows, this.show);
      this.finder.look(false);
      if (playground.reading) playground.reading.rows = [...this.names];
      if (this.pinned) this.mark(this.pinned);
      writeLink();
    }

    // -- the pin
    mark({ row, place }) {
      const number = this.grid.rows.findIndex((one) => one.id === row);
      const found = this.grid.rows[number];
      if (!found || !(place >= 0 && place < found.count)) return null;
      const [start, end] = [found.spans[2 * place], found.spans[2 * place + 1]];
      this.grid.pinned = { row: number, token: place, start, end };
      this.grid.paint();
      return { row, place, id: found.ids[place], start, end };
    }

    pin(row, token) {
      const pinned = this.mark({ row: this.grid.rows[row].id, place: token });
      if (pinned) this.hold(pinned);
    }

    hold(pinned) {
      this.pinned = pinned;
      playground.reading.pinned = pinned;
      this.pinboard.show(playground.reading, pinned);
      writeLink();
      document.dispatchEvent(new CustomEvent("pg:pin", { detail: pinned }));
    }

    repin(pin) {
      const pinned = this.mark(pin);
      if (!pinned) { this.unpin(); return; }
      this.grid.go(this.grid.pinned.row, pinned.place, { focus: false });
      this.hold(pinned);
    }

    unpin(quietly = false) {
      if (!this.pinned) return;
      this.pinned = null;
      this.grid.pinned = null;
      if (playground.reading) playground.reading.pinned = null;
      const inside = this.pinboard.section.contains(document.activeElement);
      this.pinboard.hide();
      this.grid.paint();
      if (inside && this.grid.rows) this.grid.go(this.grid.focus.row, this.grid.focus.token);
      if (!quietly) writeLink();
      document.dispatchEvent(new CustomEvent("pg:pin", { detail: null }));
    }

    options() {
      for (const button of document.querySelectorAll(`${START}[data-act=tok-show]`)) button.setAttribute("aria-pressed", String(button.dataset.show === this.show));
      for (const button of document.querySelectorAll(`${START}[data-act=tok-control]`)) button.setAttribute("aria-pressed", String((button.dataset.control === "1") === this.control));
      document.querySelector(`${START}[data-option=special]`).checked = this.special;
    }
  }

  playground.ruler.Ruler = Ruler;
})();

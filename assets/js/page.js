// A task's tab: the input lives here in the browser; a Run sends it, and what comes back fills the tab's parts.
(() => {
  const { consoles, actions, root, store, wire, render, grow, addRow } = playground;
  const LINES = /\r\n|\r|\n/;
  let runs = 0;

  class Console {
    constructor(element) {
      this.element = element.querySelector(".pg-console");
      this.task = this.element.dataset.task;
      this.area = this.element.querySelector(".pg-text");
      this.tab = document.getElementById("pg-tab-" + this.task);
      this.stream = null; // what ends the request of the run in flight
      this.models = {};
      this.seed = 0;
      this.running = false;
      this.ran = null; // what the cards' answers are about
      this.fields = new playground.Fields(this.element, () => this.changed(), () => this.renew());
      this.area.addEventListener("input", () => this.changed());
      this.area.addEventListener("paste", () => setTimeout(() => { // several lines pasted at once are several inputs
        if (this.lineCount > 1 && !(this.whole && this.isProse)) { this.linesBox.checked = true; playground.writeLink(); }
      }));
      if (/Mac|iP/.test(navigator.platform)) this.element.querySelector(".pg-kbd").textContent = "⌘ ↵";
      this.area.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) { event.preventDefault(); this.run(); }
      });
    }

    get text() { return this.area.value; }
    set text(value) { this.area.value = value; this.changed(); }
    get values() { return this.fields.values; }
    get limit() { return Number(this.area.dataset.limit); }
    get linesBox() { return this.element.querySelector("[data-act=lines]"); }
    get lineCount() { return this.text.split(LINES).filter((line) => line.trim()).length; }
    get whole() { return "whole" in this.element.dataset; } // of such a task a text of several paragraphs is one input
    get isProse() { return this.text.split(LINES).some((line, place, all) => line.length > 200 || (!line.trim() && place && place < all.length - 1)); }
    get lines() { return this.linesBox.checked && this.lineCount > 1; }

    changed() {
      this.fit();
      this.error("");
      const many = this.lineCount > 1;
      this.element.toggleAttribute("data-many", many);
      if (!many) this.linesBox.checked = false;
      const length = this.text.length;
      const near = length > this.limit * 0.8;
      this.element.querySelector(".pg-counter").textContent = near ? `${length.toLocaleString("en")} of ${this.limit.toLocaleString("en")}` : "";
      const example = [...this.element.querySelectorAll(".pg-chip")].find((chip) => chip.dataset.text === this.text && this.fields.hold(JSON.parse(chip.dataset.values || "{}")));
      for (const chip of this.element.querySelectorAll(".pg-chip")) chip.setAttribute("aria-pressed", String(chip === example));
      const why = this.element.querySelector(".pg-why");
      why.textContent = example?.dataset.why || "";
      why.hidden = !why.textContent;
      this.stale();
      clearTimeout(this.linkTimer);
      this.linkTimer = setTimeout(() => playground.writeLink(), 300);
    }

    // The box grows with its text to eight lines or so, then scrolls.
    fit() {
      this.area.style.height = "auto";
      this.area.style.height = Math.min(this.area.scrollHeight + 2, 260) + "px";
      this.fields.fit();
    }

    // Text and fields at once, as an example, a link or the history has them.
    fill(text, values) {
      this.fields.values = values;
      this.text = text;
      this.renew();
    }

    example(text, values) {
      this.fields.take(values);
      this.text = text;
      this.renew();
    }

    // Cards that have said nothing yet take the labels of the fields.
    renew() { if (this.ran === null && !this.running && this.fields.all.length) this.refresh(); }

    // Answers to another text or of another model than the one now chosen are dimmed: they are no answers to this.
    stale() {
      const now = this.key();
      this.tab?.toggleAttribute("data-stale", this.ran !== null && !this.running && now !== this.ran);
    }

    // The text that the cards' answers are about, which may have been edited since.
    get asked() { return this.ran ? JSON.parse(this.ran)[0] : this.text; }

    key() { return JSON.stringify([this.text, this.models, this.values]); }

    // Beside the input, or beside the field that it is about.
    error(sentence, name = "") {
      const field = this.fields.named(name);
      const here = field ? "" : sentence;
      this.fields.error(sentence, name);
      this.element.querySelector(".pg-input-error").textContent = here;
      this.area.setAttribute("aria-invalid", String(Boolean(here)));
      return field ? field.input : this.area;
    }

    run() {
      this.error("");
      if (!this.lines && this.text.length > this.limit) {
        this.error(`The text has ${this.text.length.toLocaleString("en")} characters and the limit is ${this.limit.toLocaleString("en")}: shorten it.`);
        return;
      }
      if (this.lines && this.text.length > 20 * this.limit) {
        this.error("That paste is too large for one table: paste fewer lines at a time.");
        return;
      }
      this.tab.removeAttribute("data-only-different");
      for (const box of this.tab.querySelectorAll("[data-act=only-different]")) box.checked = false;
      this.number = ++runs;
      this.ranBefore = this.ran;
      this.lastMode = this.lines ? "lines" : "cards";
      this.setRunning(Boolean(this.text.trim()));
      this.follow({ text: this.text, models: this.models, values: this.values, seed: this.seed, lines: this.lines, number: this.number });
      if (this.text.trim()) { this.ran = this.key(); this.stale(); playground.closeWelcome(); this.tab.dataset.mode = this.lastMode; }
    }

    // One run from its request to its last update. A newer one ends it.
    async follow(order) {
      this.stream?.abort();
      const stream = this.stream = new AbortController();
      try {
        for await (const update of wire.lines("run/" + this.task, order, stream)) {
          if (!this.complete) await this.completed();
          if (this.stream !== stream) return;
          this.show(update);
        }
        if (this.stream === stream && this.running) throw new wire.Said(wire.BROKEN); // it ended without its last word
      } catch (error) {
        if (this.stream !== stream) return;
        await this.broke(error instanceof wire.Said ? error.message : wire.BROKEN);
        if (!(error instanceof wire.Said)) throw error; // a bug of ours: the console shall have it
      }
    }

    show(update) {
      for (const [name, html] of Object.entries(update)) {
        if (name.startsWith("more-")) grow(this.tab, name.slice("more-".length), html);
        else if (name !== "history-row") render(this.tab, name, html);
        else if (!addRow(this.tab, html)) this.resync();
      }
      const status = "status" in update && this.tab.querySelector(".pg-status-part [role=status]");
      if (status) this.heard(status);
    }

    // The run in flight will say nothing more. What it had answered stays; a card that still waits says why it ends.
    async broke(sentence) {
      const number = this.number;
      this.setRunning(false);
      this.error(sentence);
      await this.resync();
      if (this.number !== number) return;
      for (const card of this.tab.querySelectorAll(".pg-card[aria-busy=true]")) {
        card.setAttribute("aria-busy", "false");
        card.dataset.phase = "stopped";
        card.querySelector(".pg-headline").textContent = "stopped";
        card.querySelector(".pg-words").textContent = "The connection broke before it answered.";
        card.querySelector(".pg-progress").hidden = true;
      }
    }

    // Asks the server for one update of the tab. Its fault is said beside the input.
    async fetch(path, data) {
      const number = this.number;
      try {
        const update = await wire.send(`${path}/${this.task}`, data);
        if (this.number === number) this.show(update);
      } catch (error) {
        if (!(error instanceof wire.Said)) throw error;
        this.error(error.message);
      }
    }

    // The console may be mounted before the tab's other parts: what is shown too early would be lost when they come.
    get complete() {
      const cards = [...this.tab.querySelectorAll(".pg-card-part")];
      return cards.length > 0 && cards.every((card) => card.querySelector(".pg-card"))
        && ["status", "below", "table", "history"].every((name) => playground.place(this.tab, name));
    }

    async completed() {
      for (let turn = 0; turn < 500 && !this.complete; turn++) await playground.sleep(20);
    }

    async refresh() {
      await this.completed();
      return this.fetch("refresh", { models: this.models, values: this.values });
    }

    // The run in flight ends: its cards are wanted for another.
    async open(run) {
      const { running } = this;
      this.stream?.abort();
      this.stream = null;
      this.setRunning(false);
      await this.fetch("open", { run });
      if (running) await this.resync(); // where that could not be opened, its cards say that they were stopped
    }

    // What the server knows of this tab, after something of it was lost. A server that is gone has been spoken of already.
    async resync() {
      const number = this.number;
      const update = await wire.send("refresh/" + this.task, { models: this.models, values: this.values, everything: true }).catch(() => ({}));
      if (this.number === number) this.show(update);
    }

    async stop() {
      if (!this.running) return;
      this.element.querySelector("[data-act=stop]").textContent = "Stopping …";
      await this.fetch("stop", {});
    }

    setRunning(running) {
      this.running = running;
      this.tab?.toggleAttribute("data-running", running);
      const stop = this.element.querySelector("[data-act=stop]");
      stop.disabled = !running;
      if (!running) stop.textContent = "Stop";
      this.stale();
    }

    // What the server says of a run. An older run's word is not heard.
    heard(status) {
      const said = status.dataset;
      if (said.opened !== undefined) return this.opened(said);
      if (said.number === "-1") return this.error(said.error); // not about a run
      if (said.number === undefined || Number(said.number) !== (this.number ?? 0)) return undefined;
      if (said.mode && "running" in said) this.tab.dataset.mode = said.mode;
      this.setRunning("running" in said);
      if (said.error) { // refused: the cards show again what they did
        if (this.ranBefore !== undefined) this.ran = this.ranBefore;
        this.stale();
        this.error(said.error, said.field).focus();
      }
      return undefined;
    }

    opened(said) {
      if (this.openedRun === said.opened && this.openedNumber === this.number) return;
      this.openedRun = said.opened;
      this.openedNumber = this.number;
      this.models = JSON.parse(said.models);
      this.seed = Number(said.seed) || 0;
      this.linesBox.checked = false;
      this.tab.dataset.mode = "cards";
      playground.closeWelcome();
      this.setRunning(false);
      this.ran = ""; // the cards are there: none is asked for
      this.fill(said.text, JSON.parse(said.values || "{}"));
      this.ran = this.key();
      this.stale();
      this.element.scrollIntoView({ block: "nearest" });
    }

    // From a link: the input is restored, and nothing runs by itself.
    restore(link) {
      this.models = link.models;
      this.seed = link.seed;
      const asked = link.text !== null || Object.keys(link.values).length;
      if (asked) { this.fields.values = link.values; this.text = link.text ?? this.text; }
      this.linesBox.checked = link.lines && this.lineCount > 1;
      if (Object.keys(link.models).length) this.refresh(); else if (asked) this.renew();
    }
  }

  playground.mountConsole = (element) => {
    const console_ = new Console(element);
    consoles.set(console_.task, console_);
    playground.mounted();
    console_.changed();
  };

  const consoleOf = (element) => consoles.get(element.closest(".pg-tab")?.id.slice("pg-tab-".length)) || playground.currentConsole();
  playground.consoleOf = consoleOf;

  actions.run = (button) => consoleOf(button).run();
  actions.stop = (button) => consoleOf(button).stop();
  actions.example = (chip) => { const console_ = consoleOf(chip); console_.example(chip.dataset.text, JSON.parse(chip.dataset.values || "{}")); console_.area.focus(); };
  actions.reset = (button) => {
    const console_ = consoleOf(button);
    console_.fields.reset();
    console_.changed();
    console_.renew();
    button.closest("details").querySelector("summary").focus(); // the button is gone
  };
  actions["whole-texts"] = (button) => { button.closest(".pg-tab").toggleAttribute("data-whole-texts"); };
  actions.open = (button) => consoleOf(button).open(Number(button.dataset.run));
  actions.lines = (box) => { consoleOf(box).linkTimer = setTimeout(() => playground.writeLink(), 0); };
  actions["all-labels"] = (button) => button.closest(".pg-tab").toggleAttribute("data-all-labels");
  actions["only-different"] = (box) => box.closest(".pg-tab").toggleAttribute("data-only-different", box.checked);

  // Model pickers are native selects inside the cards.
  document.addEventListener("change", (event) => {
    const select = event.target instanceof Element ? event.target.closest("select[data-pick]") : null;
    if (!select) return;
    const console_ = consoleOf(select);
    console_.models = { ...console_.models, [select.dataset.pick]: select.value };
    select.title = select.selectedOptions[0]?.textContent || "";
    console_.stale();
    playground.writeLink();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) playground.currentConsole()?.stop();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.defaultPrevented && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      playground.currentConsole()?.run();
    }
  });

  playground.closeWelcome = () => { delete root.dataset.welcome; store.set("welcome", "seen"); };
})();

// What a task asks for beside the text: each field's value is a string. Lines are counted as the server reads them.
(() => {
  const BREAKS = /[\r\n\x85\u2028\u2029]+/;
  const seen = (text) => /[^\p{Z}\p{C}]/u.test(text);

  // One line is comma-separated, where quotes protect a comma as in CSV; of several lines each is one.
  function count(value) {
    const lines = value.split(BREAKS).filter(seen);
    if (lines.length !== 1) return lines.length;
    let found = 0;
    for (const [, quoted, plain] of lines[0].matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"[^,]*|([^,]*))/g)) if (seen(quoted ?? plain ?? "")) found++;
    return found;
  }

  class Field {
    constructor(element, changed, settled) {
      this.element = element;
      this.name = element.dataset.field;
      this.input = element.querySelector("input, textarea");
      this.flag = this.input.type === "checkbox";
      this.number = this.input.type === "number";
      this.title = element.querySelector("label").textContent.trim();
      this.folded = element.closest("details"); // of a setting, what it is folded into
      this.prose = "prose" in element.dataset; // one text, not a list of items
      this.first = this.value;
      this.input.addEventListener("input", changed);
      this.input.addEventListener("change", settled);
    }

    get value() {
      if (this.flag) return this.input.checked ? "1" : "";
      if (!this.number) return this.input.value;
      if (this.input.validity.badInput) return "?"; // what stands there is no number, and the browser does not say what it is
      return this.input.value === "" ? this.first : String(this.input.valueAsNumber); // empty: as at first; 0.50 is 0.5
    }
    set value(value) { if (this.flag) this.input.checked = value === "1"; else this.input.value = value; }

    // As high as its lines, up to four (a text: more); then it scrolls.
    fit() {
      if (this.flag || this.number) return;
      const said = (this.prose ? this.value.length : count(this.value)).toLocaleString("en");
      this.element.querySelector(".pg-extra-count").textContent = this.prose ? said + " characters" : said;
      this.input.style.height = "auto";
      this.input.style.height = Math.min(this.input.scrollHeight + 2, Number.parseFloat(getComputedStyle(this.input).maxHeight) || 110) + "px";
    }

    error(sentence) {
      this.element.querySelector(".pg-input-error").textContent = sentence;
      this.input.setAttribute("aria-invalid", String(Boolean(sentence)));
      if (sentence && this.folded) this.folded.open = true;
    }
  }

  // Of one console. `changed` is called at every change, `settled` once it is over.
  class Fields {
    constructor(console_, changed, settled) {
      this.all = [...console_.querySelectorAll("[data-field]")].map((element) => new Field(element, changed, settled));
      this.folded = console_.querySelector(".pg-settings");
    }

    get values() { return Object.fromEntries(this.all.map((field) => [field.name, field.value])); }

    // What is not named holds again what it did at first.
    set values(values) { for (const field of this.all) field.value = values[field.name] ?? field.first; }

    // Those that hold something else than at first.
    get changed() { return Object.fromEntries(this.all.filter((field) => field.value !== field.first).map((field) => [field.name, field.value])); }

    // What a file or a picture says of them, in one line, settings that are other than usual first.
    get said() {
      const usual = (field) => Number(field.folded !== null && field.value === field.first);
      return [...this.all].sort((one, other) => usual(one) - usual(other)).map((field) => {
        const { title } = field;
        if (field.number) return `${title}: ${field.value}`;
        if (field.prose) return `${title}: ${field.value.replace(/\s+/g, " ").trim().slice(0, 80)}${field.value.length > 80 ? " …" : ""}`;
        return field.flag ? (field.value ? title : "") : `${title}: ${field.value.split(BREAKS).filter(seen).join(", ")}`;
      }).filter(Boolean).join(" · ");
    }

    // What an example asks. Of the settings those that it names; one that an example before it had set is as at first again.
    take(values) {
      for (const field of this.all) {
        const named = field.name in values;
        if (named || !field.folded) field.value = values[field.name] ?? field.first;
        else if (field.lent === field.value) field.value = field.first;
        field.lent = named && field.folded ? field.value : undefined;
      }
    }

    // Whether they hold what an example asks.
    hold(values) {
      return this.all.every((field) => (field.folded && !(field.name in values)) || field.value === (values[field.name] ?? field.first));
    }

    named(name) { return this.all.find((field) => field.name === name); }
    error(sentence, name) { for (const field of this.all) field.error(field.name === name ? sentence : ""); }

    // The settings' summary says which are other than at first.
    fit() {
      for (const field of this.all) field.fit();
      if (!this.folded) return;
      const other = this.all.filter((field) => field.folded && field.value !== field.first);
      const words = other.map((field) => (field.flag ? `${field.title}: ${field.value ? "on" : "off"}` : `${field.title}: ${field.value}`));
      this.folded.querySelector(".pg-settings-said").textContent = words.join(" · ") || "as usual";
      this.folded.toggleAttribute("data-other", other.length > 0);
      this.folded.querySelector("[data-act=reset]").hidden = !other.length;
    }

    // The settings as at first; what else was asked stays.
    reset() {
      for (const field of this.all) if (field.folded) field.value = field.first;
    }
  }

  playground.Fields = Fields;
})();

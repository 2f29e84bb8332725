// "Train your own": the form, how far the training is, and the tokenizers that came of it.
(() => {
  const { ask, actions, toast, wire } = playground;
  const EVERY = 350; // milliseconds between two questions while something is trained
  const byId = (id) => document.getElementById(id);
  const numbers = new Intl.NumberFormat("en-GB");
  let file = null;
  let timer = null;
  let known = new Set(); // ids of what is kept

  function mount(root) {
    byId("pg-train-form").addEventListener("submit", (event) => { event.preventDefault(); train(); });
    byId("pg-train-text").addEventListener("input", paint);
    byId("pg-train-file").addEventListener("change", (event) => { choose(event.target.files[0] || null); event.target.value = ""; });
    const source = root.querySelector(".pg-train-source");
    source.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
    source.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      choose(event.dataTransfer.files[0]);
    });
    paint();
  }

  // -- what it is learned from

  function say(sentence) { byId("pg-train-error").textContent = sentence; }

  function paint() {
    const { length } = byId("pg-train-text").value;
    byId("pg-train-counter").textContent = length && !file ? `${numbers.format(length)} characters` : "";
    byId("pg-train-file-chosen").hidden = !file;
    byId("pg-train-text").hidden = Boolean(file);
    if (file) byId("pg-train-file-name").textContent = `${file.name}, ${(file.size / 1000).toLocaleString("en-GB", { maximumFractionDigits: 1 })} kB`;
  }

  function choose(chosen) {
    say("");
    if (chosen && chosen.size > Number(byId("pg-train-file").dataset.limit)) {
      say(`The file has ${(chosen.size / 1e6).toFixed(1)} MB and the limit is ${Number(byId("pg-train-file").dataset.limit) / 1e6} MB: take a part of it.`);
      return;
    }
    file = chosen;
    paint();
  }

  function put(text) { file = null; byId("pg-train-text").value = text; say(""); paint(); }
  actions["train-sample"] = (button) => put(button.dataset.text);
  actions["train-above"] = () => {
    const text = playground.reading?.text || "";
    if (text) put(text); else say("There is no text above yet: type one, or take the short story.");
  };
  actions["train-no-file"] = () => { choose(null); byId("pg-train-text").focus(); };

  // -- training

  async function train() {
    if (byId("pg-train-start").disabled) return;
    const size = byId("pg-train-size");
    const body = file || new TextEncoder().encode(byId("pg-train-text").value);
    if (!(Number.isInteger(size.valueAsNumber) && size.checkValidity())) {
      say(`A vocabulary can have ${numbers.format(size.min)} to ${numbers.format(size.max)} tokens: choose another size.`);
      size.focus();
      return;
    }
    const fields = new URLSearchParams({
      kind: document.querySelector("[name=pg-train-kind]:checked").value, size: size.value, name: byId("pg-train-name").value, source: file ? "file" : "text",
    });
    say("");
    busy(true);
    show(await started(fields, body));
  }

  async function started(fields, body) {
    try {
      return await wire.upload("train-tokenizer?" + fields, body);
    } catch (error) {
      return { error: error instanceof wire.Said ? error.message : wire.GONE };
    }
  }

  async function refresh() { show(await ask("train_state")); }

  function show(reply) {
    clearTimeout(timer);
    if (!reply.kept) { busy(false); say(reply.error); return; }
    busy(Boolean(reply.working));
    if (reply.working) {
      const { said, fraction, seconds } = reply.working;
      byId("pg-train-said").textContent = `${said[0].toUpperCase()}${said.slice(1)} · ${seconds.toFixed(1)} s`;
      bar(fraction);
      timer = setTimeout(refresh, EVERY);
    } else if (reply.failed) say(reply.failed);
    const fresh = reply.kept.filter(({ id }) => !known.has(id));
    known = new Set(reply.kept.map(({ id }) => id));
    list(reply.kept);
    if (!reply.working && fresh.length) arrived(fresh.at(-1));
  }

  function arrived(own) {
    byId("pg-train-said").textContent = `${own.title} is trained.`;
    if (own.steps) playground.steps.open(own.id, own.title, true);
  }

  function busy(working) {
    byId("pg-train-start").disabled = working;
    byId("pg-train-stop").disabled = !working;
    const idle = byId("pg-train-progress");
    if (working && idle.hasAttribute("data-idle")) { byId("pg-train-said").textContent = "Starting"; bar(null); }
    if (!working && !idle.hasAttribute("data-idle")) byId("pg-train-said").textContent = "";
    idle.toggleAttribute("data-idle", !working);
  }

  function bar(fraction) {
    const element = byId("pg-train-bar");
    element.toggleAttribute("data-unknown", fraction === null);
    element.firstElementChild.style.setProperty("--value", `${100 * (fraction ?? 0)}%`);
    if (fraction === null) element.removeAttribute("aria-valuenow"); else element.setAttribute("aria-valuenow", String(Math.round(100 * fraction)));
  }

  actions["train-stop"] = async () => show(await ask("train_stop"));

  // -- what came of it

  let drawn = "";
  function list(kept) { // only what changed is drawn anew: somebody may be about to click
    const now = JSON.stringify(kept);
    if (now === drawn) return;
    drawn = now;
    byId("pg-train-kept").replaceChildren(...kept.map((own) => {
      const row = document.createElement("li");
      const button = (act, text, more = {}) => {
        const element = document.createElement("button");
        Object.assign(element, { type: "button", className: "pg-link", textContent: text });
        Object.assign(element.dataset, { act, id: own.id, title: own.title, ...more });
        return element;
      };
      const name = document.createElement("p");
      const title = document.createElement("b");
      title.textContent = own.title;
      const facts = document.createElement("span");
      facts.className = "pg-quiet";
      facts.textContent = ` ${own.kind} · ${own.facts}`;
      name.append(title, facts);
      const acts = document.createElement("div");
      acts.className = "pg-train-acts";
      acts.append(button("train-add", "add to the ruler"));
      if (own.steps) acts.append(button("train-play", "how it learned"));
      acts.append(button("train-download", "tokenizer.json"));
      if (own.shared) acts.append(button("train-download", "… for the package tokenizers", { shared: "yes" }));
      acts.append(button("train-remove", "remove"));
      row.append(name, acts);
      if (own.steps) {
        const use = document.createElement("p");
        use.className = "pg-quiet pg-train-use";
        const code = document.createElement("code");
        code.textContent = "python -m playground train sentiment-scratch --tokenizer tokenizer.json";
        use.append("A model from scratch learns with it: ", code);
        row.append(use);
      }
      return row;
    }));
  }

  actions["train-add"] = (button) => {
    document.dispatchEvent(new CustomEvent("pg:add-row", { detail: { id: button.dataset.id } }));
    byId("pg-tokens-ruler")?.scrollIntoView({ block: "start" });
  };
  actions["train-play"] = async (button) => {
    const error = await playground.steps.open(button.dataset.id, button.dataset.title, false);
    if (error) toast(error); else byId("pg-steps").scrollIntoView({ block: "nearest" });
  };
  actions["train-download"] = async (button) => {
    const reply = await ask("train_file", { id: button.dataset.id, shared: button.dataset.shared === "yes" });
    if (reply.error) { toast(reply.error); return; }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([reply.text], { type: "application/json" }));
    link.download = reply.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  actions["train-remove"] = async (button) => {
    playground.steps.close(button.dataset.id);
    document.dispatchEvent(new CustomEvent("pg:remove-row", { detail: { id: button.dataset.id } }));
    show(await ask("train_remove", { id: button.dataset.id }));
    (byId("pg-train-kept").querySelector("button") || byId("pg-train-start")).focus();
  };

  playground.mountTraining = mount;
})();

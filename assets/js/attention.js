// The attention page: the input, the look, and what is chosen in it. The panels hear of it by events, and ask by themselves.
//   pg:look   detail: the look, or null while there is none. It has what the server sent, and of each part `bytes`: its thumbnails.
//   pg:head   detail: { part, layer, head }, of the look
//   pg:token  detail: { side, place } or null
(() => {
  const { actions, ask, root, readLink, writeLink, pageLinks, make } = playground;
  const find = (name) => document.getElementById("pg-att-" + name);
  const shown = () => root.dataset.page === "attention";
  const LATE = 400; // milliseconds until the page says that it waits
  const PATIENCE = 70000; // a cold model is loaded first

  const look = playground.look = {
    order: null, // what was looked at: { model, text, target }
    map: null,
    head: null,
    token: null,

    // A question about the present look, or about `order`.
    ask(action, data = {}) { return ask(action, { ...look.order, ...data }, PATIENCE); },

    part(name) { return look.map?.parts.find((part) => part.name === name) ?? null; },

    chooseHead(head) {
      const part = look.part(head.part) ?? look.map?.parts[0];
      if (!part) return;
      const within = (value, count) => Math.min(Math.max(0, Math.trunc(value) || 0), count - 1);
      look.head = { part: part.name, layer: within(head.layer, part.layers), head: within(head.head, part.heads) };
      tell("pg:head", look.head);
      if (shown()) writeLink();
    },

    chooseToken(token) {
      const side = token && look.map?.sides[token.side];
      look.token = side && token.place >= 0 && token.place < side.tokens.length ? token : null;
      tell("pg:token", look.token);
      if (shown()) writeLink();
    },
  };
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

  // -- the panels: begin(place) once; look(place, map), head(place, head), token(place, token) as they change
  look.panel = (name, hears) => {
    let place = null;
    const waiting = new MutationObserver(mount);
    function mount() {
      place = find(name);
      if (!place) return;
      waiting.disconnect();
      hears.begin?.(place);
      if (look.map) { hears.look?.(place, look.map); if (look.head) hears.head?.(place, look.head); if (look.token) hears.token?.(place, look.token); }
    }
    document.addEventListener("pg:look", ({ detail }) => { if (place) hears.look?.(place, detail); });
    document.addEventListener("pg:head", ({ detail }) => { if (place) hears.head?.(place, detail); });
    document.addEventListener("pg:token", ({ detail }) => { if (place) hears.token?.(place, detail); });
    waiting.observe(root, { childList: true, subtree: true });
    mount();
  };

  // Deflated bytes in base64.
  look.unpack = async (packed) => {
    const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  // -- the input
  let models = new Map();
  let number = 0; // of the newest look: an older one's answer is dropped
  let wanted = {}; // what the address asks to be chosen in the next look
  let flying = null; // the look that the server works on: one at a time
  let note = ""; // about the look on screen
  let source = ""; // of which text the second one was written; null where somebody wrote it here: that one stays

  const area = () => find("text");
  // Without a look there is nothing for the panels to show.
  const fault = (sentence) => {
    find("error").textContent = sentence;
    if (sentence && !look.map) document.querySelector("#pg-tab-attention").setAttribute("data-hidden", "");
  };
  const current = () => models.get(find("model").value);

  function paint() {
    const model = current();
    find("second").hidden = !model?.writes;
    const hint = { question: "First line: the question. From the second line on: the text to answer from.", gap: "Write [MASK] where a word is missing." }[model?.asks];
    find("hint").textContent = hint || "";
    find("hint").hidden = !hint;
    find("about").textContent = model ? (model.tasks.length ? model.tasks.join(", ") : "serves no task") : "";
    find("model").dataset.tier = model?.tier || "";
    const stale = look.order && (find("model").value !== look.order.model || area().value !== look.order.text || (model?.writes && find("target").value !== look.order.target));
    document.querySelector(".pg-att-console").toggleAttribute("data-changed", Boolean(stale));
  }

  function fit() {
    for (const field of [area(), find("target")]) { field.style.height = "auto"; field.style.height = `${Math.min(field.scrollHeight + 2, 220)}px`; }
  }

  async function choices() {
    if (models.size) return true;
    const reply = await ask("attention_models");
    if (reply.error) { fault(reply.error); return false; }
    const groups = reply.groups.map(({ title, models: rows }) => {
      const group = make("optgroup", { label: title });
      group.append(...rows.map((row) => {
        models.set(row.id, row);
        const tasks = row.tasks.length ? ` · ${row.tasks.slice(0, 2).join(", ").toLowerCase()}` : "";
        return make("option", { value: row.id, textContent: row.title + tasks + (row.available ? "" : ` · ${row.why_not}`), disabled: !row.available });
      }));
      return group;
    });
    find("model").replaceChildren(...groups);
    if (reply.first) find("model").value = reply.first;
    return true;
  }

  function hide(sentence) {
    number += 1;
    document.querySelector("[data-act=att-look]").removeAttribute("aria-busy");
    look.order = look.map = look.head = look.token = null;
    find("note").textContent = note = sentence;
    document.querySelector("#pg-tab-attention").toggleAttribute("data-hidden", Boolean(sentence));
    tell("pg:look", null);
  }

  async function run() {
    const mine = ++number;
    const model = find("model").value;
    if (source !== null && source !== area().value) find("target").value = "";
    const order = { model, text: area().value, target: current()?.writes ? find("target").value : "" };
    fault("");
    document.querySelector("#pg-tab-attention").removeAttribute("data-hidden");
    const button = document.querySelector("[data-act=att-look]");
    button.setAttribute("aria-busy", "true");
    const before = performance.now();
    const late = setTimeout(() => { find("note").textContent = "Looking … a model that is not in memory is loaded first."; }, LATE);
    while (flying && mine === number) await flying; // who tries many models one after the other waits for the last one alone
    if (mine !== number) { clearTimeout(late); return; }
    const reply = await (flying = ask("attention_look", order, PATIENCE));
    flying = null;
    clearTimeout(late);
    if (mine !== number) return;
    button.removeAttribute("aria-busy");
    if (reply.error) { find("note").textContent = note; fault(reply.error); return; }
    for (const part of reply.parts) part.bytes = await look.unpack(part.thumbnails);
    if (mine !== number) return;
    if (current()?.writes) { find("target").value = reply.target; if (source !== null) source = order.text; }
    const same = look.order?.model === model ? look.head : null; // the same head, of another text
    look.order = { ...order, target: reply.target };
    look.map = reply;
    const counts = reply.sides.map((side) => side.tokens.length).join(" + ");
    const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
    const heads = reply.parts.map((part) => `${part.title}: ${count(part.layers, "layer")} of ${count(part.heads, "head")}`).join("; ");
    const gapless = models.get(model)?.asks === "gap" && !reply.sides[0].tokens.some((token) => /^\W?mask\W?$/i.test(token));
    const notes = [reply.note, gapless ? "There is no [MASK] in the text: the answer is the word that would stand at its first token." : ""];
    find("note").textContent = note = [`${reply.title}. ${heads}. ${counts} tokens.`, ...notes].filter(Boolean).join(" ");
    find("said").textContent = `Looked: ${counts} tokens, ${heads}.`;
    look.head = look.token = null;
    paint();
    fit();
    tell("pg:look", reply);
    const { part = reply.parts[0].name, layer = 0, head = 0 } = { ...same, ...wanted };
    look.chooseHead({ part, layer, head });
    if (wanted.token) look.chooseToken(wanted.token);
    wanted = {};
    look.seconds = (performance.now() - before) / 1000;
    if (shown()) writeLink();
  }

  // -- what the address says
  async function restore(link) {
    const { fields } = link;
    if (!(await choices())) return;
    const whole = (name) => (/^\d{1,4}$/.test(fields.get(name) || "") ? Number(fields.get(name)) : undefined);
    const token = /^(\d):(\d{1,4})$/.exec(fields.get("token") || "");
    wanted = { part: fields.get("part") || undefined, layer: whole("layer"), head: whole("head"), token: token ? { side: Number(token[1]), place: Number(token[2]) } : null };
    if (fields.get("tier")) { // a card's input
      const tier = fields.get("tier");
      const given = (tier, model) => ask("attention_given", { task: link.task || "", tier, model, text: link.text || "", values: link.values });
      const reply = await given(tier, link.models[tier] || "");
      const other = reply.hidden ? await given("pretrained", "") : {}; // who presses Look sees one that can be looked into
      area().value = reply.text ?? other.text ?? link.text ?? "";
      find("target").value = source = "";
      if (other.model) find("model").value = other.model;
      if (reply.hidden || reply.error) { hide(reply.hidden || ""); fault(reply.error || ""); paint(); fit(); return; }
      find("model").value = reply.model;
    } else {
      const model = fields.get("model");
      if (model && !models.has(model)) { area().value = link.text ?? area().value; paint(); fit(); fault(`There is no model called “${model.slice(0, 60)}” here: choose one of the list.`); return; }
      if (model) find("model").value = model;
      if (link.text !== null) { area().value = link.text; find("target").value = fields.get("target") || ""; source = link.text; }
      else if (look.order) return;
      if (!area().value) area().value = document.querySelector("[data-act=att-example]").dataset.text;
    }
    paint();
    fit();
    await run();
  }

  function link() {
    const fields = new URLSearchParams();
    if (!look.order) return fields;
    fields.set("model", look.order.model);
    if (look.head) { fields.set("part", look.head.part); fields.set("layer", look.head.layer); fields.set("head", look.head.head); }
    if (look.token) fields.set("token", `${look.token.side}:${look.token.place}`);
    if (look.order.target) fields.set("target", look.order.target);
    return fields;
  }

  const follow = () => { if (find("model") && shown()) restore(readLink()); };

  playground.mountLook = () => {
    pageLinks.set("attention", () => ({ text: look.order?.text ?? area().value, fields: link() }));
    find("target").addEventListener("input", () => { source = find("target").value ? null : ""; });
    for (const field of [area(), find("target")]) {
      field.addEventListener("input", () => { fit(); paint(); });
      field.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); } });
    }
    find("model").addEventListener("change", () => { find("target").value = ""; source = ""; paint(); run(); });
    playground.mounted();
    follow();
  };
  addEventListener("hashchange", follow);

  actions["att-look"] = () => run();
  actions["att-example"] = (chip) => { area().value = chip.dataset.text; find("target").value = ""; source = ""; fit(); paint(); run(); };
  actions["att-tokens"] = (anchor, event) => {
    event.preventDefault();
    const fields = new URLSearchParams({ page: "tokens" });
    if (area().value) fields.set("text", area().value);
    const model = current();
    if (model) fields.set("model." + model.tier, model.id);
    playground.go(fields.toString());
  };

  // From a card: its input and its model.
  actions.inside = (button) => {
    const console_ = playground.consoleOf(button);
    const { tier } = button.dataset;
    const picker = button.closest(".pg-card")?.querySelector("select[data-pick]");
    const fields = new URLSearchParams({ page: "attention", task: console_.task, tier });
    for (const [name, value] of Object.entries(console_.fields.values)) fields.set("v." + name, value);
    fields.set("text", console_.asked);
    const model = console_.models[tier] || picker?.value || "";
    if (model) fields.set("model." + tier, model);
    playground.go(fields.toString());
  };
})();

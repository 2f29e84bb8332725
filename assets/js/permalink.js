// The address's fragment holds task, input, models and seed; servers never see a fragment. A key is never in it.
(() => {
  const { consoles, actions, toast, copy, root } = playground;
  const LONGEST = 4000; // characters of a whole fragment: links beyond that break in mail and chat programs

  function read() {
    const fields = new URLSearchParams(location.hash.slice(1));
    const models = {};
    const values = {};
    for (const [name, value] of fields) {
      if (name.startsWith("model.")) models[name.slice(6)] = value;
      if (name.startsWith("v.")) values[name.slice(2)] = value;
    }
    const seed = Number.parseInt(fields.get("seed") || "0", 10);
    return {
      fields, page: fields.get("page"), task: fields.get("task"), text: fields.get("text"), models, values, lines: fields.get("lines") === "1",
      seed: Number.isSafeInteger(seed) && seed >= 0 ? seed : 0, projector: fields.get("projector") === "1",
    };
  }

  // Returns the fragment and whether the text, and what the task's fields hold, had to be left out of it.
  function fragment(console_) {
    const fields = new URLSearchParams();
    fields.set("task", console_.task);
    for (const [tier, model] of Object.entries(console_.models)) fields.set("model." + tier, model);
    if (console_.seed) fields.set("seed", String(console_.seed));
    if (console_.lines) fields.set("lines", "1");
    if ("projector" in root.dataset) fields.set("projector", "1");
    const without = fields.toString();
    for (const [name, value] of Object.entries(console_.fields.changed)) fields.set("v." + name, value);
    if (console_.text) fields.set("text", console_.text);
    return bounded(without, fields.toString());
  }

  const bounded = (without, whole) => (whole.length > LONGEST ? { hash: "#" + without, cut: true } : { hash: "#" + whole, cut: false });

  // By page that is no task: what gives the text and the other fields of its link.
  const pageLinks = new Map();

  function pageFragment(page) {
    const { text, fields } = pageLinks.get(page)?.() ?? { text: "", fields: new URLSearchParams() };
    const all = new URLSearchParams({ page });
    if ("projector" in root.dataset) all.set("projector", "1");
    for (const [name, value] of fields) if (name !== "pin") all.append(name, value);
    const without = all.toString();
    if (fields.has("pin")) all.set("pin", fields.get("pin"));
    if (text) all.set("text", text);
    return bounded(without, all.toString());
  }

  // None while a page that is no task is shown, or nothing yet.
  function current() {
    return "page" in root.dataset ? undefined : consoles.get(root.dataset.task);
  }

  // With path and query: a bare fragment would be resolved against Gradio's <base>, and lose the query.
  function put(hash) {
    history.replaceState(null, "", location.pathname + location.search + hash);
  }

  function write() {
    const console_ = current();
    const { page } = root.dataset;
    if (console_) put(fragment(console_).hash);
    else if (page) put(pageFragment(page).hash);
  }

  actions.link = async () => {
    const { page } = root.dataset;
    const { hash, cut } = page ? pageFragment(page) : fragment(current());
    put(hash);
    const done = await copy(location.href);
    if (cut) toast(done ? "Link copied without the input: it is too long for a link." : "The input is too long for a link.");
    else toast(done ? page ? "Link copied: text, tokenizers and options." : "Link copied: task, input and models, no key." : "The link is in the address bar: copy it from there.");
  };

  Object.assign(playground, { readLink: read, writeLink: write, currentConsole: current, pageLinks });
})();

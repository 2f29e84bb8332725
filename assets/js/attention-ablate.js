// "Switch it off": what is off, and the answer without it. The grid of all heads is in attention-grid.js.
(() => {
  const { actions, look, make } = playground;
  const SOON = 120; // milliseconds without a change before it is asked
  const find = (name) => document.getElementById("pg-abl-" + name);
  const visible = (text) => playground.visible(text) || "∅";
  const key = ({ part, layer, head }) => `${part}:${layer}:${head}`;

  let heads = new Map(); // what is off, by its key
  let tokens = new Map();
  let part = ""; // whose board is shown
  let instead = "zero";
  let timer = null;
  let busy = false;
  let stale = false; // what is shown is of something else, and has not been asked yet
  let tabs = null;
  let later = null; // asks when the panel has been in view for a moment

  const cut = () => ({ heads: [...heads.values()].map(({ part, layer, head }) => [part, layer, head]), tokens: [...tokens.values()].map(({ side, place }) => [side, place]), instead });
  const anything = () => heads.size + tokens.size > 0;
  look.ablation = { get instead() { return instead; }, get part() { return part; }, only };

  // -- the frame, once

  function begin(place) {
    place.append(
      make("p", { className: "pg-att-empty pg-quiet", id: "pg-abl-empty", textContent: "Look at a text first." }),
      make("div", { id: "pg-abl-all", hidden: true },
        make("p", { className: "pg-abl-lead", textContent: "Choose what is off: the answer without it stands beside it at once." }),
        make("p", { className: "pg-att-was pg-quiet", textContent: "This is of the text as it was looked at: press Look for the new one." }),
        make("div", { className: "pg-abl-columns" },
          make("div", { className: "pg-abl-choice" },
            make("div", { className: "pg-abl-bar" }, make("div", { className: "pg-segments", id: "pg-abl-parts", role: "group", ariaLabel: "Which attention" }), button("this head", "abl-this", { id: "pg-abl-this" }), button("switch all on again", "abl-clear", { id: "pg-abl-clear", disabled: true })),
            make("div", { className: "pg-abl-scroll", id: "pg-abl-board", tabIndex: -1 }),
            make("div", { id: "pg-abl-tokens" }),
            standIn(),
          ),
          make("div", { className: "pg-abl-result" },
            make("p", { className: "pg-abl-off", id: "pg-abl-off" }),
            make("div", { id: "pg-abl-answer", className: "pg-abl-answer" }),
            make("p", { className: "pg-input-error", id: "pg-abl-error", role: "alert" }),
            make("p", { className: "pg-sr", id: "pg-abl-said", role: "status" }),
          ),
        ),
        make("div", { id: "pg-abl-grid" }),
      ),
    );
    tabs = [look.roving(find("board"), "button"), look.roving(find("tokens"), "button")];
    later = look.whenSeen(place, soon);
    look.grid.begin(find("grid"));
  }

  function button(text, act, more = {}) {
    const { dataset = {}, ...rest } = more;
    return make("button", { type: "button", className: "pg-button pg-small", textContent: text, dataset: { act, ...dataset }, ...rest });
  }

  function standIn() {
    const choices = { zero: "zero", mean: "the mean over this text" };
    const segments = make("div", { className: "pg-segments", role: "group", ariaLabel: "What stands instead" },
      ...Object.entries(choices).map(([value, text]) => { const one = make("button", { type: "button", textContent: text, dataset: { act: "abl-instead", value } }); one.setAttribute("aria-pressed", String(value === instead)); return one; }));
    return make("div", { className: "pg-abl-instead" },
      make("div", {}, make("span", { textContent: "instead: " }), segments),
      make("p", { className: "pg-quiet", textContent: "Zero: what is off adds nothing at all, which the model has never seen. The mean: it adds the same for every token, its average over this text, so that only what differs from token to token is lost." }));
  }

  // -- the board

  function board() {
    const one = look.part(part);
    const columns = [...Array(one.heads).keys()];
    const corner = make("th", { scope: "col" }, make("span", { className: "pg-abl-corner", textContent: "layer" }));
    const rows = [...Array(one.layers).keys()].map((layer) => make("tr", {},
      make("th", { scope: "row" }, make("button", { type: "button", tabIndex: -1, textContent: layer + 1, ariaLabel: `layer ${layer + 1}: all its heads`, dataset: { act: "abl-layer", layer } })),
      ...columns.map((head) => make("td", {}, make("button", { type: "button", tabIndex: -1, title: `layer ${layer + 1} · head ${head + 1}`, ariaLabel: `layer ${layer + 1} head ${head + 1}`, dataset: { act: "abl-head", layer, head } })))));
    find("board").replaceChildren(make("table", { className: "pg-abl-board" },
      make("caption", { className: "pg-sr", textContent: "Heads: pressed is off" }),
      make("thead", {}, make("tr", {}, corner, ...columns.map((head) => make("th", { scope: "col" }, make("span", { className: "pg-sr", textContent: "head " }), String(head + 1))))),
      make("tbody", {}, ...rows)));
  }

  function parts() {
    const { parts: all } = look.map;
    find("parts").hidden = all.length < 2;
    find("parts").replaceChildren(...all.map(({ name, title }) => make("button", { type: "button", textContent: title, dataset: { act: "abl-part", part: name } })));
  }

  function texts() {
    const titles = look.map.sides.length > 1 ? ["Tokens that it read", "Tokens that it wrote"] : ["Tokens"];
    find("tokens").replaceChildren(...look.map.sides.flatMap((side, number) => [
      make("h3", { textContent: titles[number] || "Tokens" }),
      make("div", { className: "pg-abl-tokens", role: "group", ariaLabel: titles[number] || "Tokens", dir: "auto" },
        ...side.tokens.map((token, place) => make("button", { type: "button", tabIndex: -1, textContent: visible(token), className: side.special[place] ? "pg-abl-special" : "", dataset: { act: "abl-token", side: number, place } }))),
    ]));
  }

  // What is pressed.
  function paint() {
    for (const one of find("parts").children) one.setAttribute("aria-pressed", String(one.dataset.part === part));
    const { head: chosen } = look;
    for (const one of find("board").querySelectorAll("[data-act=abl-head]")) {
      const { layer, head } = one.dataset;
      one.setAttribute("aria-pressed", String(heads.has(`${part}:${layer}:${head}`)));
      one.toggleAttribute("data-chosen", Boolean(chosen) && chosen.part === part && chosen.layer === Number(layer) && chosen.head === Number(head));
    }
    for (const one of find("board").querySelectorAll("[data-act=abl-layer]")) {
      const of = whole(Number(one.dataset.layer)).filter((head) => heads.has(key(head))).length;
      one.setAttribute("aria-pressed", of === 0 ? "false" : of === look.part(part).heads ? "true" : "mixed");
    }
    for (const one of find("tokens").querySelectorAll("button")) one.setAttribute("aria-pressed", String(tokens.has(`${one.dataset.side}:${one.dataset.place}`)));
    const own = find("this");
    own.hidden = !chosen;
    if (chosen) {
      own.setAttribute("aria-pressed", String(heads.has(key(chosen))));
      own.textContent = `this head (layer ${chosen.layer + 1} · head ${chosen.head + 1})`;
    }
    find("clear").disabled = !anything();
    find("off").textContent = said();
    for (const tab of tabs) tab.reachable();
  }

  const whole = (layer) => [...Array(look.part(part).heads).keys()].map((head) => ({ part, layer, head }));

  // Letters that are written from the right turn nothing beside them.
  const isolated = (text) => (/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(text) ? `\u2068${text}\u2069` : text);

  // A token by its text; of those with the same text which one.
  function named(all, place) {
    const alike = [...all.keys()].filter((at) => all[at] === all[place]);
    return `“${isolated(visible(all[place]))}”${alike.length > 1 ? ` (${alike.indexOf(place) + 1} of ${alike.length})` : ""}`;
  }

  // What is off, in words.
  function said() {
    if (!anything()) return ""; // the answer says so
    const found = [];
    for (const { name, title, layers, heads: count } of look.map.parts) {
      const where = look.map.parts.length > 1 ? `${title}, ` : "";
      for (let layer = 0; layer < layers; layer += 1) {
        const off = [...Array(count).keys()].filter((head) => heads.has(`${name}:${layer}:${head}`));
        if (off.length === count) found.push(`${where}layer ${layer + 1}, all heads`);
        else if (off.length) found.push(`${where}layer ${layer + 1} · head ${off.map((head) => head + 1).join(", ")}`);
      }
    }
    const names = [...tokens.values()].map(({ side, place }) => named(look.map.sides[side].tokens, place));
    if (names.length) found.push(names.length > 12 ? `${names.length} tokens` : names.join(", "));
    const shown = found.length > 12 ? [...found.slice(0, 12), `and ${found.length - 12} more`] : found;
    return `Off: ${shown.join("; ")}.`;
  }

  // -- the answer

  function changed() {
    paint();
    stale = true;
    clearTimeout(timer);
    timer = setTimeout(soon, SOON);
  }

  // One question at a time: what changed meanwhile is asked when its answer is here, and that answer is dropped.
  async function soon() {
    clearTimeout(timer);
    if (!look.map || busy || !stale) return;
    busy = true;
    stale = false;
    const { map } = look;
    find("answer").setAttribute("aria-busy", "true");
    const reply = await look.ask("attention_ablate", cut());
    busy = false;
    if (look.map !== map || stale) { soon(); return; }
    find("answer").removeAttribute("aria-busy");
    find("error").textContent = reply.error || "";
    if (reply.error) { find("answer").replaceChildren(); return; }
    find("answer").replaceChildren(look.inner(reply.html));
    find("said").textContent = reply.said;
  }

  // Only this head is off.
  function only(head) {
    heads = new Map([[key(head), head]]);
    tokens = new Map();
    show(head.part);
    changed();
  }

  function show(name) {
    if (name === part && find("board").firstChild) return;
    part = name;
    board();
    paint();
  }

  function toggle(map, name, value) { if (!map.delete(name)) map.set(name, value); changed(); }

  actions["abl-head"] = ({ dataset }) => { const head = { part, layer: Number(dataset.layer), head: Number(dataset.head) }; toggle(heads, key(head), head); };
  actions["abl-this"] = () => { if (look.head) { show(look.head.part); toggle(heads, key(look.head), { ...look.head }); } };
  actions["abl-layer"] = ({ dataset }) => {
    const all = whole(Number(dataset.layer));
    const off = all.every((head) => heads.has(key(head)));
    for (const head of all) { if (off) heads.delete(key(head)); else heads.set(key(head), head); }
    changed();
  };
  actions["abl-token"] = ({ dataset }) => toggle(tokens, `${dataset.side}:${dataset.place}`, { side: Number(dataset.side), place: Number(dataset.place) });
  actions["abl-part"] = ({ dataset }) => show(dataset.part);
  actions["abl-clear"] = () => { heads.clear(); tokens.clear(); changed(); };
  actions["abl-instead"] = (one) => {
    instead = one.dataset.value;
    for (const other of one.parentElement.children) other.setAttribute("aria-pressed", String(other === one));
    if (anything()) changed();
  };

  look.panel("ablate", {
    begin,
    look(place, map) {
      heads.clear();
      tokens.clear();
      find("empty").hidden = Boolean(map);
      find("all").hidden = !map;
      find("answer").replaceChildren();
      find("error").textContent = find("said").textContent = "";
      part = "";
      if (!map) { find("board").replaceChildren(); return; }
      parts();
      texts();
      show(map.parts[0].name);
      stale = true;
      later();
    },
    head(place, head) { if (find("board").firstChild) { show(head.part); paint(); } },
  });
})();

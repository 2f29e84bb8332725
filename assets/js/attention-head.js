// One head as a heatmap and in the text: what of it is shown is worked out by the server, once for each head and choice.
(() => {
  const { look, make, attColours: colours } = playground;
  const KEPT = 12; // matrices of the present look
  const PAUSE = 250; // milliseconds
  const COMBINE = [
    ["one", "this head"], ["layer-mean", "mean of the layer’s heads"], ["layer-max", "greatest of the layer’s heads"],
    ["all-mean", "mean of all heads"], ["all-max", "greatest of all heads"],
  ];
  const SHOW = [["words", "words instead of pieces"], ["hide_special", "hide special tokens"], ["hide_first", "hide the first token"]];
  const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

  let parts = null;
  const kept = new Map(); // by what was asked: its reply, or the promise of one; the last used last
  let number = 0; // of the newest thing to be shown
  let drawn = null; // the reply on screen
  let looks = 0; // heard of: a zoom stays within one
  let waiting = null; // the newest question that is not answered yet
  const choice = { combine: "one", words: false, hide_special: false, hide_first: false, mass: 100 };

  // A matrix of all heads is the same whichever of them is chosen.
  function question() {
    const { part, layer, head } = look.head;
    const whole = choice.combine.startsWith("all");
    return { part, layer: whole ? 0 : layer, head: choice.combine === "one" ? head : 0, ...choice };
  }

  // Resolves with null where it is not wanted any more.
  async function fetched(asked, wanted) {
    const key = JSON.stringify(asked);
    let found = kept.get(key);
    if (found) kept.delete(key);
    else {
      if (!look.part(asked.part).whole) { // each layer is seconds of work: not one for every key that is pressed
        await playground.sleep(PAUSE);
        while (wanted() && waiting) await waiting;
        if (!wanted()) return null;
      }
      found = look.ask("attention_head", asked).then((reply) => {
        if (reply.error) kept.delete(key);
        else reply.values = look.numbers(reply.figure.data[0].z);
        return reply;
      });
      const mine = waiting = found.finally(() => { if (waiting === mine) waiting = null; });
    }
    kept.set(key, found);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    return found;
  }

  function name() {
    const { layer } = look.head;
    const several = look.map.parts.length > 1 ? `${look.part(look.head.part).title} · ` : "";
    if (choice.combine.startsWith("all")) return several + COMBINE.find(([value]) => value === choice.combine)[1];
    if (choice.combine !== "one") return `${several}layer ${layer + 1} · ${COMBINE.find(([value]) => value === choice.combine)[1]}`;
    return several + look.headTitle(look.head);
  }

  async function show() {
    if (!parts || !look.head) return;
    const mine = ++number;
    const map = look.map;
    const asked = question();
    parts.title.textContent = name();
    parts.place.setAttribute("aria-busy", "true");
    const reply = await fetched(asked, () => mine === number);
    if (mine !== number) return; // another head, or another look, is wanted now
    parts.place.removeAttribute("aria-busy");
    parts.error.textContent = reply.error ?? "";
    parts.shown.toggleAttribute("data-stale", Boolean(reply.error));
    if (reply.error) return;
    drawn = reply;
    parts.lens.show(reply, map);
    parts.facts.textContent = facts(reply);
    parts.sentence.textContent = reply.sentence;
    parts.plot.wrap.setAttribute("aria-label", `Heatmap, ${name()}: rows look at columns. ${reply.sentence}`);
    markToken();
    try {
      await parts.plot.draw(reply, JSON.stringify([asked.part, asked.words, asked.hide_special, asked.hide_first, looks]));
      parts.place.dataset.drawn = JSON.stringify(asked);
    } catch {
      if (mine === number) parts.error.textContent = "The heatmap's script did not come: look whether the server still runs, then choose the head again.";
    }
  }

  function facts({ hidden, blank, rows, columns }) {
    const found = [`${rows.length === 1 ? "1 row looks" : `${rows.length} rows look`} at ${columns.length === 1 ? "1 column" : `${columns.length} columns`}.`];
    if (hidden === null) found.push("The greatest weight of several heads in each cell: rows do not sum to 1.");
    else if (choice.hide_special || choice.hide_first) found.push(`${percent(hidden)} of these rows’ weight goes to hidden columns; the others are as they were.`);
    if (choice.mass < 100) found.push(`Each row’s fewest keys that hold ${choice.mass} % of what it shows${blank === null ? "." : `; ${percent(blank)} of all weight is left blank.`}`);
    if (choice.words) found.push("To a word: the sum over its pieces; from a word: their mean.");
    return found.join(" ");
  }

  function markToken() {
    if (!drawn) return;
    const token = look.token;
    const at = (groups) => groups.findIndex((places) => places.includes(token.place));
    let place = null;
    if (token) {
      const column = token.side === drawn.keys && (drawn.keys !== drawn.queries || parts.lens.mode === "to");
      place = column ? { column: at(drawn.columns) } : token.side === drawn.queries ? { row: at(drawn.rows) } : null;
    }
    parts.plot.mark(place);
  }

  function controls() {
    const select = make("select", { className: "pg-att-select pg-att-combine", id: "pg-att-combine" });
    select.append(...COMBINE.map(([value, textContent]) => make("option", { value, textContent })));
    select.addEventListener("change", () => { choice.combine = select.value; show(); });
    const checks = SHOW.map(([field, title]) => {
      const input = make("input", { type: "checkbox" });
      input.dataset.field = field;
      input.addEventListener("change", () => { choice[field] = input.checked; show(); });
      return make("label", { className: "pg-check" }, input, title);
    });
    const range = make("input", { type: "range", min: 30, max: 100, step: 5, value: 100, id: "pg-att-mass" });
    const said = make("output", { className: "pg-att-mass-said", htmlFor: "pg-att-mass", textContent: "all" });
    const words = () => (choice.mass < 100 ? `${choice.mass} % of each row` : "all");
    let timer = null;
    range.addEventListener("input", () => {
      choice.mass = Number(range.value);
      said.textContent = words();
      range.setAttribute("aria-valuetext", words());
      clearTimeout(timer);
      timer = setTimeout(show, 120);
    });
    range.setAttribute("aria-valuetext", "all");
    const shown = make("label", { className: "pg-att-field", htmlFor: "pg-att-combine", textContent: "Show" });
    const keep = make("label", { className: "pg-att-field", htmlFor: "pg-att-mass", textContent: "Strongest, up to" });
    return make("div", { className: "pg-att-controls" }, make("span", {}, shown, select), ...checks, make("span", {}, keep, range, said), colours.legend());
  }

  look.panel("head", {
    begin(place) {
      parts = {
        place, title: make("h3", { className: "pg-att-head-title" }), error: make("p", { className: "pg-input-error" }), sentence: make("p", { className: "pg-att-sentence" }),
        facts: make("p", { className: "pg-quiet pg-att-facts" }), shown: make("div", { className: "pg-att-head" }),
      };
      parts.error.setAttribute("role", "alert");
      const picture = make("div", { className: "pg-att-picture" });
      parts.shown.append(picture);
      parts.plot = new look.Plot(picture, {
        hover: (row) => parts.lens.point(row === null ? null : parts.lens.element({ side: drawn.queries, place: drawn.rows[row][0] })),
        click: (row) => look.chooseToken({ side: drawn.queries, place: drawn.rows[row][0] }),
      });
      parts.lens = new look.Lens(parts.shown);
      parts.lens.changed = markToken;
      place.append(parts.title, controls(), parts.error, parts.shown, parts.sentence, parts.facts);
    },
    look(_, map) {
      number += 1; // what is being fetched is about another look
      kept.clear();
      looks += 1;
      drawn = null;
      if (map) return;
      parts.plot.clear();
      parts.lens.clear();
      for (const element of [parts.title, parts.error, parts.sentence, parts.facts]) element.textContent = "";
    },
    head: show,
    token(_, token) { parts.lens.pin_(token); markToken(); },
  });
  document.addEventListener("pg:scale", () => parts?.lens.paint());
})();

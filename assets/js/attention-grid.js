// The grid of what each head's removal does, one head at a time: it fills row by row, and Stop ends the work.
(() => {
  const { actions, look, make, wire } = playground;
  const find = (name) => document.getElementById("pg-abl-grid-" + name);
  const STOPPED = "Stopped: heads without a number were not tried.";
  const HINT = "Point at a cell, or go there with the arrow keys, for its numbers.";

  let controller = null; // of the request in progress
  let number = 0; // of the newest grid: an older one's lines are dropped
  let kept = null; // { part, instead } of what is shown
  let show = "drops";
  let tab = null;

  function begin(place) {
    const segments = make("div", { className: "pg-segments", role: "group", ariaLabel: "What the colours show" },
      ...Object.entries({ drops: "the answer's probability", effects: "all that moves" }).map(([value, text]) => {
        const one = make("button", { type: "button", textContent: text, dataset: { act: "abl-grid-show", value } });
        one.setAttribute("aria-pressed", String(value === show));
        return one;
      }));
    place.append(
      make("h3", { textContent: "Each head, one at a time" }),
      make("div", { className: "pg-abl-bar" },
        make("button", { type: "button", className: "pg-button pg-small", id: "pg-abl-grid-start", textContent: "Switch off each head, one at a time", dataset: { act: "abl-grid" } }),
        make("button", { type: "button", className: "pg-button pg-small", id: "pg-abl-grid-stop", textContent: "Stop", disabled: true, dataset: { act: "abl-grid-stop" } }),
        make("span", { className: "pg-quiet", id: "pg-abl-grid-progress" })),
      make("p", { className: "pg-input-error", id: "pg-abl-grid-error", role: "alert" }),
      make("p", { className: "pg-abl-summary", id: "pg-abl-grid-summary", role: "status" }),
      make("div", { id: "pg-abl-grid-shown", hidden: true },
        make("div", { className: "pg-abl-bar" }, make("span", { className: "pg-abl-by", id: "pg-abl-grid-by" }, make("span", { className: "pg-quiet", textContent: "Coloured by: " }), segments), make("span", { id: "pg-abl-grid-legend" }), make("span", { className: "pg-quiet", id: "pg-abl-grid-made" })),
        make("div", { className: "pg-abl-scroll", id: "pg-abl-grid-box" }),
        make("p", { className: "pg-abl-told", id: "pg-abl-grid-told" }),
        make("p", { className: "pg-quiet pg-abl-key" }, make("span", { className: "pg-abl-unequal", textContent: "≠" }), " marks a head whose removal changes the answer. The scale is the same for every text; colour grows with the square root of the number. Choosing a cell chooses its head, and switches off that one alone above.")),
    );
    tab = look.roving(find("box"), "[data-act=abl-cell]");
    find("box").addEventListener("pointerover", (event) => tell(event.target));
    find("box").addEventListener("focusin", (event) => tell(event.target));
    find("box").addEventListener("pointerleave", () => tell(document.activeElement));
  }

  function tell(target) {
    const cell = target.closest?.("[data-act=abl-cell]");
    find("told").textContent = cell && find("box").contains(cell) ? cell.ariaLabel : HINT;
  }

  function clear() {
    number += 1;
    controller?.abort();
    controller = null;
    kept = null;
    working(false);
    find("shown").hidden = true;
    find("box").replaceChildren();
    for (const name of ["summary", "error", "progress"]) find(name).textContent = "";
  }

  function working(on) {
    // Which of the two holds the focus may be the one that goes out.
    const other = on ? "stop" : "start";
    const focused = [find("start"), find("stop")].includes(document.activeElement);
    find("start").disabled = on;
    find("stop").disabled = !on;
    if (focused) find(other).focus({ preventScroll: true });
  }

  async function run() {
    if (controller || !look.map) return;
    const mine = ++number;
    const own = controller = new AbortController();
    const { part, instead } = look.ablation;
    let full = false;
    for (const name of ["summary", "error"]) find(name).textContent = "";
    find("progress").textContent = "Starting";
    working(true);
    try {
      for await (const update of wire.lines("attention-grid", { ...look.order, part, instead }, own)) {
        if (mine !== number) return;
        if (update.error) throw new wire.Said(update.error);
        if (update.table) { kept = { part, instead }; frame(update); }
        for (const [name, html] of Object.entries(update)) if (name.startsWith("row-")) row(Number(name.slice(4)), html);
        if ("known" in update) find("progress").textContent = `${update.known} of ${update.heads} heads`;
        if (update.summary) { full = true; find("summary").textContent = update.summary; }
      }
      if (!full) throw new wire.Said(wire.BROKEN);
    } catch (error) {
      if (mine !== number) return;
      if (own.signal.aborted && own.wanted) find("summary").textContent = STOPPED;
      else find("error").textContent = error instanceof wire.Said ? error.message : wire.GONE;
    }
    if (mine !== number) return;
    controller = null;
    working(false);
    paint();
  }

  function frame({ table, legend }) {
    find("box").replaceChildren(look.inner(table));
    find("legend").replaceChildren(look.inner(legend));
    const vector = find("box").querySelector("table").dataset.answer === "vector"; // it has no likeliest answer: all that moves is its cosine
    find("by").hidden = vector;
    for (const name of ["box", "legend"]) find(name).dataset.show = vector ? "effects" : show;
    const { title } = look.part(kept.part);
    find("made").textContent = `${look.map.parts.length > 1 ? `${title}; ` : ""}instead: ${kept.instead === "zero" ? "zero" : "the mean over this text"}`;
    find("shown").hidden = false;
    tell(document.body);
  }

  // A row is drawn once more: what had the focus in it has it still.
  function row(layer, html) {
    const line = find("box").querySelector(`tr[data-layer="${layer}"]`);
    const held = line.contains(document.activeElement) ? document.activeElement.dataset.head : null;
    line.replaceChildren(...look.inner(`<table><tbody><tr>${html}</tr></tbody></table>`).querySelector("tr").childNodes);
    if (held !== null) line.querySelector(`[data-head="${held}"]`)?.focus({ preventScroll: true });
    tab.reachable();
    paint();
  }

  function paint() {
    const { head } = look;
    for (const cell of find("box").querySelectorAll("[data-act=abl-cell]")) {
      cell.toggleAttribute("data-chosen", Boolean(head) && head.part === kept?.part && head.layer === Number(cell.dataset.layer) && head.head === Number(cell.dataset.head));
    }
  }

  actions["abl-grid"] = run;
  actions["abl-grid-stop"] = () => { if (controller) { controller.wanted = true; controller.abort(); } };
  actions["abl-grid-show"] = (one) => {
    show = one.dataset.value;
    for (const other of one.parentElement.children) other.setAttribute("aria-pressed", String(other === one));
    for (const name of ["box", "legend"]) find(name).dataset.show = show;
  };
  actions["abl-cell"] = ({ dataset }) => {
    const head = { part: kept.part, layer: Number(dataset.layer), head: Number(dataset.head) };
    look.chooseHead(head);
    look.ablation.only(head);
  };

  look.grid = { begin };
  document.addEventListener("pg:look", () => { if (find("start")) clear(); });
  document.addEventListener("pg:head", () => { if (find("box")) paint(); });
})();

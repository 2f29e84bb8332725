// The panel of embeddings: whose they are, the text's tokens on a map, and the neighbours of the one that is chosen or pinned.
(() => {
  const { ask, panel, put, make, reads, drawMap, markMap } = playground;
  let parts = null; // its places: who, map, about, near
  let asked = null; // the rows that were asked about
  let points = [];
  let shown = null; // {row, id}: whose neighbours are there
  let turn = 0;
  let wide = 0;

  const row = () => document.getElementById("pg-peek-who")?.value || "";
  const pinned = () => playground.reading?.pinned;

  function begin(place) {
    parts = {
      who: make("div", { className: "pg-peek-who" }), map: make("div", { className: "pg-peek-map" }),
      about: make("div"), near: make("div", { className: "pg-peek-side" }),
    };
    parts.near.setAttribute("aria-live", "polite");
    place.append(parts.who, make("div", { className: "pg-peek" }, make("div", {}, parts.map, parts.about), parts.near));
    parts.who.addEventListener("change", () => draw(playground.reading));
    new ResizeObserver(() => { // the names' places depend on the width
      if (parts.map.clientWidth === wide || !points.length) return;
      wide = parts.map.clientWidth;
      paint();
    }).observe(parts.map);
  }

  function paint() {
    drawMap(parts.map, points, (point) => near(point.id));
    if (shown?.row === row()) markMap(parts.map, shown.id);
  }

  async function near(id) {
    const mine = ++turn;
    const of = row();
    markMap(parts.map, id);
    const reply = await ask("tokens_neighbours", { row: of, token: id });
    if (mine !== turn) return;
    shown = { row: of, id };
    put(parts.near, reply);
  }

  // The pinned token's neighbours; else those that are there; else the longest token's that is no control token.
  function first() {
    const pin = pinned();
    if (pin && pin.row === row()) return pin.id;
    if (shown?.row === row() && points.some((point) => point.id === shown.id)) return shown.id;
    const plain = points.filter((point) => !point.special);
    return (plain.length ? plain : points).reduce((one, other) => (other.form.length > one.form.length ? other : one)).id;
  }

  async function draw(reading) {
    if (!row()) { points = []; for (const name of ["map", "about", "near"]) parts[name].replaceChildren(); return; }
    const reply = await ask("tokens_map", { ...reads(reading), row: row() });
    put(parts.about, reply);
    points = reply.points || [];
    parts.map.dataset.tier = document.getElementById("pg-peek-who").selectedOptions[0]?.dataset.tier || "";
    parts.near.dataset.tier = parts.map.dataset.tier;
    if (!points.length) { parts.map.replaceChildren(); parts.near.replaceChildren(); shown = null; return; }
    wide = parts.map.clientWidth;
    paint();
    await near(first());
  }

  panel("embeddings", async (place, reading) => {
    const key = JSON.stringify(reading.rows);
    if (key !== asked) {
      const reply = await ask("tokens_places", { rows: reading.rows, row: pinned()?.row || row() });
      asked = reply.error ? null : key;
      put(parts.who, reply);
    }
    await draw(reading);
  }, begin);

  document.addEventListener("pg:pin", async (event) => {
    const pin = event.detail;
    const select = document.getElementById("pg-peek-who");
    if (!pin || !select || ![...select.options].some((option) => option.value === pin.row)) return;
    if (select.value !== pin.row) { select.value = pin.row; await draw(playground.reading); }
    if (pin.id >= 0) near(pin.id);
  });
})();

// One matrix as a heatmap by plotly: its script is fetched from our own server when the page is opened, in an idle moment.
(() => {
  const { root, look, make, attColours: colours } = playground;
  const WIDEST = 56; // a cell's side, in pixels
  const TALLEST = 640;
  const FONT = 11;
  const LABEL = 13; // pixels that a label of that size needs
  const CHARACTER = 6.9; // about as wide as a character of one is
  const larger = () => (root.dataset.projector === undefined ? 1 : 1.45); // for the last row of a room
  const MODEBAR = 34;

  // -- the library
  let library = null;
  function load() {
    library ??= new Promise((resolve, reject) => {
      const src = document.querySelector('meta[name="pg-plotly"]').content;
      const script = make("script", { src, async: true, onload: () => resolve(window.Plotly), onerror: () => { library = null; script.remove(); reject(new Error("plotly")); } });
      document.head.append(script);
    });
    return library;
  }

  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 300));
  function soon() {
    if (root.dataset.page !== "attention") return;
    opened.disconnect();
    idle(() => load().catch(() => {}), { timeout: 3000 }); // who needs it tries again, and says so
  }
  const opened = new MutationObserver(soon);
  opened.observe(root, { attributes: true, attributeFilter: ["data-page"] });
  soon();

  // Float32 as plotly's figures have them.
  const numbers = ({ bdata }) => new Float32Array(Uint8Array.from(atob(bdata), (character) => character.charCodeAt(0)).buffer);

  // -- labels: as many as there is room for
  function thinned(names, [from, to], pixels) {
    const first = Math.max(0, Math.ceil(Math.min(from, to)));
    const last = Math.min(names.length - 1, Math.floor(Math.max(from, to)));
    const step = Math.max(1, Math.ceil(((Math.abs(to - from) || 1) * LABEL * larger()) / Math.max(1, pixels)));
    const tickvals = [];
    for (let at = Math.ceil(first / step) * step; at <= last; at += step) tickvals.push(at);
    return { tickvals, ticktext: tickvals.map((at) => names[at]) };
  }

  // place: the element it is drawn in. hears: hover(row, column) or hover(null), click(row, column), both of the matrix.
  class Plot {
    constructor(place, hears) {
      this.hears = hears;
      this.element = make("div", { className: "pg-att-plot", id: "pg-att-plot" });
      this.tip = make("div", { className: "pg-att-tip", hidden: true });
      this.wrap = make("div", { className: "pg-att-plot-wrap" }, this.element, this.tip);
      this.wrap.setAttribute("role", "group"); // no img: what is in one cannot be reached, and there are buttons
      place.append(this.wrap);
      this.reply = null;
      this.marked = [];
      let wide = 0;
      new ResizeObserver(() => { if (Math.abs(this.wrap.clientWidth - wide) > 1) { wide = this.wrap.clientWidth; this.again(); } }).observe(this.wrap);
      document.addEventListener("pg:scale", () => this.again());
    }

    // reply: what the server sent of the matrix. keep: while it is the same, a zoom stays. Resolves when it is drawn.
    async draw(reply, keep) {
      this.reply = reply;
      this.keep = keep;
      const Plotly = await load();
      if (this.reply === reply) await this.paint(Plotly);
    }

    again() { if (this.reply && window.Plotly) this.paint(window.Plotly); }

    clear() {
      this.reply = null;
      this.tip.hidden = true;
      if (window.Plotly && this.drawn) window.Plotly.purge(this.element);
      this.drawn = false;
    }

    sizes() {
      const { reply } = this;
      const [rows, columns] = [reply.rows.length, reply.columns.length];
      const long = (name) => [...name.replace(/&(?:amp|lt|gt);/g, "&")].length;
      const longest = (axis) => Math.max(...this.names(axis).map(long));
      const left = Math.round(longest("yaxis") * CHARACTER * larger()) + 12;
      const top = Math.round(longest("xaxis") * CHARACTER * larger() * 0.9) + 14;
      const right = MODEBAR + Math.round(long(this.names("xaxis").at(-1)) * CHARACTER * larger() * 0.5); // the last label leans over its column
      const room = Math.max(120, this.wrap.clientWidth - left - right);
      const cell = Math.min(WIDEST, room / columns, TALLEST / rows);
      const wide = Math.max(Math.min(room, 160), cell * columns);
      const tall = Math.max(Math.min(160, rows * WIDEST), cell * rows);
      return { left, top, right, wide, tall, width: left + wide + right, height: top + tall + 10 };
    }

    names(axis) { return this.reply.figure.layout[axis].ticktext; }

    async paint(Plotly) {
      const { figure } = this.reply;
      if (!this.wrap.clientWidth) return;
      const style = getComputedStyle(root);
      const colour = (name) => style.getPropertyValue(`--pg-${name}`).trim();
      const size = this.size = this.sizes();
      const axis = (name, pixels) => {
        const given = figure.layout[name];
        return { ...given, ...thinned(given.ticktext, given.range, pixels), linecolor: colour("line-strong"), mirror: true, showline: true, tickfont: { size: FONT * larger(), color: colour("ink") } };
      };
      const layout = {
        ...figure.layout, width: size.width, height: size.height, margin: { l: size.left, r: size.right, t: size.top, b: 10, pad: 2 },
        xaxis: { ...axis("xaxis", size.wide), tickangle: -60 }, yaxis: axis("yaxis", size.tall), paper_bgcolor: colour("surface"), plot_bgcolor: colour("surface"),
        font: { family: getComputedStyle(this.element).fontFamily, color: colour("ink") }, shapes: this.shapes(), uirevision: this.keep, hovermode: "closest",
        dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
        modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: colour("soft"), activecolor: colour("ink") },
      };
      const data = [{ ...figure.data[0], colorscale: colours.plotly() }];
      const config = { displaylogo: false, displayModeBar: true, doubleClick: "reset", modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]], showSendToCloud: false, responsive: false };
      const first = !this.drawn;
      this.drawn = true;
      await Plotly.react(this.element, data, layout, config);
      for (const svg of this.element.querySelectorAll(".main-svg")) svg.setAttribute("aria-hidden", "true"); // the label says it
      this.refit(Plotly);
      if (first) this.listen(Plotly);
    }

    listen(Plotly) {
      this.element.removeAllListeners?.();
      const at = ({ points }) => [points[0].y, points[0].x];
      this.element.on("plotly_hover", (event) => this.hover(...at(event), event.event));
      this.element.on("plotly_unhover", () => { this.tip.hidden = true; this.hears.hover(null); });
      this.element.on("plotly_click", (event) => this.hears.click(...at(event)));
      this.element.on("plotly_relayout", (change) => { if (Object.keys(change).some((name) => /^[xy]axis\.(range|autorange)/.test(name))) this.refit(Plotly); });
    }

    // After a zoom there is room for other labels.
    refit(Plotly) {
      if (!this.reply || !this.element.layout) return;
      const change = {};
      for (const [name, pixels] of [["xaxis", this.size.wide], ["yaxis", this.size.tall]]) {
        const { range, tickvals } = this.element.layout[name];
        const fit = thinned(this.names(name), range, pixels);
        if (fit.tickvals.join() !== [...tickvals].join()) Object.assign(change, { [`${name}.tickvals`]: fit.tickvals, [`${name}.ticktext`]: fit.ticktext });
      }
      if (Object.keys(change).length) Plotly.relayout(this.element, change);
    }

    hover(row, column, { clientX, clientY }) {
      const { reply } = this;
      const weight = reply.values[row * reply.columns.length + column];
      const box = this.wrap.getBoundingClientRect();
      const strong = make("b", { textContent: weight.toPrecision(5).replace(/e-0?/, "e−") });
      this.tip.replaceChildren(make("bdi", { textContent: reply.row_names[row] }), " looks at ", make("bdi", { textContent: reply.column_names[column] }), ": ", strong);
      this.tip.hidden = false;
      const x = Math.min(clientX - box.left + 14, box.width - this.tip.offsetWidth);
      this.tip.style.transform = `translate(${Math.max(0, x)}px, ${clientY - box.top + 18}px)`;
      this.hears.hover(row, column);
    }

    // Outlines a row or a column: { row } or { column }; null for none.
    mark(place) {
      const same = JSON.stringify(this.marked) === JSON.stringify(place ? [place] : []);
      this.marked = place ? [place] : [];
      if (!same && this.drawn && this.reply && this.element.layout) window.Plotly.relayout(this.element, { shapes: this.shapes() });
    }

    shapes() {
      const [rows, columns] = [this.reply.rows.length, this.reply.columns.length];
      const line = { color: getComputedStyle(root).getPropertyValue("--pg-chosen").trim(), width: 2 };
      return this.marked.filter(({ row = -1, column = -1 }) => (row >= 0 && row < rows) || (column >= 0 && column < columns)).map(({ row, column }) => ({
        type: "rect", line, x0: column === undefined ? -0.5 : column - 0.5, x1: column === undefined ? columns - 0.5 : column + 0.5,
        y0: row === undefined ? -0.5 : row - 0.5, y1: row === undefined ? rows - 0.5 : row + 0.5,
      }));
    }
  }

  look.Plot = Plot;
  look.numbers = numbers;
})();

// What can be taken from the attention page: pictures of what is drawn, the weights as a file, the code that makes them.
(() => {
  const { make, look, actions, toast, save, wire } = playground;
  const PATIENCE = 300000; // a long text is read once for every few layers

  const TITLE = 30; // CSS pixels above a heatmap

  const file = (rest) => `${look.order.model.split("/").pop()}-${rest}`;
  const headFile = (kind) => file(`layer-${look.head.layer + 1}-head-${look.head.head + 1}.${kind}`);
  const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

  const BUTTONS = [
    ["att-heatmap", "Heatmap as PNG", { kind: "png" }],
    ["att-heatmap", "Heatmap as SVG", { kind: "svg" }],
    ["att-overview-png", "Overview as PNG", {}],
    ["att-npz", "All weights as NPZ", {}],
    ["att-code", "Code of this matrix", {}],
  ];
  let says = null; // the line about the file

  function begin(place) {
    const row = make("div", { className: "pg-att-export-row" }, ...BUTTONS.map(([act, textContent, data]) => make("button", { type: "button", className: "pg-button", textContent, disabled: true, dataset: { act, ...data } })));
    says = make("p", { className: "pg-quiet" });
    const link = make("p", { className: "pg-quiet", textContent: "“Copy link” above copies this page's address: it holds the model, the text, and the layer, head and token that are chosen. It holds no weights and no key; whoever opens it looks again." });
    place.append(row, says, link);
  }

  function held(map) {
    const bytes = map.parts.reduce((sum, part) => sum + 4 * part.layers * part.heads * map.sides[part.queries].tokens.length * map.sides[part.keys].tokens.length, 0);
    const keys = map.parts.length > 1
      ? "attention (the encoder's), decoder_attention and cross_attention, each [layers, heads, queries, keys], with tokens and target_tokens"
      : "attention [layers, heads, queries, keys] and tokens";
    return `The NPZ is ${size(bytes)}, float32: ${keys}. In it and in the code, layers and heads are counted from 0.`;
  }

  async function busy(button, work) {
    if (button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    try { await work(); } finally { button.removeAttribute("aria-busy"); }
  }

  // The heatmap as plotly draws it, on the ground that it has on screen, with its name above.
  actions["att-heatmap"] = (button) => busy(button, async () => {
    const plot = document.querySelector("#pg-att-head .js-plotly-plot");
    if (!window.Plotly || !plot?.data) { toast("The heatmap is not drawn yet: look at “One head”, and press again."); return; }
    const { kind } = button.dataset;
    const { width, height } = plot.getBoundingClientRect();
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const text = [look.order.model, look.map.parts.length > 1 ? look.part(look.head.part).title : "", `layer ${look.head.layer + 1} · head ${look.head.head + 1}`].filter(Boolean).join(" · ");
    try {
      const layout = {
        ...plot.layout, width: Math.round(width), height: Math.round(height) + TITLE, paper_bgcolor: colour("--pg-surface"),
        margin: { ...plot.layout.margin, t: (plot.layout.margin?.t || 0) + TITLE },
        title: { text, x: 0, xref: "container", xanchor: "left", y: 1, yref: "container", yanchor: "top", pad: { l: 10, t: 10 }, font: { size: 14, color: colour("--pg-ink") } },
      };
      const url = await Plotly.toImage({ data: plot.data, layout }, { format: kind, width: layout.width, height: layout.height, scale: kind === "png" ? 2 : 1 });
      save(await (await fetch(url)).blob(), headFile(kind));
    } catch {
      toast("The image could not be made: this browser does not let the plot be drawn.");
    }
  });

  // The pictures of all heads, with what stands around them.
  actions["att-overview-png"] = (button) => busy(button, async () => {
    const canvas = [...document.querySelectorAll("#pg-att-overview canvas")].find((one) => one.width && one.checkVisibility());
    if (!look.map || !canvas) { toast("The overview is not drawn yet: look at “All heads at once”, and press again."); return; }
    await playground.png(canvas.parentElement, file("heads.png"));
  });

  actions["att-npz"] = (button) => busy(button, async () => {
    const name = file("attention.npz");
    try { save(await wire.download("attention-npz", look.order, PATIENCE), name); } catch (error) { toast(error.message); }
  });

  actions["att-code"] = (button) => busy(button, () => playground.openDialog("attention_code", { ...look.order, ...look.head }));

  look.panel("export", {
    begin,
    look(place, map) {
      for (const button of place.querySelectorAll("button")) button.disabled = !map;
      says.textContent = map ? held(map) : "";
    },
  });
})();

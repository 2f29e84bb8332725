// How strong a weight is, as a colour: one sequence for the page's pictures, and the one scale, 0 to 1, that all of them have.
// Nothing has the colour of the surface; from there lightness goes evenly (in OKLab), away from the ground, so that strength can be
// read without seeing hues. A weight's place on the scale is itself, or its logarithm from FAINTEST on.
//   pg:scale  the other scale was chosen, or the other theme
(() => {
  const { root, store } = playground;
  const FAINTEST = 1e-4; // as in the thumbnails' bytes: what is less is drawn as nothing
  const NAMES = ["linear", "log"];

  // OKLab to sRGB (Ottosson 2020), each 0..255 and within the gamut.
  function rgb(lightness, a, b) {
    const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
    return [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s, -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ].map((linear) => {
      const value = Math.min(1, Math.max(0, linear));
      return Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
    });
  }

  // From the surface's colour to a strong one: [lightness, chroma, hue in degrees] at 0, in the middle and at 1.
  const WAYS = {
    light: [[1, 0, 235], [0.66, 0.13, 245], [0.27, 0.1, 275]],
    dark: [[0.221, 0.022, 262], [0.6, 0.11, 215], [0.95, 0.13, 105]],
  };

  function step(way, place) {
    const at = place * 2;
    const [from, to] = at < 1 ? [way[0], way[1]] : [way[1], way[2]];
    const share = at < 1 ? at : at - 1;
    const [lightness, chroma, hue] = from.map((value, index) => (index ? value + (to[index] - value) * share : way[0][0] + (way[2][0] - way[0][0]) * place));
    const angle = (hue * Math.PI) / 180;
    return rgb(lightness, chroma * Math.cos(angle), chroma * Math.sin(angle));
  }

  const tables = Object.fromEntries(Object.entries(WAYS).map(([theme, way]) => [theme, Array.from({ length: 256 }, (_, level) => step(way, level / 255))]));

  const colours = playground.attColours = {
    FAINTEST,
    scale: NAMES.includes(store.get("attention-scale")) ? store.get("attention-scale") : "linear",

    // 256 colours [red, green, blue] of the present theme, for places 0..1 on the scale.
    get table() { return tables[root.dataset.theme === "dark" ? "dark" : "light"]; },

    // Where a weight stands on the scale, 0..1.
    place(weight) {
      if (!(weight > 0)) return 0;
      if (colours.scale === "linear") return Math.min(1, weight);
      return weight < FAINTEST ? 0 : Math.min(1, 1 - Math.log(weight) / Math.log(FAINTEST));
    },

    // The weight at a place.
    weight(place) { return colours.scale === "linear" ? place : place <= 0 ? 0 : FAINTEST ** (1 - place); },

    of(weight) { return colours.table[Math.round(255 * colours.place(weight))]; },

    css: ([red, green, blue]) => `rgb(${red} ${green} ${blue})`,

    // Black or white: whichever is read better on a colour; one of them always has a contrast of 4.5.
    ink(colour) {
      const [red, green, blue] = colour.map((value) => { const part = value / 255; return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
    },

    // Of the thumbnails' bytes, each 0 or a step of the logarithm: 256 colours as the canvas takes them (little endian).
    ofBytes() {
      return Uint32Array.from({ length: 256 }, (_, byte) => {
        const [red, green, blue] = colours.of(byte ? FAINTEST ** (1 - (byte - 1) / 254) : 0);
        return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
      });
    },

    // For a plotly trace whose z are the weights themselves, from 0 to 1: the scale bends the colours, not the numbers.
    plotly() {
      const stops = Array.from({ length: 65 }, (_, index) => index / 64);
      const found = stops.map((place) => [colours.weight(place), colours.css(colours.table[Math.round(255 * place)])]);
      if (colours.scale === "log") found.splice(1, 0, [FAINTEST * 0.999, found[0][1]]);
      return found;
    },

    choose(scale) {
      colours.scale = NAMES.includes(scale) ? scale : "linear";
      store.set("attention-scale", colours.scale);
      document.dispatchEvent(new CustomEvent("pg:scale"));
    },

    // The scale with its numbers, and the switch; every one on the page shows the same.
    legend() {
      const { make } = playground;
      const bar = make("span", { className: "pg-att-ramp" });
      const numbers = make("span", { className: "pg-att-ramp-numbers" });
      const buttons = NAMES.map((scale) => {
        const button = make("button", { type: "button", textContent: scale === "log" ? "logarithmic" : "linear" });
        button.addEventListener("click", () => colours.choose(scale));
        return button;
      });
      const group = make("span", { className: "pg-segments" }, ...buttons);
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", "Colour scale");
      const element = make("div", { className: "pg-att-legend" }, make("span", { className: "pg-quiet", textContent: "weight" }), make("span", { className: "pg-att-scale" }, bar, numbers), group);
      const paint = () => {
        const stops = Array.from({ length: 17 }, (_, index) => colours.css(colours.table[Math.round((255 * index) / 16)]));
        bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
        const marks = colours.scale === "log" ? ["≤ 0.0001", "0.001", "0.01", "0.1", "1"] : ["0", "0.25", "0.5", "0.75", "1"];
        numbers.replaceChildren(...marks.map((textContent) => make("span", { textContent })));
        buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(NAMES[index] === colours.scale)));
      };
      document.addEventListener("pg:scale", paint);
      paint();
      return element;
    },
  };

  new MutationObserver(() => document.dispatchEvent(new CustomEvent("pg:scale"))).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
})();

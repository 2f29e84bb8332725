// Draws tokens as points on two axes, with as many of their names as have room. No request, no server's HTML.
(() => {
  const template = document.createElement("template");
  template.innerHTML = "<svg></svg>"; // what the browser itself makes of it says its namespace
  const SVG = template.content.firstChild.namespaceURI;
  const PAD = 26;
  const GAP = 7; // between a point and its name
  const HIGH = 15; // of a name, in pixels
  const pen = document.createElement("canvas").getContext("2d");

  function node(name, attributes = {}) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  // One unit is as long across as up, so that distances are right. Up is positive.
  function placed(points, width, height) {
    const range = (key) => {
      const all = points.map((point) => point[key]);
      return [Math.min(...all), Math.max(...all)];
    };
    const [left, right] = range("x");
    const [low, high] = range("y");
    const unit = Math.min((width - 4 * PAD) / (right - left || 1), (height - 2 * PAD) / (high - low || 1));
    return points.map((point) => ({
      ...point,
      px: width / 2 + (point.x - (left + right) / 2) * unit,
      py: height / 2 - (point.y - (low + high) / 2) * unit,
    }));
  }

  const meet = (one, other) => one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;

  // Right, left, above, below, then the corners: the first place that is free; null where none is.
  function nameBox(point, taken, width, height) {
    const w = pen.measureText(point.form).width + 2;
    const { px, py } = point;
    const spots = [
      [px + GAP, py - HIGH / 2], [px - GAP - w, py - HIGH / 2], [px - w / 2, py - GAP - HIGH], [px - w / 2, py + GAP],
      [px + GAP - 2, py - HIGH - 3], [px + GAP - 2, py + 3], [px - GAP - w + 2, py - HIGH - 3], [px - GAP - w + 2, py + 3],
    ];
    for (const [x, y] of spots) {
      const box = { x, y, w, h: HIGH };
      if (x >= 0 && y >= 0 && x + w <= width && y + HIGH <= height && !taken.some((other) => other.of !== point && meet(box, other))) return box;
    }
    return null;
  }

  // place: an element with a width. points: {id, form, times, special, x, y}. choose(point): it was clicked.
  playground.drawMap = (place, points, choose) => {
    const width = Math.max(240, place.clientWidth);
    const height = Math.round(Math.min(440, Math.max(300, width * 0.62)));
    pen.font = "12.5px " + getComputedStyle(place).fontFamily;
    const spots = placed(points, width, height);
    const taken = spots.map((point) => ({ of: point, x: point.px - 5, y: point.py - 5, w: 10, h: 10 }));
    const svg = node("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Map of the text's tokens" });
    svg.append(node("path", { class: "pg-map-axes", d: `M0 ${height / 2}H${width}M${width / 2} 0V${height}` }));
    const marks = [...spots].sort((one, other) => one.special - other.special || other.times - one.times).map((point) => {
      const box = nameBox(point, taken, width, height);
      if (box) taken.push({ of: null, ...box });
      const end = !box && point.px > width / 2;
      const mark = node("g", { class: "pg-map-point", role: "button", tabindex: -1 });
      mark.setAttribute("aria-label", `${point.form}, id ${point.id}, ${point.times === 1 ? "once" : point.times + " times"}`);
      if (point.special) mark.dataset.special = "";
      if (!box) mark.dataset.unnamed = "";
      mark.dataset.id = point.id;
      const name = node("text", box ? { x: box.x + 1, y: box.y + HIGH - 4 } : { x: point.px + (end ? -GAP : GAP), y: point.py + 4, "text-anchor": end ? "end" : "start" });
      name.textContent = point.form;
      mark.append(node("circle", { class: "pg-map-hit", cx: point.px, cy: point.py, r: 11 }), node("circle", { cx: point.px, cy: point.py, r: 4.5 }), name);
      mark.addEventListener("click", () => take(mark, point));
      return { mark, point };
    });
    function take(mark, point) {
      for (const one of marks) {
        one.mark.setAttribute("tabindex", one.mark === mark ? 0 : -1);
        one.mark.toggleAttribute("data-chosen", one.mark === mark);
      }
      choose(point);
    }
    // Arrows lead to the next point in that direction of one axis.
    svg.addEventListener("keydown", (event) => {
      const here = marks.find(({ mark }) => mark === document.activeElement);
      if (!here) return;
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); take(here.mark, here.point); return; }
      const [axis, way] = { ArrowRight: ["px", 1], ArrowLeft: ["px", -1], ArrowDown: ["py", 1], ArrowUp: ["py", -1] }[event.key] || [];
      if (!axis) return;
      event.preventDefault();
      const order = [...marks].sort((one, other) => one.point[axis] - other.point[axis]);
      const next = order[order.indexOf(here) + way];
      if (!next) return;
      here.mark.setAttribute("tabindex", -1);
      next.mark.setAttribute("tabindex", 0);
      next.mark.focus();
    });
    svg.append(...marks.map(({ mark }) => mark));
    marks[0]?.mark.setAttribute("tabindex", 0);
    place.replaceChildren(svg);
  };

  playground.markMap = (place, id) => {
    for (const mark of place.querySelectorAll(".pg-map-point")) mark.toggleAttribute("data-chosen", mark.dataset.id === String(id));
  };
})();

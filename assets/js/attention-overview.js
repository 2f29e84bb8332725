// All heads at once: a picture of each, on one canvas, by layer or by kind of head. A click or an arrow key chooses one.
(() => {
  const { root, look, make, attColours: colours } = playground;
  const GAPS = [4, 2]; // between two pictures, in CSS pixels: where there is room, and on a narrow screen
  const most = () => (root.dataset.projector === undefined ? 88 : 130); // a picture's side
  const LEAST = 12;
  const TALL = 1000; // what all of them together are at most high, where they can be that small
  const EDGE = 34; // the layers' numbers
  const TOP = 22; // the heads' numbers
  const CAPTION = 16; // a picture's own number, where they are not in rows and columns

  const titled = (layer, head, label) => `layer ${layer + 1} · head ${head + 1}${label ? ` · ${label}` : ""}`;
  look.headTitle = ({ part, layer, head }) => titled(layer, head, look.part(part)?.labels?.[layer]?.[head]);

  let parts = null; // the elements of the panel
  let map = null;
  let part = null; // the one that is shown
  let order = "layer";
  let cells = []; // { layer, head, x, y }, in the order of the keys
  let tile = { width: 0, height: 0, columns: 1 };
  let hovered = null;

  const labelOf = (layer, head) => part.labels?.[layer]?.[head] ?? "";
  const chosen = () => (look.head && part && look.head.part === part.name ? cells.findIndex(({ layer, head }) => layer === look.head.layer && head === look.head.head) : -1);

  // -- where each picture is
  function arrange() {
    const room = parts.grid.clientWidth - EDGE - 1;
    const gap = GAPS[room / part.heads < 24 ? 1 : 0];
    const ratio = Math.min(1.6, Math.max(0.5, part.q / part.k));
    const fit = (room + gap) / part.heads - gap;
    const side = Math.max(LEAST, Math.min(most(), fit, Math.max(24, TALL / part.layers / ratio - gap)));
    const device = devicePixelRatio || 1;
    const whole = (size) => Math.max(1, Math.floor(size * device)) / device; // every picture has as many pixels
    tile = { width: whole(side), height: whole(side * ratio), columns: Math.max(1, Math.floor((room + gap) / (whole(side) + gap))), gap };
    const step = { x: tile.width + gap, y: tile.height + gap };
    cells = [];
    const marks = [];
    if (order === "layer") {
      const columns = Math.min(part.heads, tile.columns);
      const every = tile.width < 21 ? 2 : 1;
      for (let head = 0; head < columns; head += every) marks.push({ text: head + 1, x: EDGE + head * step.x + tile.width / 2, y: 0, cls: "column" });
      const rows = Math.ceil(part.heads / columns); // more than one where a screen is too narrow for a layer
      for (let layer = 0; layer < part.layers; layer++) {
        marks.push({ text: layer + 1, x: 0, y: TOP + layer * rows * step.y + tile.height / 2, cls: "row" });
        for (let head = 0; head < part.heads; head++) cells.push({ layer, head, x: EDGE + (head % columns) * step.x, y: TOP + (layer * rows + Math.floor(head / columns)) * step.y });
      }
      tile.columns = columns;
      tile.high = TOP + part.layers * rows * step.y;
      return marks;
    }
    const kinds = new Map();
    for (let layer = 0; layer < part.layers; layer++) {
      for (let head = 0; head < part.heads; head++) {
        const label = labelOf(layer, head);
        if (!kinds.has(label)) kinds.set(label, []);
        kinds.get(label).push({ layer, head });
      }
    }
    const sorted = [...kinds].sort(([one, first], [other, second]) => (one === "") - (other === "") || second.length - first.length || one.localeCompare(other));
    let y = 0;
    const columns = Math.max(1, Math.floor((parts.grid.clientWidth + gap) / step.x));
    for (const [label, heads] of sorted) {
      marks.push({ text: `${label || "no label"} (${heads.length})`, x: 0, y, cls: "kind" });
      y += 24;
      heads.forEach(({ layer, head }, index) => {
        const x = (index % columns) * step.x;
        const top = y + Math.floor(index / columns) * (step.y + CAPTION);
        cells.push({ layer, head, x, y: top });
        if (tile.width >= 24) marks.push({ text: `${layer + 1}·${head + 1}`, x: x + tile.width / 2, y: top + tile.height, cls: "caption" });
      });
      y += Math.ceil(heads.length / columns) * (step.y + CAPTION) + 8;
    }
    tile.columns = columns;
    tile.high = y;
    return marks;
  }

  // -- drawing: nearest where there is room for every token, the strongest of each pixel's tokens where there is not
  function ranges(count, pixels) {
    return Array.from({ length: pixels }, (_, at) => {
      const start = Math.floor((at * count) / pixels);
      return [start, Math.max(start + 1, Math.ceil(((at + 1) * count) / pixels))];
    });
  }

  function draw() {
    if (!part || !parts.grid.clientWidth) return;
    const marks = arrange();
    const device = devicePixelRatio || 1;
    const { canvas } = parts;
    const wide = parts.grid.clientWidth;
    canvas.width = Math.round(wide * device);
    canvas.height = Math.round(tile.high * device);
    canvas.style.width = `${canvas.width / device}px`;
    canvas.style.height = `${canvas.height / device}px`;
    parts.grid.style.height = `${tile.high}px`;
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    const lookup = colours.ofBytes();
    const { q, k, bytes, heads } = part;
    const width = Math.round(tile.width * device);
    const height = Math.round(tile.height * device);
    const rows = ranges(q, height);
    const columns = ranges(k, width);
    const simple = height >= q && width >= k;
    for (const { layer, head, x, y } of cells) {
      const from = (layer * heads + head) * q * k;
      const left = Math.round(x * device);
      const top = Math.round(y * device);
      for (let row = 0; row < height; row++) {
        const line = (top + row) * canvas.width + left;
        const [first, last] = rows[row];
        for (let column = 0; column < width; column++) {
          let greatest = bytes[from + first * k + columns[column][0]];
          if (!simple) {
            const [begin, end] = columns[column];
            for (let query = first; query < last; query++) {
              for (let key = begin; key < end; key++) { const byte = bytes[from + query * k + key]; if (byte > greatest) greatest = byte; }
            }
          }
          pixels[line + column] = lookup[greatest];
        }
      }
    }
    context.putImageData(image, 0, 0);
    context.strokeStyle = getComputedStyle(parts.grid).getPropertyValue("--pg-line");
    for (const { x, y } of cells) context.strokeRect(Math.round(x * device) - 0.5, Math.round(y * device) - 0.5, width + 1, height + 1);
    parts.marks.replaceChildren(...marks.map(({ text, x, y, cls }) => {
      const mark = make("span", { className: `pg-att-mark pg-att-mark-${cls}`, textContent: String(text) });
      mark.style.transform = `translate(${x}px, ${y}px)`;
      return mark;
    }));
    mark();
  }

  function frame(element, cell) {
    element.hidden = !cell;
    if (cell) Object.assign(element.style, { transform: `translate(${cell.x}px, ${cell.y}px)`, width: `${tile.width}px`, height: `${tile.height}px` });
  }

  function mark() {
    const place = chosen();
    const cell = cells[place];
    frame(parts.chosen, cell);
    frame(parts.hovered, hovered);
    parts.option.textContent = cell ? titled(cell.layer, cell.head, labelOf(cell.layer, cell.head)) : "no head";
    parts.option.setAttribute("aria-posinset", String(place + 1));
    parts.option.setAttribute("aria-setsize", String(cells.length));
  }

  // -- choosing
  function choose(cell) {
    if (cell) look.chooseHead({ part: part.name, layer: cell.layer, head: cell.head });
  }

  function at(event) {
    const box = parts.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    return cells.find((cell) => x >= cell.x && x < cell.x + tile.width + tile.gap && y >= cell.y && y < cell.y + tile.height + tile.gap) ?? null;
  }

  // Up and down: the nearest of the next row that there is.
  function beside(cell, way) {
    const rows = [...new Set(cells.map(({ y }) => y))].sort((one, other) => one - other);
    const y = rows[rows.indexOf(cell.y) + way];
    const row = cells.filter((one) => one.y === y);
    return row.reduce((best, one) => (!best || Math.abs(one.x - cell.x) < Math.abs(best.x - cell.x) ? one : best), null);
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !cells.length) return;
    const place = Math.max(0, chosen());
    const cell = cells[place];
    const to = {
      ArrowLeft: () => cells[place - 1], ArrowRight: () => cells[place + 1], ArrowUp: () => beside(cell, -1), ArrowDown: () => beside(cell, 1),
      Home: () => cells[0], End: () => cells.at(-1),
    }[event.key];
    if (!to) return;
    event.preventDefault();
    const found = to();
    if (!found) return;
    choose(found);
    parts.said.textContent = titled(found.layer, found.head, labelOf(found.layer, found.head));
  }

  function hover(event) {
    const cell = part ? at(event) : null;
    if (cell === hovered) return;
    hovered = cell;
    frame(parts.hovered, cell);
    parts.tip.hidden = !cell;
    if (!cell) return;
    parts.tip.textContent = titled(cell.layer, cell.head, labelOf(cell.layer, cell.head));
    const most = parts.grid.clientWidth - parts.tip.offsetWidth;
    parts.tip.style.transform = `translate(${Math.max(0, Math.min(most, cell.x + tile.width / 2 - parts.tip.offsetWidth / 2))}px, ${cell.y + tile.height + 5}px)`;
  }

  function switches(label, choices, choose_) {
    const group = make("span", { className: "pg-segments" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    group.append(...choices.map(([value, textContent]) => {
      const button = make("button", { type: "button", textContent, dataset: { value } });
      button.addEventListener("click", () => choose_(value));
      return button;
    }));
    return group;
  }
  const press = (group, value) => { for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.value === value)); };

  function show(name) {
    part = look.part(name);
    hovered = null;
    parts.tip.hidden = true;
    press(parts.which, name);
    press(parts.order, order);
    parts.grid.setAttribute("aria-label", `Heads of the ${part.title}: ${part.layers} ${part.layers === 1 ? "layer" : "layers"} of ${part.heads}. Arrow keys choose one.`);
    const small = part.q < map.sides[part.queries].tokens.length || part.k < map.sides[part.keys].tokens.length;
    parts.axes.textContent = order === "layer"
      ? `Rows: layers from the first, at the top. Columns: heads.${small ? " Many tokens: each point is the strongest of several." : ""}`
      : "Heads of one kind together; below each its layer and head.";
    draw();
  }

  look.panel("overview", {
    begin(place) {
      const grid = make("div", { className: "pg-att-grid", tabIndex: 0 });
      grid.setAttribute("role", "listbox");
      grid.setAttribute("aria-activedescendant", "pg-att-overview-option");
      parts = {
        grid, canvas: make("canvas"), marks: make("div"), chosen: make("div", { className: "pg-att-chosen", hidden: true }), hovered: make("div", { className: "pg-att-hovered", hidden: true }),
        tip: make("div", { className: "pg-att-tip", hidden: true }), option: make("div", { className: "pg-sr", id: "pg-att-overview-option" }),
        said: make("p", { className: "pg-sr" }), axes: make("p", { className: "pg-quiet pg-att-axes" }),
        which: make("span"), bar: make("div", { className: "pg-att-bar" }),
        order: switches("Order of the heads", [["layer", "by layer"], ["label", "by label"]], (value) => { order = value; show(part.name); }),
      };
      parts.said.setAttribute("aria-live", "polite");
      parts.option.setAttribute("role", "option");
      parts.option.setAttribute("aria-selected", "true");
      parts.canvas.setAttribute("aria-hidden", "true");
      parts.marks.setAttribute("aria-hidden", "true");
      parts.tip.setAttribute("aria-hidden", "true");
      parts.bar.append(parts.which, parts.order, colours.legend());
      grid.append(parts.canvas, parts.marks, parts.hovered, parts.chosen, parts.tip, parts.option);
      grid.addEventListener("pointermove", hover);
      grid.addEventListener("pointerleave", () => { hovered = null; frame(parts.hovered, null); parts.tip.hidden = true; });
      grid.addEventListener("click", (event) => choose(at(event)));
      grid.addEventListener("keydown", key);
      place.append(parts.bar, parts.axes, grid, parts.said);
      let wide = 0;
      new ResizeObserver(() => { if (grid.clientWidth !== wide) { wide = grid.clientWidth; draw(); } }).observe(grid);
    },
    look(_, found) {
      map = found;
      if (!found) { part = null; cells = []; return; }
      const several = found.parts.length > 1;
      const which = several
        ? switches("Which attention", found.parts.map(({ name, title }) => [name, title]), (name) => { look.chooseHead({ part: name, layer: 0, head: 0 }); })
        : make("span");
      which.hidden = !several;
      parts.which.replaceWith(which);
      parts.which = which;
      show(found.parts[0].name);
    },
    head(_, head) {
      if (head.part !== part?.name) show(head.part);
      else mark();
    },
  });
  document.addEventListener("pg:scale", () => { if (part) draw(); });
})();

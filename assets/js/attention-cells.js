// For the panels of the attention page: tables of cells with one tab stop and arrow keys, and when a panel comes into view.
(() => {
  const WAIT = 250; // milliseconds in view
  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  // One of the elements that `selector` finds in `place` can be reached by Tab; the arrow keys lead to the others, by where they
  // stand in their table, or one after the other where they stand in none. Those that are drawn later are found too.
  function roving(place, selector) {
    const all = () => [...place.querySelectorAll(selector)].filter((cell) => cell.checkVisibility());
    const enter = (cell) => {
      for (const other of place.querySelectorAll(`${selector}[tabindex="0"]`)) if (other !== cell) other.tabIndex = -1;
      cell.tabIndex = 0;
    };
    const beside = (cell, [down, right]) => {
      const row = cell.closest("tr");
      if (!row) { const cells = all(); return cells[cells.indexOf(cell) + down + right]; }
      if (right) { const cells = all().filter((other) => other.closest("tr") === row); return cells[cells.indexOf(cell) + right]; }
      const column = cell.closest("td, th").cellIndex;
      for (let next = down > 0 ? row.nextElementSibling : row.previousElementSibling; next; next = down > 0 ? next.nextElementSibling : next.previousElementSibling) {
        const found = next.cells[column];
        const target = found?.matches(selector) ? found : found?.querySelector(selector);
        if (target) return target;
      }
      return null;
    };
    place.addEventListener("focusin", (event) => { const cell = event.target.closest(selector); if (cell) enter(cell); });
    place.addEventListener("keydown", (event) => {
      const cell = event.target.closest(selector);
      const move = MOVES[event.key];
      if (!cell || !move || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const next = beside(cell, move);
      if (next) { enter(next); next.focus(); }
    });
    return { reachable() { if (!place.querySelector(`${selector}[tabindex="0"]`)) { const [first] = place.querySelectorAll(selector); if (first) first.tabIndex = 0; } } };
  }

  // act(): when `place` has been in view for a moment; and again by the function that comes back. While a look arrives the panels
  // above grow, and what stands lower is in view for an instant.
  function whenSeen(place, act) {
    let seen = false;
    let timer = null;
    const soon = () => { clearTimeout(timer); timer = setTimeout(() => { if (seen) act(); }, WAIT); };
    const eye = new IntersectionObserver((entries) => { seen = entries[entries.length - 1].isIntersecting; if (seen) soon(); }, { rootMargin: "100px" });
    eye.observe(place);
    return soon;
  }

  // The server's HTML: what a user or a model wrote is escaped there.
  function inner(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  }

  Object.assign(playground.look, { roving, whenSeen, inner });
})();

// Finding words in the ruler's text, in lines that are not in the page too.
(() => {
  const { actions } = playground;
  const MOST = 10000;

  class Finder {
    constructor(grid, said, field) {
      Object.assign(this, { grid, said, field });
      field.addEventListener("input", () => this.look());
      field.addEventListener("keydown", (event) => {
        if (event.key === "Enter") { event.preventDefault(); this.step(event.shiftKey ? -1 : 1); }
        if (event.key === "Escape" && field.value) { event.preventDefault(); event.stopPropagation(); field.value = ""; this.look(); }
      });
      actions["tok-find"] = (button) => this.step(Number(button.dataset.step));
    }

    // Case does not matter. `moved`: false where the text is a new one and nobody asked to go anywhere.
    look(moved = true) {
      const { grid, field } = this;
      const { text } = grid;
      const wanted = field.value;
      grid.found = [];
      if (wanted && text) {
        const pattern = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replaceAll("\\-", "-").replaceAll("\\/", "/"), "giu");
        for (const match of text.text.matchAll(pattern)) {
          grid.found.push([text.byteAt(match.index), text.byteAt(match.index + match[0].length)]);
          if (grid.found.length === MOST) break;
        }
      }
      grid.foundAt = Uint32Array.from(grid.found, (hit) => hit[0]);
      grid.hit = grid.found.length ? 0 : -1;
      if (moved && grid.hit === 0) this.goTo(); else { grid.paint(); this.say(); }
    }

    step(by) {
      const { grid } = this;
      if (!grid.found.length) return;
      grid.hit = (grid.hit + by + grid.found.length) % grid.found.length;
      this.goTo();
    }

    goTo() {
      const { grid } = this;
      const [start] = grid.found[grid.hit];
      grid.focus = { row: grid.focus.row, token: grid.rows[grid.focus.row]?.count ? grid.covering(grid.focus.row, start) : 0 };
      grid.reveal(grid.layout.lineAt(start));
      grid.paint();
      this.say();
    }

    say() {
      const { found, hit } = this.grid;
      this.said.textContent = !this.field.value ? "" : found.length ? `${(hit + 1).toLocaleString("en")} of ${found.length.toLocaleString("en")}` : "not there";
    }
  }

  playground.ruler.Finder = Finder;
})();

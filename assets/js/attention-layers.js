// "Layer by layer": what the model would say after each layer; asked once of each look, when the panel is on screen.
(() => {
  const { actions, look, make } = playground;
  const find = (name) => document.getElementById("pg-lay-" + name);
  let due = false;
  let later = null;
  let number = 0; // of the newest question: an older one's answer is dropped

  function begin(place) {
    place.append(
      make("p", { className: "pg-att-was pg-quiet", textContent: "This is of the text as it was looked at: press Look for the new one." }),
      make("p", { className: "pg-input-error", id: "pg-lay-error", role: "alert" }),
      make("p", { className: "pg-quiet", id: "pg-lay-empty", textContent: "Look at a text first." }),
      make("div", { id: "pg-lay-shown" }),
    );
    const shown = find("shown");
    look.roving(shown, "td[data-told]");
    for (const name of ["pointerover", "focusin"]) shown.addEventListener(name, (event) => tell(event.target));
    shown.addEventListener("pointerleave", () => tell(document.activeElement));
    later = look.whenSeen(place, ask);
  }

  function tell(target) {
    const line = find("shown").querySelector(".pg-lay-told");
    const cell = target.closest?.("td[data-told]");
    if (line) line.textContent = cell && find("shown").contains(cell) ? cell.dataset.told : line.dataset.hint;
  }

  async function ask() {
    if (!due || !look.map) return;
    due = false;
    const mine = ++number;
    find("empty").textContent = "Looking through the layers …";
    find("empty").hidden = false;
    const reply = await look.ask("attention_layers");
    if (mine !== number) return;
    find("empty").hidden = true;
    find("error").textContent = reply.error || "";
    find("shown").replaceChildren(reply.error ? "" : look.inner(reply.html));
    const first = find("shown").querySelector("td[data-told]:not([data-early])");
    if (first) first.tabIndex = 0;
    const box = find("shown").querySelector(".pg-lay-box");
    if (box?.querySelector(".pg-lay-places")) box.scrollLeft = box.scrollWidth; // the last column is where the text ends
  }

  actions["layers-early"] = (button) => {
    const open = find("shown").toggleAttribute("data-all");
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "show the last places alone" : button.dataset.closed;
  };

  look.panel("layers", {
    begin,
    look(place, map) {
      number += 1;
      due = Boolean(map);
      find("error").textContent = "";
      find("shown").replaceChildren();
      find("shown").removeAttribute("data-all");
      find("empty").hidden = false;
      find("empty").textContent = map ? "Looking through the layers …" : "Look at a text first.";
      later();
    },
  });
})();

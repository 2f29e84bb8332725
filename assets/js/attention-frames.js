// bertviz' views, each in a frame that may run scripts and nothing else: it has no address of its own, reaches neither this page nor
// any server, and tells this page one thing, how high it wants to be.
(() => {
  const { make, look, actions } = playground;
  const TALLEST = 6000; // CSS pixels; what is higher scrolls inside
  const VIEWS = {
    head: { title: "Head view", about: "One layer: a line for every weight between two tokens. The coloured squares are the heads, in their order: pressed once, one is switched on or off; twice, it is shown alone." },
    model: { title: "Model view", about: "Every head of every layer, small. Press one to see its tokens." },
  };
  const frames = new Map(); // name -> { button, note, stage, number }
  const libraries = new Map(); // address -> the text of a library, once it was fetched

  const fetched = (address) => {
    if (!libraries.has(address)) {
      const text = fetch(new URL(address, document.baseURI)).then((reply) => { if (!reply.ok) throw new Error(reply.status); return reply.text(); });
      text.catch(() => libraries.delete(address));
      libraries.set(address, text);
    }
    return libraries.get(address);
  };

  const named = ({ part, layer, head }) => `layer ${layer + 1} · head ${head + 1}${look.map.parts.length > 1 ? ` · ${look.part(part).title}` : ""}`;

  function begin(place) {
    place.append(...Object.entries(VIEWS).map(([name, { title, about }]) => {
      const button = make("button", { type: "button", className: "pg-button", textContent: `Draw the ${title.toLowerCase()}`, disabled: true, dataset: { act: "att-draw", view: name } });
      const note = make("p", { className: "pg-quiet pg-att-frame-note" });
      note.setAttribute("role", "status");
      const stage = make("div", { className: "pg-att-stage" });
      frames.set(name, { button, note, stage, number: 0 });
      return make("div", { className: "pg-att-frame" }, make("div", { className: "pg-att-frame-head" }, make("div", {}, make("h3", { textContent: title }), make("p", { className: "pg-quiet", textContent: about })), button), note, stage);
    }));
  }

  function clear(view) {
    view.number += 1; // an answer that is still to come is dropped
    view.stage.replaceChildren();
    view.note.textContent = "";
    view.button.removeAttribute("aria-busy");
  }

  actions["att-draw"] = async (button) => {
    const view = frames.get(button.dataset.view);
    if (!look.head || button.hasAttribute("aria-busy")) return;
    const mine = ++view.number;
    const head = look.head;
    button.setAttribute("aria-busy", "true");
    let reply = await look.ask("attention_bertviz", { ...head, view: button.dataset.view });
    let texts = [];
    try { if (!reply.error) texts = await Promise.all(reply.libraries.map(fetched)); } catch { reply = { error: "The libraries that bertviz draws with did not come: look whether the server still runs, then press again." }; }
    if (mine !== view.number) return;
    button.removeAttribute("aria-busy");
    if (reply.error) { view.note.textContent = reply.error; return; }
    const frame = make("iframe", { title: `bertviz: ${VIEWS[button.dataset.view].title.toLowerCase()}`, className: "pg-att-bertviz", referrerPolicy: "no-referrer", dataset: { view: button.dataset.view } });
    frame.setAttribute("sandbox", "allow-scripts"); // never allow-same-origin: what a user or a model wrote is in it
    frame.srcdoc = reply.document.replace(reply.mark, () => texts.map((text) => `<script>${text}</script>`).join("\n"));
    view.stage.replaceChildren(frame);
    view.note.textContent = [button.dataset.view === "head" ? `Drawn with ${named(head)} chosen.` : "", reply.note].filter(Boolean).join(" ");
  };

  addEventListener("message", ({ source, data }) => {
    for (const { stage } of frames.values()) {
      const frame = stage.firstElementChild;
      if (!frame || source !== frame.contentWindow) continue;
      const height = Number(data?.height);
      if (height > 0) frame.style.height = `${Math.min(Math.ceil(height), TALLEST) + frame.offsetHeight - frame.clientHeight}px`; // and its border
    }
  });

  look.panel("bertviz", {
    begin,
    look(place, map) {
      for (const view of frames.values()) { clear(view); view.button.disabled = !map; }
    },
    head(place, head) { frames.get("head").button.textContent = head ? `Draw the head view of layer ${head.layer + 1}` : "Draw the head view"; },
  });
})();

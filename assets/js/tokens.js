// What a token might have been: a box beside it with its probability and the alternatives; choosing one goes on from it.
// All of it is text that a model wrote, and becomes text here, never markup.
(() => {
  const { consoleOf } = playground;
  const SOON = 150, LATE = 300; // milliseconds until the box opens under a pointer, and closes behind it
  let box = null;
  let token = null; // whose alternatives are shown
  let kept = false; // opened by a click or a key: it stays until it is closed
  let timer = null;

  const later = (act, milliseconds) => { clearTimeout(timer); timer = setTimeout(act, milliseconds); };
  const tokenOf = (event) => (event.target instanceof Element ? event.target.closest(".pg-t[data-p], .pg-t[data-alts]") : null);
  const tokensOf = (written) => [...written.querySelectorAll(".pg-new > .pg-t")];

  const visible = (text) => playground.visible(text) || "nothing that can be seen";
  const percent = (p) => (p >= 0.9995 && p < 1 ? ">99.9" : p < 0.0005 && p > 0 ? "<0.1" : (100 * p).toFixed(1)) + "\u00a0%";

  function alternatives(element) {
    const words = (element.dataset.alts || "").split(" ");
    const found = [];
    for (let place = 0; place + 1 < words.length; place += 2) found.push({ text: decodeURIComponent(words[place]), p: Number(words[place + 1]) });
    return found;
  }

  function make(name, cls, text = "") {
    const element = document.createElement(name);
    element.className = cls;
    element.textContent = text;
    return element;
  }

  function row({ text, p }, own, continues) {
    const item = document.createElement("li");
    const can = continues && !own && text !== "";
    const line = make(can ? "button" : "span", "pg-alt");
    if (can) { line.type = "button"; line.dataset.text = text; line.title = "Go on from here"; }
    line.append(make("code", "pg-alt-text", visible(text)), make("span", "pg-alt-p", percent(p)));
    const bar = make("span", "pg-alt-bar");
    bar.style.setProperty("--value", `${100 * p}%`);
    line.append(bar);
    if (own) line.append(make("span", "pg-sr", " stands here"));
    item.append(line);
    item.toggleAttribute("data-own", own);
    return item;
  }

  function fill(element) {
    const written = element.closest(".pg-written");
    const continues = "continues" in written.dataset;
    const others = alternatives(element);
    const head = make("p", "pg-pop-head");
    head.append(make("code", "pg-alt-text", visible(element.textContent)), " ");
    head.append(element.dataset.p === undefined ? "no probability is known" : `was given ${percent(Number(element.dataset.p))}`);
    const list = make("ul", "pg-alts");
    list.append(...others.map((one) => row(one, one.text === element.textContent, continues)));
    const hint = !others.length ? "The model tells no alternatives." : continues ? "Choose one to go on from it." : "What else might have stood here.";
    box.replaceChildren(head, list, make("p", "pg-pop-hint", hint));
    box.dataset.tier = element.closest(".pg-card").dataset.tier;
  }

  function show(element) {
    clearTimeout(timer);
    if (!box) {
      box = make("div", "pg-pop");
      box.id = "pg-pop";
      box.setAttribute("role", "dialog");
      box.setAttribute("aria-label", "What might have stood here");
      box.addEventListener("pointerenter", () => clearTimeout(timer));
      box.addEventListener("pointerleave", () => { if (!kept) later(hide, LATE); });
      box.addEventListener("click", (event) => { const button = event.target.closest("button"); if (button) choose(button.dataset.text); });
      box.addEventListener("keydown", keys);
      document.body.append(box);
    }
    token?.removeAttribute("data-open");
    token = element;
    token.setAttribute("data-open", "");
    fill(element);
    box.hidden = false;
    const at = element.getClientRects()[0] || element.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = box;
    const below = at.bottom + 6 + height <= innerHeight || at.top - 6 - height < 0;
    box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
    box.style.top = `${Math.max(8, below ? Math.min(at.bottom + 6, innerHeight - height - 8) : at.top - 6 - height)}px`;
  }

  function hide() {
    clearTimeout(timer);
    kept = false;
    token?.removeAttribute("data-open");
    token = null;
    if (box) box.hidden = true;
  }

  // Prompt, text up to the token, and the alternative in its place; then a run from there.
  function choose(text) {
    const written = token.closest(".pg-written");
    const tokens = tokensOf(written);
    const before = tokens.slice(0, tokens.indexOf(token)).map((one) => one.textContent).join("");
    const console_ = consoleOf(token);
    const { asked } = console_;
    hide();
    console_.text = asked + before + text;
    console_.area.focus();
    console_.run();
  }

  // -- pointer

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch" || kept) return;
    const over = tokenOf(event);
    if (over && over !== token) later(() => { if (over.isConnected) show(over); }, SOON);
    else if (!over && token && !box.contains(event.target)) later(hide, LATE);
    else if (!over && !token) clearTimeout(timer);
  });
  document.addEventListener("click", (event) => {
    const clicked = tokenOf(event);
    if (clicked && String(getSelection()) === "") { show(clicked); kept = true; }
    else if (token && !box.contains(event.target)) hide();
  });
  document.addEventListener("scroll", ({ target }) => { if (token && !box.contains(target)) hide(); }, { capture: true, passive: true });
  addEventListener("resize", hide);

  // -- keys: a box is one stop; arrows go from token to token in it, Enter goes to its alternatives, Escape comes back

  function keys(event) {
    const items = [...box.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      items[(at + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length]?.focus();
      event.preventDefault();
    }
    if (event.key === "Tab") { const from = token; hide(); from.focus(); event.preventDefault(); }
  }

  function move(written, key) {
    const tokens = tokensOf(written);
    const at = tokens.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: Math.max(0, at - 1), Home: 0, End: tokens.length - 1 }[key];
    const next = tokens[Math.min(to, tokens.length - 1)];
    if (!next) return false;
    next.tabIndex = -1;
    next.setAttribute("role", "button");
    next.setAttribute("aria-describedby", "pg-pop");
    next.focus(); // it scrolls into view, which closes what was open
    setTimeout(() => { if (document.activeElement === next) show(next); }, 30);
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && token) { // before it stops a run
      const from = token;
      const inside = box.contains(document.activeElement);
      hide();
      if (inside) from.focus();
      event.stopImmediatePropagation();
      return;
    }
    const written = event.target instanceof Element ? event.target.closest(".pg-written") : null;
    if (!written || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (["ArrowRight", "ArrowLeft", "Home", "End"].includes(event.key) && move(written, event.key)) event.preventDefault();
    if (["Enter", " "].includes(event.key) && tokenOf(event)) {
      show(tokenOf(event));
      kept = true;
      box.querySelector("button")?.focus();
      event.preventDefault();
    }
  }, { capture: true });
  document.addEventListener("focusout", (event) => {
    if (token && event.target === token && !box.contains(event.relatedTarget) && !kept) hide();
  });
})();

// Puts a part's new HTML on screen by changing what differs: focus, an open picker and what a screen reader has heard stay.
(() => {
  // Not the server's to say: the visitor has opened it.
  const OURS = new Set(["open"]);

  function attributes(old, fresh) {
    const focused = old === document.activeElement; // a tabindex that the script gave it holds the focus there
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !OURS.has(name) && !(focused && name === "tabindex")) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) === value) continue;
      old.setAttribute(name, value);
      if (name === "value" && "value" in old) old.value = value;
    }
  }

  function change(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) { old.replaceWith(fresh.cloneNode(true)); return; }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      const { nodeValue } = fresh;
      if (nodeValue === old.nodeValue) return;
      if (nodeValue.startsWith(old.nodeValue)) old.appendData(nodeValue.slice(old.nodeValue.length)); // a selection in it stays
      else old.nodeValue = nodeValue;
      return;
    }
    children(old, fresh); // before the attributes: a select's value must be one of its options
    attributes(old, fresh);
  }

  function children(old, fresh) {
    const have = [...old.childNodes];
    const want = [...fresh.childNodes];
    want.slice(0, have.length).forEach((node, place) => change(have[place], node));
    if (want.length > have.length) old.append(...want.slice(have.length)); // at once: a long text has thousands of marks
    for (const node of have.slice(want.length)) node.remove();
  }

  function parsed(html) {
    const template = document.createElement("template"); // inert: nothing in it loads or runs
    template.innerHTML = html;
    return template.content;
  }

  // Where the part `name` of a tab lives: inside the block that Gradio drew for it.
  const place = (tab, name) => tab.querySelector(`.pg-at-${name}:not(.block)`);

  function render(tab, name, html) {
    const element = place(tab, name);
    if (!element) return;
    const busy = () => element.querySelector(".pg-card[aria-busy=true]") !== null;
    const was = busy();
    children(element, parsed(html));
    if (was || busy()) for (const box of element.querySelectorAll(".pg-written")) follow(box);
  }

  // A text that grows: each piece goes to its end, once, and where the one before it stands.
  function grow(tab, tier, html) {
    const box = place(tab, "card-" + tier)?.querySelector(".pg-written");
    const text = box?.querySelector(".pg-new");
    if (!text) return;
    for (const piece of parsed(html).children) {
      if (piece.dataset.from !== box.dataset.to) continue; // the card was drawn again meanwhile, or will be
      box.dataset.to = piece.dataset.to;
      for (const node of [...piece.childNodes]) {
        if (node.nodeType === Node.TEXT_NODE && text.lastChild?.nodeType === Node.TEXT_NODE) text.lastChild.appendData(node.nodeValue);
        else text.append(node);
      }
    }
    follow(box);
  }

  // A box whose text is being written shows its end, unless its reader has scrolled up; at the start of a run it does again.
  const away = new WeakSet();
  document.addEventListener("scroll", ({ target }) => {
    if (!(target instanceof Element) || !target.matches(".pg-written")) return;
    if (target.scrollHeight - target.scrollTop - target.clientHeight < 30) away.delete(target); else away.add(target);
  }, { capture: true, passive: true });

  function follow(box) {
    if (box.closest("[data-phase=waiting]")) away.delete(box);
    if (!away.has(box)) box.scrollTop = box.scrollHeight;
  }

  // A run's row on top of the history; false where there is no history to put it on.
  function addRow(tab, html) {
    const rows = place(tab, "history")?.querySelector("tbody");
    const row = parsed(`<table><tbody>${html}</tbody></table>`).querySelector("tr");
    if (!rows || !row) return false;
    rows.prepend(row);
    const most = Number(rows.dataset.most) || 50;
    while (rows.children.length > most) rows.lastElementChild.remove();
    place(tab, "history").querySelector(".pg-count").textContent = String(rows.children.length);
    return true;
  }

  Object.assign(playground, { place, render, grow, addRow });
})();

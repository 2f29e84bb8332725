// Puts a part's new HTML on screen by changing what differs: focus, an open picker and what a screen reader has heard stay.
(() => {
  // Not the server's to say: the visitor has opened it.
  const OURS = new Set(["open"]);

  function attributes(old, fresh) {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !OURS.has(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) === value) continue;
      old.setAttribute(name, value);
      if (name === "value" && "value" in old) old.value = value;
    }
  }

  function change(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) { old.replaceWith(fresh.cloneNode(true)); return; }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
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
    if (element) children(element, parsed(html));
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

  Object.assign(playground, { place, render, addRow });
})();

// The Status tab: asks for its parts every two seconds while somebody looks at it, and patches what changed, nothing else.
(() => {
  const { actions, ask, toast, root } = playground;
  const EVERY = 2000; // milliseconds between an answer and the next question
  let owner = ""; // the owner's token: in this page's memory alone
  let timer = null;
  let asking = false;
  let answered = null; // when the server last said something

  // A link with the token in its fragment: it leaves the address bar and the history at once.
  function takeToken() {
    const fields = new URLSearchParams(location.hash.slice(1));
    if (!fields.has("owner")) return;
    owner = fields.get("owner");
    fields.delete("owner");
    history.replaceState(null, "", location.pathname + location.search + (fields.size ? "#" + fields : ""));
  }
  takeToken();
  addEventListener("hashchange", () => { takeToken(); wake(); });

  const tab = () => document.getElementById("pg-tab-status");
  const looking = () => document.visibilityState === "visible" && Boolean(tab()?.hasAttribute("data-shown"));

  async function refresh() {
    clearTimeout(timer);
    timer = null;
    if (asking || !looking()) return;
    asking = true;
    show(await ask("status", { owner }));
    asking = false;
    if (looking()) timer = setTimeout(refresh, EVERY);
  }

  function wake() { if (timer === null) refresh(); }

  function show(reply) {
    const said = tab()?.querySelector(".pg-as-of");
    if (!said) return;
    if (!reply.parts) { // what was there stays, and says how old it is
      said.textContent = answered ? `as of ${answered.toLocaleTimeString("en-GB")}: ${reply.error}` : reply.error;
      tab().toggleAttribute("data-old", answered !== null);
      return;
    }
    answered = new Date();
    tab().removeAttribute("data-old");
    if (said.textContent) said.textContent = "";
    if (!reply.owner) owner = ""; // a token that is not right is of no use to anybody
    const focused = focusKey();
    for (const [name, html] of Object.entries(reply.parts)) {
      const part = tab().querySelector(`[data-part="${name}"]`);
      const fresh = part.cloneNode(false);
      fresh.removeAttribute("aria-busy");
      fresh.innerHTML = html;
      patch(part, fresh);
    }
    restoreFocus(focused);
  }

  // -- patching: an element that is the same stays the same node, so that focus, selection and scroll survive

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || "" : "");
  const alike = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

  function patch(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) { old.nodeValue = fresh.nodeValue; return; }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const keyed = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const key = keyOf(child);
      const match = key ? keyed.get(key) : place && !keyOf(place) ? place : null;
      if (match && alike(match, child)) {
        while (place !== match && place && keyOf(place) && !has(fresh, keyOf(place))) place = drop(place); // gone: the others need not move
        if (match !== place) old.insertBefore(match, place); else place = place.nextSibling;
        patch(match, child);
      } else {
        old.insertBefore(child, place);
      }
    }
    while (place) place = drop(place);
  }
  const has = (parent, key) => [...parent.children].some((child) => keyOf(child) === key);
  function drop(node) { const next = node.nextSibling; node.remove(); return next; }

  function focusKey() {
    const element = document.activeElement;
    const part = element?.closest?.("#pg-tab-status [data-part]");
    return part ? { part: part.dataset.part, key: element.dataset.key || "" } : null;
  }

  // The button is gone, or was moved: its successor has the focus, or the part that it was in.
  function restoreFocus(was) {
    if (!was || document.activeElement?.closest("#pg-tab-status [data-part]")) return;
    const part = tab().querySelector(`[data-part="${was.part}"]`);
    const same = was.key && [...part.querySelectorAll("[data-key]")].find((element) => element.dataset.key === was.key);
    (same && same.matches("button") ? same : part).focus({ preventScroll: true });
  }

  // -- what the owner does

  async function act(button, action, data) {
    if (button.getAttribute("aria-disabled") === "true") return toast(button.dataset.why);
    if (button.hasAttribute("aria-busy")) return undefined;
    button.setAttribute("aria-busy", "true");
    const reply = await ask(action, { owner, ...data });
    button.removeAttribute("aria-busy");
    toast(reply.error || reply.said);
    if (reply.parts) show(reply); else refresh();
    return undefined;
  }
  actions.pin = (button) => act(button, "pin", { model: button.dataset.model, pinned: "pinned" in button.dataset ? "no" : "yes" });
  actions.unload = (button) => act(button, "unload", { model: button.dataset.model });
  actions["unload-idle"] = (button) => act(button, "unload_idle", {});

  // -- while somebody looks

  document.addEventListener("visibilitychange", wake);
  const shown = new MutationObserver(wake);
  const waiting = new MutationObserver(mount);
  function mount() {
    if (!tab()) return;
    waiting.disconnect();
    shown.observe(tab(), { attributes: true, attributeFilter: ["data-shown"] });
    wake();
  }
  waiting.observe(root, { childList: true, subtree: true });
})();

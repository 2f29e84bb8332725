// The page's one namespace: what is remembered in the browser, one click listener, toasts, the clipboard.
window.playground = (() => {
  const root = document.documentElement;
  const actions = {};

  // localStorage may be forbidden; then nothing is remembered, and nothing breaks.
  const store = {
    get(key) { try { return localStorage.getItem("four-tiers." + key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem("four-tiers." + key, value); } catch { /* private mode */ } },
  };

  // One click listener for the whole page: an element with data-act names its action.
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target.closest("[data-act]") : null;
    if (!target || target.disabled || target.tagName === "INPUT") return;
    const action = actions[target.dataset.act];
    if (action) { action(target, event); }
  });
  document.addEventListener("change", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target && target.matches("input[data-act]") && actions[target.dataset.act]) actions[target.dataset.act](target, event);
  });

  // Blanks and line breaks are to be seen.
  const visible = (text) => text.replace(/[ \u3000]/g, "␣").replaceAll("\u00a0", "⍽").replaceAll("\t", "⇥").replace(/\r\n|\r|\n/g, "⏎");

  const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  let toastTimer = null;
  function toast(text) {
    let element = document.querySelector(".pg-toast");
    if (!element) {
      element = document.createElement("div");
      element.className = "pg-toast";
      element.setAttribute("role", "status");
      document.body.append(element);
    }
    element.textContent = text;
    element.dataset.shown = "";
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { delete element.dataset.shown; }, 3500);
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {  // no clipboard without https, except on this machine: the old way
      const area = document.createElement("textarea");
      area.value = text;
      area.style.cssText = "position:fixed;opacity:0";
      (document.querySelector("dialog[open]") || document.body).append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  return { root, store, actions, toast, copy, visible, sleep, consoles: new Map() };
})();

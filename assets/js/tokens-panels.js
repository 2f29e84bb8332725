// The panels under the ruler: each asks the server when it is on screen and what it shows is of another reading.
(() => {
  const WAIT = 250; // milliseconds without a new reading before a panel asks

  // refresh(place, reading): resolves when the panel shows this reading. begin(place): once, when its place is there.
  playground.panel = (name, refresh, begin = () => {}) => {
    let place = null;
    let seen = false;
    let stale = true;
    let busy = false;
    let timer = null;

    function due() {
      clearTimeout(timer);
      if (place && seen && stale && !busy && playground.reading) timer = setTimeout(run, WAIT);
    }

    async function run() {
      busy = true;
      stale = false;
      place.setAttribute("aria-busy", "true");
      await refresh(place, playground.reading);
      place.removeAttribute("aria-busy");
      place.dataset.filled = "";
      busy = false;
      due();
    }

    document.addEventListener("pg:reading", () => { stale = true; due(); });
    const eye = new IntersectionObserver((entries) => { seen = entries[entries.length - 1].isIntersecting; due(); }, { rootMargin: "200px" });
    const waiting = new MutationObserver(mount);
    function mount() {
      place = document.getElementById("pg-tokens-" + name);
      if (!place) return;
      waiting.disconnect();
      begin(place);
      eye.observe(place);
    }
    waiting.observe(playground.root, { childList: true, subtree: true });
  };

  // What every panel's question says of the reading.
  playground.reads = ({ text, rows, control, special }) => ({ text, rows, control, special });

  // The server's HTML, or its sentence where it has none. What has not changed stays, and with it scroll and focus.
  const last = new WeakMap();
  playground.put = (element, reply) => {
    const html = reply.html ?? null;
    if (html !== null && last.get(element) === html) return;
    last.set(element, html);
    const act = element.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    if (html !== null) element.innerHTML = html;
    else {
      const sentence = document.createElement("p");
      sentence.className = "pg-quiet";
      sentence.textContent = reply.error;
      element.replaceChildren(sentence);
    }
    if (act) element.querySelector(`[data-act="${act}"]`)?.focus({ preventScroll: true });
  };

  playground.make = (name, properties = {}, ...children) => {
    const { dataset = {}, ...rest } = properties;
    const element = Object.assign(document.createElement(name), rest);
    Object.assign(element.dataset, dataset);
    element.append(...children);
    return element;
  };
})();

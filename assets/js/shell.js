// The frame: which tab is shown, the theme, the four tiers, the projector. The fragment is the state; back and forward work.
(() => {
  const { actions, root, store, consoles, ask, readLink, writeLink, currentConsole } = playground;

  // A task's tab, or that of a page that is no task.
  function show(name, page = false) {
    if (page) root.dataset.page = name; else { delete root.dataset.page; root.dataset.task = name; }
    for (const tab of document.querySelectorAll(".pg-tab")) tab.toggleAttribute("data-shown", tab.id === "pg-tab-" + name);
    for (const entry of document.querySelectorAll(".pg-nav-entry[data-task], .pg-nav-entry[data-page]")) {
      if ((page ? entry.dataset.page : entry.dataset.task) === name) entry.setAttribute("aria-current", "page"); else entry.removeAttribute("aria-current");
    }
    consoles.get(name)?.fit();
  }

  const tasks = () => [...document.querySelectorAll(".pg-nav-entry[data-task]")].map((entry) => entry.dataset.task);

  // What a link names: a page that is there, else a task of the sidebar, else its first one.
  const place = (link) => (link.page && document.getElementById("pg-tab-" + link.page)
    ? [link.page, true]
    : [tasks().includes(link.task) ? link.task : tasks()[0], false]);

  // Where the visitor wants to be, once it is mounted: sidebar and consoles are mounted in no certain order. Until then no other
  // tab is shown in its place: what was typed there would be left behind.
  const brings = ({ text, models, values, seed }) =>
    text !== null || Object.keys(models).length > 0 || Object.keys(values).length > 0 || seed > 0;
  let link = readLink();
  let due = brings(link);  // what it brings is not yet in its console

  function follow() {
    const [name, page] = place(link);
    if (!page && !consoles.has(name)) return;
    show(name, page);
    if (!due || page) return;
    due = false;
    consoles.get(name).restore(link);
  }

  playground.go = go;
  playground.mounted = () => { follow(); paintControls(); paintQr(); };

  addEventListener("hashchange", () => {
    link = readLink();
    due = brings(link);
    setProjector(link.projector);
    follow();
    closeMenu();
  });

  // To another tab, which begins at its top. Back and forward keep their places: the browser sees to that.
  function go(hash) { location.hash = hash; closeMenu(); scrollTo({ top: 0 }); }
  actions.task = (link, event) => { event.preventDefault(); go("task=" + encodeURIComponent(link.dataset.task)); };
  actions.page = (link, event) => { event.preventDefault(); go("page=" + encodeURIComponent(link.dataset.page)); };
  actions.home = (link, event) => { event.preventDefault(); closeMenu(); scrollTo({ top: 0 }); };

  // -- theme
  function paintControls() {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      if (button.tagName === "BUTTON") button.setAttribute("aria-pressed", String(button.dataset.themeChoice === root.dataset.themeChoice));
    }
    for (const button of document.querySelectorAll("[data-act=projector]")) {
      button.setAttribute("aria-pressed", String("projector" in root.dataset));
    }
  }
  actions.theme = (button) => { store.set("theme", button.dataset.themeChoice); window.playgroundPaint(); paintControls(); };

  // -- the four tiers
  actions.welcome = () => { root.dataset.welcome = ""; closeMenu(); scrollTo({ top: 0, behavior: "smooth" }); };
  actions["welcome-close"] = () => { playground.closeWelcome(); currentConsole()?.area.focus(); };

  // -- projector
  let qr = ""; // the code's HTML, once the server has sent it
  async function setProjector(on) {
    if (on) root.dataset.projector = ""; else delete root.dataset.projector;
    paintControls();
    for (const console_ of consoles.values()) console_.fit();
    if (!on || root.dataset.qr) return;
    root.dataset.qr = "asked";
    const reply = await ask("qr");
    if (reply.html) { qr = reply.html; paintQr(); } else delete root.dataset.qr;
  }
  function paintQr() {
    if (qr) for (const place of document.querySelectorAll(".pg-qr:empty")) place.innerHTML = qr;
  }
  actions.projector = () => { setProjector(!("projector" in root.dataset)); closeMenu(); writeLink(); };
  if ("projector" in root.dataset) setProjector(true);

  // -- the phone's menu
  function closeMenu() {
    delete root.dataset.menu;
    document.querySelector(".pg-menu")?.setAttribute("aria-expanded", "false");
  }
  actions.menu = (button) => {
    const open = !("menu" in root.dataset);
    if (open) root.dataset.menu = ""; else delete root.dataset.menu;
    button.setAttribute("aria-expanded", String(open));
  };
})();

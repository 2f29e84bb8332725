// What opens over the page. The server makes the HTML, escaped; this shows it, copies from it, and sends the key.
(() => {
  const { actions, ask, copy, toast, consoleOf, sleep } = playground;
  let dialog = null;

  function element() {
    if (dialog) return dialog;
    dialog = document.createElement("dialog");
    dialog.className = "pg-dialog";
    dialog.setAttribute("aria-labelledby", "pg-dialog-title");
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => { dialog.replaceChildren(); });
    dialog.addEventListener("submit", submitKey);
    document.body.append(dialog);
    return dialog;
  }

  function show(html) {
    const box = element();
    box.innerHTML = html;
    if (!box.open) box.showModal();
    box.querySelector("input, .pg-copy, .pg-close")?.focus();
  }

  async function open(action, data) {
    const reply = await ask(action, data);
    if (reply.error) toast(reply.error); else show(reply.html);
  }

  playground.openDialog = open;

  const about = (button) => {
    const console_ = consoleOf(button);
    return { task: console_.task, tier: button.dataset.tier, model: console_.models[button.dataset.tier] || "", text: console_.text, values: console_.values };
  };
  let keyTier = null;
  for (const action of ["snippet", "card", "request", "key"]) {
    actions[action] = (button) => { if (action === "key") keyTier = button.dataset.tier; return open(action, about(button)); };
  }

  actions.close = () => element().close();

  actions.copy = async (button) => {
    const done = await copy(button.parentElement.querySelector("code").textContent);
    button.textContent = done ? "Copied" : "Select it and copy";
    await sleep(1600);
    button.textContent = "Copy";
  };

  async function submitKey(event) {
    const form = event.target;
    if (form.dataset.form !== "key") return;
    event.preventDefault();
    const key = form.elements.key.value;
    const base_url = form.elements.base_url.value;
    form.elements.key.value = ""; // at once, whatever the server says
    const reply = await ask("set_key", { key, base_url });
    if (reply.error) {
      form.querySelector(".pg-form-error").textContent = reply.error;
      form.elements.key.focus();
      return;
    }
    keyChanged("The key is kept for this page alone: run again to use it.");
  }

  actions["forget-key"] = async () => {
    const reply = await ask("forget_key");
    if (reply.error) toast(reply.error); else keyChanged("The key is forgotten.");
  };

  function keyChanged(sentence) {
    element().close();
    toast(sentence);
    for (const console_ of playground.consoles.values()) {
      const { [keyTier]: _, ...models } = console_.models; // another endpoint has other models
      Object.assign(console_, { models, ran: null });
      console_.refresh();
    }
  }
})();

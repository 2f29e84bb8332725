// The panel of conversations: an editor of messages, and below it what the chosen tokenizer's template makes of them.
(() => {
  const { actions, ask, panel, put, make } = playground;
  const ROLES = ["system", "user", "assistant", "tool"];
  const MOST = 40;
  const WAIT = 300;
  const FIRST = [
    ["system", "You answer in one sentence."],
    ["user", "What is a token?"],
    ["assistant", "A piece of text that a model reads at once."],
    ["user", "And an astronaut? 👩‍🚀"],
  ];
  let list = null;
  let who = null;
  let out = null;
  let asked = null; // the rows that were asked about
  let timer = null;
  let turn = 0; // of the newest question: an older answer is not shown

  const button = (act, sign, label) => make("button", { type: "button", className: "pg-chat-button", textContent: sign, title: label, dataset: { act } });

  function message(role, text) {
    const select = make("select", { className: "pg-chat-role" }, ...ROLES.map((name) => make("option", { value: name, textContent: name })));
    select.value = role;
    const area = make("textarea", { className: "pg-chat-area", rows: 1, value: text, dir: "auto", spellcheck: false });
    return make("li", {}, select, area, make("span", { className: "pg-chat-buttons" },
      button("chat-up", "↑", "Move up"), button("chat-down", "↓", "Move down"), button("chat-remove", "×", "Remove")));
  }

  // Names for those who do not see the places, and no move that leads nowhere.
  function tidy() {
    [...list.children].forEach((item, place) => {
      const number = place + 1;
      item.querySelector("select").setAttribute("aria-label", `Role of message ${number}`);
      item.querySelector("textarea").setAttribute("aria-label", `Text of message ${number}`);
      for (const one of item.querySelectorAll("button")) one.setAttribute("aria-label", `${one.title}: message ${number}`);
      item.querySelector("[data-act=chat-up]").disabled = place === 0;
      item.querySelector("[data-act=chat-down]").disabled = number === list.children.length;
      item.querySelector("[data-act=chat-remove]").disabled = list.children.length === 1;
    });
    document.querySelector("[data-act=chat-add]").disabled = list.children.length >= MOST;
  }

  const messages = () => [...list.children].map((item) => ({ role: item.querySelector("select").value, text: item.querySelector("textarea").value }));
  const chosen = () => document.getElementById("pg-chat-who")?.value || "";

  function soon() { clearTimeout(timer); timer = setTimeout(render, WAIT); }

  async function render() {
    clearTimeout(timer);
    if (!chosen()) { out.replaceChildren(); return; }
    const mine = ++turn;
    const reply = await ask("tokens_chat", { messages: messages(), tokenizer: chosen() });
    if (mine === turn) put(out, reply);
  }

  function begin(place) {
    list = make("ol", { className: "pg-chat-messages" }, ...FIRST.map(([role, text]) => message(role, text)));
    who = make("div", { className: "pg-chat-who" });
    out = make("div", { className: "pg-chat-out" });
    place.append(make("div", { className: "pg-chat" },
      make("div", { className: "pg-chat-editor" }, list,
        make("button", { type: "button", className: "pg-button pg-small", textContent: "Add a message", dataset: { act: "chat-add" } })),
      make("div", {}, who, out)));
    tidy();
    list.addEventListener("input", soon);
    list.addEventListener("change", soon);
    who.addEventListener("change", render);
  }

  panel("chat", async (place, { rows }) => {
    const key = JSON.stringify(rows);
    if (key === asked) return;
    const reply = await ask("tokens_chat_choices", { rows, tokenizer: chosen() });
    asked = reply.error ? null : key;
    put(who, reply);
    await render();
  }, begin);

  function moved(item, then) {
    tidy();
    (then.disabled ? item.querySelector("textarea") : then).focus();
    render();
  }
  actions["chat-up"] = (one) => { const item = one.closest("li"); item.previousElementSibling?.before(item); moved(item, one); };
  actions["chat-down"] = (one) => { const item = one.closest("li"); item.nextElementSibling?.after(item); moved(item, one); };
  actions["chat-remove"] = (one) => {
    const item = one.closest("li");
    const next = item.nextElementSibling || item.previousElementSibling;
    item.remove();
    moved(next, next.querySelector("textarea"));
  };
  actions["chat-add"] = () => {
    const role = list.lastElementChild.querySelector("select").value === "user" ? "assistant" : "user";
    const item = message(role, "");
    list.append(item);
    moved(item, item.querySelector("textarea"));
  };
})();

// What kind of head is this: the chosen head's measures, and on demand the test with random tokens that are said twice.
(() => {
  const { look, make, actions } = playground;
  let parts = null;
  let number = 0; // of the newest head
  let model = ""; // whose test is on screen, or being made
  let tested = 0;
  let timer = null;

  function say(element, reply) {
    if (reply.error) element.replaceChildren(make("p", { className: "pg-input-error", textContent: reply.error, role: "alert" }));
    else element.innerHTML = reply.html; // the server's, with every text in it escaped
  }

  async function measure(head) {
    const mine = ++number;
    const reply = await look.ask("attention_kind", head);
    if (mine !== number) return;
    parts.head.removeAttribute("aria-busy");
    say(parts.head, reply);
  }

  async function test() {
    const mine = ++tested;
    model = look.order.model;
    parts.button.disabled = true;
    parts.wait.textContent = "The model reads random tokens …";
    const reply = await look.ask("attention_repeats");
    if (mine !== tested) return;
    parts.button.disabled = false;
    parts.wait.textContent = reply.error ? "" : "Tested.";
    say(parts.test, reply);
    mark();
  }

  function mark() {
    const { part, layer, head } = look.head ?? {};
    for (const cell of parts.test.querySelectorAll("[data-act=att-kind-head]")) {
      const { dataset } = cell;
      if (dataset.part === part && Number(dataset.layer) === layer && Number(dataset.head) === head) cell.setAttribute("aria-current", "true");
      else cell.removeAttribute("aria-current");
    }
  }

  function forget() {
    tested += 1;
    model = "";
    parts.test.replaceChildren();
    parts.wait.textContent = "";
    parts.button.disabled = false;
  }

  look.panel("kind", {
    begin(place) {
      parts = {
        head: make("div", { className: "pg-att-kind-head" }), test: make("div", { className: "pg-att-kind-test" }), wait: make("span", { className: "pg-quiet" }),
        other: make("span", { className: "pg-quiet", textContent: "The test is for models that go on with a text; this one does not.", hidden: true }),
        button: make("button", { type: "button", className: "pg-button pg-small", textContent: "Repeat random tokens" }),
      };
      parts.wait.setAttribute("role", "status");
      parts.button.addEventListener("click", test);
      place.append(
        parts.head,
        make("div", { className: "pg-att-kind-ask" }, make("h3", { textContent: "Does this model have induction heads?" }), parts.button, parts.other, parts.wait),
        parts.test,
      );
    },
    look(_, map) {
      number += 1;
      if (!map) parts.head.replaceChildren();
      const writes = map?.parts.length === 1 && map.parts[0].causal; // random tokens are for a model that goes on with a text
      parts.button.hidden = !writes;
      parts.other.hidden = !map || writes;
      if (!map || model !== look.order.model) forget();
    },
    head(_, head) {
      parts.head.setAttribute("aria-busy", "true");
      clearTimeout(timer);
      timer = setTimeout(measure, 120, head); // the heatmap goes first
      mark();
    },
  });

  actions["att-kind-head"] = ({ dataset }) => look.chooseHead({ part: dataset.part, layer: Number(dataset.layer), head: Number(dataset.head) });
})();

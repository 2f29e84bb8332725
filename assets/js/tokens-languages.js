// The panel of languages: asked anew when the rows are others, whatever the text.
(() => {
  const { actions, ask, panel, put } = playground;
  let shown = null;
  panel("languages", async (place, { rows }) => {
    const key = JSON.stringify(rows);
    if (key === shown) return;
    const reply = await ask("tokens_languages", { rows });
    shown = reply.error ? null : key;
    put(place, reply);
  });

  actions["tokens-language"] = (button) => {
    document.dispatchEvent(new CustomEvent("pg:set-text", { detail: { text: button.dataset.text } }));
  };
})();

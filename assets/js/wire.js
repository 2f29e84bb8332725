// The page's line to its server: plain requests, each with this page's id, and a Run's answers as lines of JSON.
(() => {
  const GONE = "The server does not answer: look whether it still runs, then try again.";
  const BROKEN = "The connection broke before all answers were here: try again.";
  const FIRST = 20000; // milliseconds within which the first line must be here
  const SILENCE = 40000; // the server sends an empty line every ten seconds

  // The session's id, made here and kept here: 192 random bits. (crypto.randomUUID does not exist on http addresses.)
  const page = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24)))).replaceAll("+", "-").replaceAll("/", "_");

  class Said extends Error {} // its message is a sentence for the visitor

  async function post(path, data, options = {}) {
    let reply;
    try {
      reply = await fetch(new URL(`playground/${path}`, document.baseURI), {
        method: "POST", body: JSON.stringify(data), cache: "no-store",
        headers: { "Content-Type": "application/json", "X-Playground-Page": page }, ...options,
      });
    } catch {
      throw new Said(GONE);
    }
    if (reply.ok) return reply;
    let sentence = `The server answered with an error (${reply.status}): look whether it still runs, then try again.`;
    try { sentence = (await reply.json()).error || sentence; } catch { /* a proxy's page */ }
    throw new Said(sentence);
  }

  // Resolves with the reply's object, {} where it is empty; throws Said.
  async function send(path, data = {}, patience = 15000) {
    const reply = await post(path, data, { signal: AbortSignal.timeout(patience) });
    try { return reply.status === 204 ? {} : await reply.json(); } catch { throw new Said(GONE); }
  }

  // A file or bytes as they are.
  async function upload(path, body, patience = 60000) {
    const reply = await post(path, null, { body, headers: { "Content-Type": "application/octet-stream", "X-Playground-Page": page }, signal: AbortSignal.timeout(patience) });
    try { return await reply.json(); } catch { throw new Said(GONE); }
  }

  // Resolves with the reply as it is, a Blob; throws Said.
  async function download(path, data, patience = 120000) {
    const reply = await post(path, data, { signal: AbortSignal.timeout(patience) });
    try { return await reply.blob(); } catch { throw new Said("The file broke off on its way: press again."); }
  }

  // Of updates that come together only each part's newest HTML is handed on; of a text that grows ("more-NAME") all that came since
  // its card ("card-NAME") was drawn as a whole.
  function together(updates) {
    const whole = {};
    for (const update of updates) {
      for (const [name, html] of Object.entries(update)) {
        if (name.startsWith("card-")) delete whole[name.replace("card-", "more-")];
        whole[name] = name.startsWith("more-") ? (whole[name] || "") + html : html;
      }
    }
    return whole;
  }

  // Updates as they come.
  async function* lines(path, data, controller) {
    let timer = setTimeout(() => controller.abort(), FIRST);
    let reader = null;
    try {
      const reply = await post(path, data, { signal: controller.signal });
      reader = reply.body.getReader();
      const decoder = new TextDecoder();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read().catch(() => { throw new Said(BROKEN); });
        clearTimeout(timer);
        if (done) return;
        timer = setTimeout(() => controller.abort(), SILENCE);
        const found = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = found.pop();
        if (found.length) yield together(found.map((line) => JSON.parse(line)));
      }
    } finally {
      clearTimeout(timer);
      controller.abort(); // a reader who leaves ends the request
    }
  }

  // Resolves with the server's reply, or with an error's sentence; never rejects.
  async function ask(action, data = {}, patience = undefined) {
    try {
      return await send("ask", { ...data, do: action }, patience);
    } catch (error) {
      return { error: error instanceof Said ? error.message : GONE };
    }
  }

  // Gradio's connection ends when this page does, whatever ends it: once it is told which page that is. Never again later: an
  // event that finds no server makes Gradio load the page anew as soon as there is one, and the text would be lost.
  const tell = (trigger) => trigger(page);
  addEventListener("pagehide", () => { post("ask", { do: "close" }, { keepalive: true }).catch(() => {}); });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return; // back from the browser's cache: the server has forgotten this page meanwhile
    for (const console_ of playground.consoles.values()) console_.resync();
  });

  Object.assign(playground, { wire: { send, upload, download, lines, Said, GONE, BROKEN }, ask, tell });
})();

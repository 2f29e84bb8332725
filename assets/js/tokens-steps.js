// How our own BPE learned, merge by merge: played, stepped and scrubbed. The text is cut here, by as many merges as the step says.
(() => {
  const { ask, actions } = playground;
  const { shown, hex, isRtl } = playground.ruler;
  const WIDTH = 5; // numbers of a merge: left, right, token, count, the whole text's tokens
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const byId = (id) => document.getElementById(id);
  const numbers = new Intl.NumberFormat("en-GB");
  const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const numbersOf = (text) => new Int32Array(bytesOf(text).buffer);

  // A token as text where its bytes are whole characters, else its bytes.
  function named(bytes) {
    try {
      return { text: shown(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), whole: true };
    } catch {
      return { text: hex(bytes), whole: false };
    }
  }

  class Learned {
    constructor(id, reply) {
      Object.assign(this, { id, count: reply.count, first: reply.first, pieces: reply.pieces, whole: reply.whole, tokens: reply.tokens, each: 0 });
      this.merges = numbersOf(reply.merges);
      this.bytes = [];
      this.byteIds = new Map();
      bytesOf(reply.order).forEach((byte, place) => {
        this.bytes[this.first + place] = Uint8Array.of(byte);
        this.byteIds.set(byte, this.first + place);
      });
      this.ranks = new Map();
      for (let i = 0; i < this.count; i += 1) {
        const { left, right, token } = this.merge(i);
        this.bytes[token] ??= Uint8Array.of(...this.bytes[left], ...this.bytes[right]);
        this.ranks.set(left + "," + right, i);
      }
      this.rivals = new Map(); // merge -> pairs
      this.ids = this.pieces.map((piece) => Array.from(new TextEncoder().encode(piece), (byte) => this.byteIds.get(byte)));
    }

    merge(i) {
      const [left, right, token, count, tokens] = this.merges.subarray(i * WIDTH, i * WIDTH + WIDTH);
      return { left, right, token, count, tokens };
    }

    name(id) { return named(this.bytes[id]); }

    // A piece's ids after the first `step` merges: the strongest pair there is, everywhere in the piece, until none is left.
    cut(piece, step) {
      let ids = this.ids[piece];
      for (;;) {
        let best = step;
        for (let i = 1; i < ids.length; i += 1) best = Math.min(best, this.ranks.get(ids[i - 1] + "," + ids[i]) ?? step);
        if (best >= step) return ids;
        const { left, right, token } = this.merge(best);
        const out = [];
        for (let i = 0; i < ids.length; i += 1) {
          if (ids[i] === left && ids[i + 1] === right) { out.push(token); i += 1; } else out.push(ids[i]);
        }
        ids = out;
      }
    }

    // The pairs that came next at merge i; asked for some at a time.
    async next(i) {
      if (!this.rivals.has(i)) {
        const reply = await ask("train_rivals", { id: this.id, start: i });
        if (reply.error) return [];
        const found = numbersOf(reply.rivals);
        for (let at = 0; at < found.length / (3 * reply.each); at += 1) {
          const pairs = [];
          for (let k = 0; k < reply.each; k += 1) {
            const [left, right, count] = found.subarray((at * reply.each + k) * 3, (at * reply.each + k) * 3 + 3);
            if (left >= 0) pairs.push({ left, right, count });
          }
          this.rivals.set(reply.start + at, pairs);
        }
      }
      return this.rivals.get(i) || [];
    }
  }

  let learned = null;
  let step = 0; // merges done
  let timer = null;

  function make(name, text, cls) {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (cls) element.className = cls;
    return element;
  }
  function token(id, cls) {
    const { text, whole } = learned.name(id);
    const element = make("bdi", text, "pg-steps-token" + (cls ? " " + cls : ""));
    if (!whole) element.dataset.bytes = "";
    return element;
  }

  async function open(id, title, play) {
    pause();
    const reply = await ask("train_steps", { id });
    if (reply.error) return reply.error;
    learned = new Learned(id, reply);
    byId("pg-steps").hidden = false;
    byId("pg-steps").dataset.of = id;
    byId("pg-steps-of").textContent = `${title}: ${numbers.format(learned.count)} merges`;
    byId("pg-steps-scrub").max = String(learned.count);
    // The tokens stand isolated: the line runs as the text's first letter does.
    byId("pg-steps-text").dir = isRtl(learned.pieces.join("").match(/\p{L}/u)?.[0] || "") ? "rtl" : "ltr";
    byId("pg-steps-part").textContent = learned.whole ? "" : "Only the beginning of the text is shown; the counts are those of the whole.";
    show(0);
    if (play && learned.count && !calm.matches) start();
    return "";
  }

  function close(id) {
    if (!learned || (id && learned.id !== id)) return;
    pause();
    learned = null;
    byId("pg-steps").hidden = true;
  }

  function show(to) {
    step = Math.max(0, Math.min(learned.count, to));
    const scrub = byId("pg-steps-scrub");
    scrub.value = String(step);
    scrub.style.setProperty("--done", learned.count ? `${(100 * step) / learned.count}%` : "0%");
    drawMerge(scrub);
    drawText();
    drawPairs();
    for (const [act, off] of [["first", step === 0], ["back", step === 0], ["on", step === learned.count], ["last", step === learned.count]]) {
      document.querySelector(`[data-act=steps-${act}]`).setAttribute("aria-disabled", String(off));
    }
  }

  function drawMerge(scrub) {
    const place = byId("pg-steps-merge");
    const said = byId("pg-steps-said");
    if (step === 0) {
      place.replaceChildren(make("span", "bytes", "pg-steps-none"));
      said.textContent = `Before the first merge every byte is a token: ${numbers.format(learned.tokens)} in the whole text.`;
      scrub.setAttribute("aria-valuetext", `before the first of ${learned.count} merges`);
      return;
    }
    const { left, right, token: made, count, tokens } = learned.merge(step - 1);
    const sign = (text) => { const element = make("span", text, "pg-steps-sign"); element.setAttribute("aria-hidden", "true"); return element; };
    place.replaceChildren(token(left), sign("+"), token(right), sign("→"), token(made, "pg-steps-new"));
    const words = `merge ${numbers.format(step)} of ${numbers.format(learned.count)}: found ${numbers.format(count)} times`;
    said.replaceChildren(
      make("b", `Merge ${numbers.format(step)}`), ` of ${numbers.format(learned.count)}. The pair was found ${numbers.format(count)} times. The whole text is now `,
      make("b", `${numbers.format(tokens)} tokens`), `, ${(learned.tokens / tokens).toFixed(2)} bytes each.`,
    );
    scrub.setAttribute("aria-valuetext", `${learned.name(left).text} and ${learned.name(right).text} become ${learned.name(made).text}; ${words}`);
  }

  function drawText() {
    const fresh = step ? learned.merge(step - 1).token : -1;
    const drawn = document.createDocumentFragment();
    let odd = false;
    learned.ids.forEach((_, piece) => {
      for (const id of learned.cut(piece, step)) {
        const element = token(id, id === fresh ? "pg-steps-new" : "");
        if (odd) element.dataset.odd = "";
        odd = !odd;
        drawn.append(element);
        if (learned.bytes[id].includes(10)) drawn.append(document.createElement("br"));
      }
    });
    byId("pg-steps-text").replaceChildren(drawn);
  }

  // Which pair is taken at the next merge, and what comes after it: what the step that is shown was chosen from.
  async function drawPairs() {
    const at = Math.max(0, step - 1);
    const of = learned;
    if (!of.count) { byId("pg-steps-pairs").replaceChildren(); return; }
    const rest = await of.next(at);
    if (learned !== of || Math.max(0, step - 1) !== at) return; // somebody went on meanwhile
    const chosen = of.merge(at);
    const rows = [chosen, ...rest].map((pair, place) => {
      const row = make("li");
      if (place === 0) row.dataset.chosen = "";
      const both = make("span", undefined, "pg-steps-pair");
      both.append(token(pair.left), token(pair.right));
      const bar = make("span", undefined, "pg-steps-bar");
      bar.style.setProperty("--value", `${(100 * pair.count) / chosen.count}%`);
      const count = make("span", numbers.format(pair.count), "pg-steps-count");
      row.append(both, bar, count);
      if (place === 0) row.append(make("span", step === 0 ? ", is next" : ", was chosen", "pg-sr"));
      return row;
    });
    byId("pg-steps-pairs").replaceChildren(...rows);
  }

  // -- playing

  const speed = () => 1000 / Number(byId("pg-steps-speed").value);
  function start() {
    if (step >= learned.count) show(0);
    paint(true);
    const tick = () => {
      if (document.visibilityState === "visible" && byId("pg-steps").checkVisibility()) show(step + 1);
      timer = step < learned.count ? setTimeout(tick, speed()) : null;
      if (timer === null) paint(false);
    };
    timer = setTimeout(tick, speed());
  }
  function pause() {
    clearTimeout(timer);
    timer = null;
    paint(false);
  }
  function paint(playing) {
    const button = document.querySelector("[data-act=steps-play]");
    if (!button) return;
    button.textContent = playing ? "Pause" : "Play";
    byId("pg-steps").toggleAttribute("data-playing", playing);
  }
  // By hand: it stands still, and a screen reader hears where.
  function go(to) {
    if (!learned) return;
    pause();
    show(to);
    byId("pg-steps-live").textContent = byId("pg-steps-scrub").getAttribute("aria-valuetext");
  }
  actions["steps-play"] = () => { if (timer === null) start(); else pause(); };
  actions["steps-first"] = () => go(0);
  actions["steps-back"] = () => go(step - 1);
  actions["steps-on"] = () => go(step + 1);
  actions["steps-last"] = () => go(learned ? learned.count : 0);
  document.addEventListener("input", (event) => {
    if (event.target instanceof Element && event.target.id === "pg-steps-scrub") { pause(); show(Number(event.target.value)); }
  });

  playground.steps = { open, close };
})();

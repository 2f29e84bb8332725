// What a token's cell says, and what is said of it in words. All of it becomes text, never markup.
(() => {
  const { shown, hex, FLAG } = playground.ruler;
  const LONGEST = 400; // characters of a cell's label

  const make = (name, cls, text) => {
    const element = document.createElement(name);
    element.className = cls;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // What a token's cell says. kind: how it is drawn.
  function label(text, row, token, mode) {
    const start = row.spans[2 * token];
    const end = row.spans[2 * token + 1];
    const flags = row.flags[token];
    const id = row.ids[token];
    const form = row.forms[id];
    if (mode === "ids" && id >= 0) return { text: String(id), kind: "number" };
    if (start === end) return { text: form ?? "∅", kind: "form" };
    const bytes = text.bytes.subarray(start, end);
    if (mode === "bytes") return { text: hex(bytes.subarray(0, 64)), kind: "bytes" };
    const surface = text.surface(start, end);
    if (surface === null) return { text: hex(bytes), kind: "bytes" };
    return { text: flags & FLAG.SPECIAL ? surface : shown(surface.slice(0, LONGEST)), kind: "text" };
  }

  // In words, for those who hear the page and for the line below the ruler.
  function said(flags) {
    return [
      [FLAG.SPECIAL, "control token"], [FLAG.UNKNOWN, "unknown"], [FLAG.CONTINUES, "continues the word"],
      [FLAG.SPLIT, "part of a character"], [FLAG.SHARED, "same stretch as the token before"],
    ].filter(([flag]) => flags & flag).map(([, words]) => words).join(", ");
  }

  Object.assign(playground.ruler, { label, said, make });
})();

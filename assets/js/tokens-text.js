// A text for the ruler: its graphemes, where each lies in UTF-16 and in UTF-8, and how what cannot be seen is shown.
(() => {
  const segmenter = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
  const PLAIN = /^[\x20-\x7e\n\t]*$/;
  const RTL = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
  const STRONG = /[\p{L}]/u;
  const UNSEEN = /^[\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\u034f\u115f\u1160\u17b4\u17b5\u3164]+$/u;
  const MARK = /^\p{M}/u;
  const NAMES = new Map([[0x200d, "ZWJ"], [0x200c, "ZWNJ"], [0x200b, "ZWSP"], [0xfeff, "BOM"], [0xfe0f, "VS16"], [0xfe0e, "VS15"], [0xad, "SHY"], [0x200e, "LRM"], [0x200f, "RLM"]]);

  const codeName = (code) => NAMES.get(code) || "U+" + code.toString(16).toUpperCase().padStart(4, "0");
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ");
  const wellFormed = (text) => (text.toWellFormed ? text.toWellFormed() : text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd"));
  const width = (code) => (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4); // of a code point in UTF-8

  // How one grapheme is drawn in the line of text. sign: it stands for something that has no shape of its own.
  function drawn(grapheme) {
    if (grapheme === "\t") return { text: "⇥", sign: "tab" };
    if (grapheme === "\n" || grapheme === "\r" || grapheme === "\r\n") return { text: grapheme === "\n" ? "⏎" : "␍" + (grapheme.length > 1 ? "⏎" : ""), sign: "break" };
    const code = grapheme.codePointAt(0);
    if (code < 0x20) return { text: String.fromCharCode(0x2400 + code), sign: "control" };
    if (code === 0x7f) return { text: "␡", sign: "control" };
    if ((code >= 0x80 && code < 0xa0) || UNSEEN.test(grapheme)) return { text: codeName(code), sign: "control" };
    return { text: grapheme, sign: "" };
  }

  // A stretch of whole characters in a token's own cell.
  function shown(text) {
    let out = "";
    for (const character of text) {
      const code = character.codePointAt(0);
      if (character === " ") out += "␣";
      else if (character === "\u00a0") out += "⍽";
      else if (character === "\u3000") out += "␣";
      else if (character === "\n") out += "⏎";
      else if (code < 0x20 || character === "\t" || code === 0x7f) out += drawn(character).text;
      else if (UNSEEN.test(character) && !(code === 0x200d && text.length > 1 && out) && code !== 0x200c) out += text.length <= 2 ? codeName(code) : "";
      else out += character;
    }
    return MARK.test(text) ? "◌" + out : out;
  }

  class RulerText {
    constructor(source) {
      this.text = wellFormed(source);
      this.bytes = new TextEncoder().encode(this.text);
      const starts = this.cut();
      this.count = starts.length - 1; // graphemes
      this.at = Uint32Array.from(starts); // [count + 1]: in UTF-16
      this.byte = new Uint32Array(starts.length); // [count + 1]: in UTF-8
      let byte = 0;
      for (let g = 0; g < this.count; g++) {
        this.byte[g] = byte;
        for (let at = starts[g]; at < starts[g + 1];) {
          const code = this.text.codePointAt(at);
          byte += width(code);
          at += code > 0xffff ? 2 : 1;
        }
      }
      this.byte[this.count] = byte;
    }

    cut() {
      const { text } = this;
      if (!segmenter || PLAIN.test(text)) return Uint32Array.from({ length: text.length + 1 }, (_, place) => place);
      const starts = [];
      for (const { index } of segmenter.segment(text)) starts.push(index);
      starts.push(text.length);
      return starts;
    }

    grapheme(g) { return this.text.slice(this.at[g], this.at[g + 1]); }

    // The grapheme in which a byte lies; `count` for the text's end.
    graphemeOf(byte) { return last(this.byte, byte); }

    // Where a byte lies in UTF-16, or -1 where it is inside a character.
    place(byte) {
      const g = this.graphemeOf(byte);
      let here = this.byte[g];
      let at = this.at[g];
      while (here < byte) {
        const code = this.text.codePointAt(at);
        here += width(code);
        at += code > 0xffff ? 2 : 1;
      }
      return here === byte ? at : -1;
    }

    byteAt(at) {
      const g = last(this.at, at);
      let byte = this.byte[g];
      for (let here = this.at[g]; here < at;) {
        const code = this.text.codePointAt(here);
        byte += width(code);
        here += code > 0xffff ? 2 : 1;
      }
      return byte;
    }

    // The characters of a stretch of bytes, or null where it begins or ends inside one.
    surface(start, end) {
      const from = this.place(start);
      const to = from < 0 ? -1 : this.place(end);
      return from < 0 || to < 0 ? null : this.text.slice(from, to);
    }

    // "rtl" or "ltr" of the paragraph in which a grapheme lies, by its first letter.
    direction(g) {
      const at = this.at[g];
      const from = this.text.lastIndexOf("\n", at - 1) + 1;
      const end = this.text.indexOf("\n", at);
      const first = STRONG.exec(this.text.slice(at ? from : 0, end < 0 ? Math.min(this.text.length, from + 2000) : Math.min(end, from + 2000)));
      return first && RTL.test(first[0]) ? "rtl" : "ltr";
    }
  }

  // The last place of a rising array whose value is at most `value`.
  function last(array, value) {
    let low = 0;
    let high = array.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (array[middle] <= value) low = middle; else high = middle - 1;
    }
    return low;
  }

  playground.ruler = { RulerText, drawn, shown, hex, last, isRtl: (text) => RTL.test(text) };
})();

// CSV files from the server's text, PNG files from what is on screen. Both are made in the browser; nothing is sent anywhere.
(() => {
  const { actions, ask, toast, consoleOf } = playground;
  let library = null;

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async function csv(action, button) {
    const reply = await ask(action, { task: consoleOf(button).task });
    if (reply.error) { toast(reply.error); return; }
    saveCsv(reply);
  }
  const saveCsv = (reply) => save(new Blob(["\ufeff", reply.text], { type: "text/csv;charset=utf-8" }), reply.file); // the mark makes spreadsheets read UTF-8
  Object.assign(playground, { save, saveCsv });
  actions["table-csv"] = (button) => csv("table_csv", button);
  actions["history-csv"] = (button) => csv("history_csv", button);

  // 29 kB that most visits never need: loaded at the first image.
  function screenshot() {
    library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("assets/js/vendor/modern-screenshot.js", document.baseURI).href;
      script.onload = () => resolve(window.modernScreenshot);
      script.onerror = () => { library = null; reject(new Error("not loaded")); };
      document.head.append(script);
    });
    return library;
  }

  async function png(element, name, caption = "") {
    try {
      const { domToBlob } = await screenshot();
      const actionsRow = element.querySelector(".pg-actions");
      if (actionsRow) actionsRow.dataset.caption = caption; // what the answer is about, in the place of the buttons
      element.toggleAttribute("data-exporting", true);
      const ground = getComputedStyle(document.documentElement).getPropertyValue("--pg-surface").trim();
      const blob = await domToBlob(element, { scale: 2, backgroundColor: ground || "#fff" });
      save(blob, name);
    } catch {
      toast("The image could not be made: this browser does not let a page be drawn.");
    } finally {
      element.removeAttribute("data-exporting");
    }
  }
  playground.png = png;
  const about = ({ text, fields }) => [`“${text}”`, fields.said].filter(Boolean).join("\n");
  actions.png = (button) => png(button.closest(".pg-card"), `${consoleOf(button).task}-${button.dataset.tier}.png`, about(consoleOf(button)));
  actions["png-plot"] = (button) => png(button.closest(".pg-plot"), `${consoleOf(button).task}-plot.png`);
})();

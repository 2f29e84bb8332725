// The panel of numbers.
(() => {
  const { actions, ask, toast, panel, put, reads, saveCsv } = playground;
  panel("numbers", async (place, reading) => { put(place, await ask("tokens_numbers", reads(reading))); });

  actions["tokens-csv"] = async () => {
    const reply = await ask("tokens_numbers_csv", reads(playground.reading));
    if (reply.error) toast(reply.error); else saveCsv(reply);
  };
})();

// The ruler on its page: when it is mounted, what the address and its buttons ask of it, and the way to it from a card.
(() => {
  const { actions, ask, root, readLink, pageLinks } = playground;
  const { Ruler } = playground.ruler;
  let ruler = null;
  const shown = () => root.dataset.page === "tokens";
  const follow = () => { if (ruler && shown()) ruler.restore(readLink()); };

  playground.mountRuler = () => {
    ruler = new Ruler();
    pageLinks.set("tokens", () => ({ text: ruler.area.value, fields: ruler.link() }));
    playground.mounted();
    follow();
  };
  addEventListener("hashchange", follow);

  actions["tok-example"] = async (chip) => {
    if ("long" in chip.dataset && !ruler.long) {
      const reply = await ask("tokens_long");
      if (reply.error) { ruler.fault(reply.error); return; }
      ruler.long = reply.text;
    }
    ruler.fill("long" in chip.dataset ? ruler.long : chip.dataset.text);
  };
  actions["tok-remove"] = (button) => ruler.remove(button.dataset.id);
  actions["tok-move"] = (button) => ruler.move(button.dataset.id, Number(button.dataset.by));
  actions["tok-unpin"] = () => ruler.unpin();
  actions["tok-show"] = (button) => { ruler.show = button.dataset.show; ruler.options(); ruler.present(); };
  actions["tok-control"] = (button) => { ruler.control = button.dataset.control === "1"; ruler.options(); ruler.unpin(true); ruler.ask(); };
  actions["tok-option"] = (box) => { ruler.special = box.checked; ruler.unpin(true); ruler.ask(); };
})();

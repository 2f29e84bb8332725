// Runs before the first paint: the theme, and whether this browser has seen the four tiers explained.
(() => {
  const stored = (key) => { try { return localStorage.getItem("four-tiers." + key); } catch { return null; } };
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const asked = new URLSearchParams(location.search).get("__theme");
  const paint = () => {
    const choice = ["light", "dark"].includes(asked) ? asked : stored("theme") || "auto";
    root.dataset.themeChoice = choice;
    root.dataset.theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    if (document.body) document.body.classList.toggle("dark", root.dataset.theme === "dark");
  };
  paint();
  dark.addEventListener("change", paint);
  document.addEventListener("DOMContentLoaded", () => {
    paint();
    // Gradio sets its own class by the system's theme when it mounts; the visitor's choice goes before it.
    new MutationObserver(() => {
      const wanted = root.dataset.theme === "dark";
      if (document.body.classList.contains("dark") !== wanted) document.body.classList.toggle("dark", wanted);
    }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });
  if (stored("welcome") !== "seen") root.dataset.welcome = "";
  if (new URLSearchParams(location.hash.slice(1)).get("projector") === "1") root.dataset.projector = "";
  window.playgroundPaint = paint;
})();

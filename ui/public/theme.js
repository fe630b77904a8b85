// Runs before the first paint, so that a pinned theme never flashes. `src/state/theme.ts` writes the key.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem("codchi.theme");
  } catch {
    // Storage can be switched off; the system's theme is then the right one.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();

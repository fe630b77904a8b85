import { useEffect } from "react";
import { i18n, systemLanguage } from "@/i18n";
import type { Settings } from "@/platform/contract";

/** `public/theme.js` reads the key before the first paint. */
function applyTheme(theme: Settings["theme"]): void {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem("codchi.theme", theme);
  } catch {
    // The next start follows the system until the settings are read.
  }
}

/** Makes the window look and speak as the settings say. */
export function useAppliedSettings(settings: Settings | undefined): void {
  const theme = settings?.theme;
  const language = settings?.language;
  useEffect(() => {
    if (theme !== undefined) applyTheme(theme);
  }, [theme]);
  useEffect(() => {
    if (language !== undefined) void i18n.changeLanguage(language === "system" ? systemLanguage() : language);
  }, [language]);
}

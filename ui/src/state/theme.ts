import { useLayoutEffect } from "react";
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

function applyLanguage(language: Settings["language"]): void {
  const wanted = language === "system" ? systemLanguage() : language;
  if (wanted !== i18n.language) void i18n.changeLanguage(wanted);
}

/** Makes the window look and speak as the settings say. */
export function applySettings({ theme, language }: Settings): void {
  applyTheme(theme);
  applyLanguage(language);
}

/** Keeps it so. */
export function useAppliedSettings(settings: Settings | undefined): void {
  const theme = settings?.theme;
  const language = settings?.language;
  useLayoutEffect(() => {
    if (theme !== undefined) applyTheme(theme);
  }, [theme]);
  useLayoutEffect(() => {
    if (language !== undefined) applyLanguage(language);
  }, [language]);
}

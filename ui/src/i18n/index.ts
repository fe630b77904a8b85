import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { de } from "./de";
import { en } from "./en";

/** The same tree as the English catalogue, with any words. A missing or a surplus key doesn't compile. */
export type Catalogue<T = typeof en> = { readonly [K in keyof T]: T[K] extends string ? string : Catalogue<T[K]> };

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof en };
    returnNull: false;
  }
}

export const languages = ["en", "de"] as const;
export type Language = (typeof languages)[number];

/** The best of our languages for what the system asks for. */
export function systemLanguage(wanted: readonly string[] = navigator.languages): Language {
  for (const tag of wanted) {
    const found = languages.find((language) => tag.toLowerCase().split("-")[0] === language);
    if (found !== undefined) return found;
  }
  return "en";
}

export const i18n = i18next.createInstance();

void i18n.use(initReactI18next).init({
  lng: systemLanguage(),
  fallbackLng: "en",
  resources: { en: { translation: en }, de: { translation: de } },
  // React escapes what it renders.
  interpolation: { escapeValue: false },
  initAsync: false,
});

function markDocument(language: string): void {
  document.documentElement.lang = language;
}
markDocument(i18n.language);
i18n.on("languageChanged", markDocument);

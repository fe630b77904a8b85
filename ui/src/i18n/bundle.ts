/**
 * What the files of a diagnostics bundle are, in other languages than the controller's own. Its words are English, and are looked up as
 * they are. A test reads the controller's sources and finds what is missing here.
 */
import { de } from "./de";
import type { Language } from "./index";

/** Words for files, and what an operation's file is called after: what was done, from where. */
interface Words {
  files: Record<string, string>;
  kinds: Record<string, string>;
  doors: Record<string, string>;
  operation: (kind: string, door: string, at: string) => string;
}

const { crumb } = de.operation;

const german: Words = {
  files: {
    "versions of Codchi, its images and this system": "Versionen von Codchi, seinen Images und diesem System",
    "what Doctor found": "was die Diagnose fand",
    "how the engine is set up": "wie die Engine eingerichtet ist",
    "why the engine can't be asked": "warum sich die Engine nicht fragen lässt",
    "your settings": "Ihre Einstellungen",
    "why the settings can't be read": "warum sich die Einstellungen nicht lesen lassen",
    "your machines as they are": "Ihre Maschinen, wie sie sind",
    "why the machines can't be read": "warum sich die Maschinen nicht lesen lassen",
    "the developers' log": "Log für die Entwickler",
    "what is wanted of it": "was von ihr verlangt ist",
    "why it can't be read": "warum sie sich nicht lesen lässt",
    "its modules' versions": "Versionen ihrer Module",
    "its last build": "ihr letzter Build",
    "what it said": "was dabei gesagt wurde",
  },
  kinds: { ...crumb, "install the controller": crumb.install_controller, "fix this computer": crumb.fix },
  doors: { "the window": "vom Fenster", "the tray": "vom Infobereich", "the command line": "von der Befehlszeile" },
  operation: (kind, door, at) => `${kind}, begonnen ${door} um ${at} UTC`,
};

const catalogues: Partial<Record<Language, Words>> = { de: german };

/** What a file of the bundle is, in this language; in the controller's words where there are no others. */
export function bundleWords(about: string, language: string): string {
  const words = catalogues[language as Language];
  if (words === undefined) return about;
  const [, kind = "", door = "", at = ""] = /^(.+), started from (.+) at ([\d:]+) UTC$/.exec(about) ?? [];
  const [known, from] = [words.kinds[kind], words.doors[door]];
  return known !== undefined && from !== undefined ? words.operation(known, from, at) : (words.files[about] ?? about);
}

/** What the window remembers by itself: nothing that the tray or the command line would have to know. */
import { createStore, createStoredStore } from "./store";

const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every((each) => typeof each === "string");
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";

/** Names of the machines pinned to the sidebar. */
export const pins = createStoredStore<string[]>("codchi.pins", [], isStrings);
export const statusBarShown = createStoredStore("codchi.statusBar", true, isBoolean);
/** Single letters act on the selected machine (WCAG 2.1.4: can be switched off). */
export const singleKeys = createStoredStore("codchi.singleKeys", true, isBoolean);
/** The row of the machine list that was selected last. */
export const selectedMachine = createStore<string | null>(null);

export function togglePin(name: string): boolean {
  const now = pins.read();
  const pinned = now.includes(name);
  pins.write(pinned ? now.filter((each) => each !== name) : [...now, name]);
  return !pinned;
}

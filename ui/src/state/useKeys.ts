import { useEffect, useRef } from "react";
import { singleKeys } from "./preferences";

export type KeyMap = Record<string, (event: KeyboardEvent) => void>;

/** "Ctrl+K", "Shift+F3", "/", "Delete": what a key press is called in a key map. */
export function keyName(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): string {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const parts = [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.altKey ? "Alt" : "", event.shiftKey && event.key.length > 1 ? "Shift" : "", key];
  return parts.filter((part) => part !== "").join("+");
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Whether something on top of the page has the keys: a dialog, a menu, an open list. */
function isCovered(): boolean {
  return document.querySelector("[data-covers][data-open]") !== null;
}

/**
 * Keys of the whole window while the component is shown. Combinations with Ctrl or Alt and function keys work everywhere, others
 * only where nobody types, and single characters only if the user wants them. Nothing works under a dialog.
 */
export function useKeys(keys: KeyMap): void {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (isCovered()) return;
      const name = keyName(event);
      // A control that swallows Enter does not mean Ctrl+Enter.
      if (event.defaultPrevented && !name.startsWith("Ctrl+")) return;
      if (isTyping(event.target) && !/^(?:Ctrl|Alt|Shift\+F|F\d)/.test(name)) return;
      const act = current.current[name];
      if (act === undefined || (name.length === 1 && !singleKeys.read())) return;
      event.preventDefault();
      act(event);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}

import { type KeyboardEvent, useRef } from "react";

const PAUSE = 800;

/** Typing a name jumps to it. While one types, every letter belongs to the name, also those that are commands. */
export function useTypeahead(jump: (prefix: string) => void) {
  const typed = useRef({ text: "", at: 0 });
  const active = () => typed.current.text !== "" && Date.now() - typed.current.at < PAUSE;
  return {
    active,
    /** Whether the key was used. */
    press(event: KeyboardEvent): boolean {
      if (event.key.length !== 1 || event.ctrlKey || event.altKey || event.metaKey || !/[\p{L}\p{N}-]/u.test(event.key)) return false;
      typed.current = { text: (active() ? typed.current.text : "") + event.key.toLowerCase(), at: Date.now() };
      jump(typed.current.text);
      return true;
    },
  };
}

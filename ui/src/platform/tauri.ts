/**
 * The real controller, through the desktop app. What `src-tauri` offers for it:
 *
 * - `call { command, args }`: one command of the table; rejects with a `Failure`;
 * - the event `codchi`, whose payload is an `Event`;
 * - `choose_folder { title }` and `save_text { title, suggestedName, text }`: the system's dialogs, null when cancelled.
 */
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { Event } from "@/bindings/Event";
import type { Backend } from "./index";

export const tauriBackend: Backend = {
  call: (command, args) => invoke("call", { command, args }),
  subscribe: (listener) => listen<Event>("codchi", ({ payload }) => listener(payload)),
  chooseFolder: (title) => invoke("choose_folder", { title }),
  saveText: (title, suggestedName, text) => invoke("save_text", { title, suggestedName, text }),
  copy: (text) => navigator.clipboard.writeText(text),
};

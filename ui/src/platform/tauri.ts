/**
 * The real controller, through the desktop app. `src-tauri/src/bridge.rs` is the other side:
 *
 * - `call { command, args }`: one command of the table; rejects with a `Failure`;
 * - `listen { events }`: each `Event` comes through the channel from now on; the answer is a `FirstSight`;
 * - the event `codchi-page`, whose payload is a path; `missed_page` is the path that was wanted before anybody listened;
 * - `open_terminal`, `choose_folder`, `choose_file`, `choose_place`, `save_text`, `copy_secret`: what only a desktop app can do.
 */
import { Channel, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { openUrl } from "@tauri-apps/plugin-opener";
import type { Event } from "@/bindings/Event";
import type { Backend, FirstSight } from "./index";

export const tauriBackend: Backend = {
  call: (command, args) => invoke("call", { command, args }),
  listen: (listener) => invoke<FirstSight>("listen", { events: new Channel<Event>(listener) }),
  openTerminal: (machine) => invoke("open_terminal", { machine }),
  onOpenPage: async (listener) => {
    const stop = await listen<string>("codchi-page", ({ payload }) => listener(payload));
    const missed = await invoke<string | null>("missed_page");
    if (missed !== null) listener(missed);
    return stop;
  },
  chooseFolder: (title) => invoke("choose_folder", { title }),
  chooseFile: (title) => invoke("choose_file", { title }),
  choosePlace: (title, suggestedName) => invoke("choose_place", { title, suggestedName }),
  saveText: (title, suggestedName, text) => invoke("save_text", { title, suggestedName, text }),
  copy: (text) => navigator.clipboard.writeText(text),
  copySecret: (name, secret) => invoke("copy_secret", { name, secret }),
  openLink: (url) => openUrl(url),
};

/**
 * The one door to everything outside the window: the controller's commands and events, the clipboard, the system's dialogs.
 * Nothing else in `ui/` may import `@tauri-apps/*`.
 */
import { createContext, useContext, type ReactNode } from "react";
import type { Commands } from "@/bindings/Commands";
import type { Event } from "@/bindings/Event";
import type { Settings } from "@/bindings/Settings";
import type { Snapshot } from "@/bindings/Snapshot";

export type CommandName = keyof Commands;
export type CommandArgs<C extends CommandName> = Commands[C]["args"];
type CommandResult<C extends CommandName> = Commands[C]["result"];

/** What is known without asking anybody. */
export interface FirstSight {
  /** Null where they can't be read: then they are asked for, and why. */
  settings: Settings | null;
  /** Null as long as nothing was heard of the engine. */
  status: Snapshot | null;
}

export interface Backend {
  /** Runs a command of the controller. Rejects with a `Failure`. */
  call<C extends CommandName>(command: C, args: CommandArgs<C>): Promise<CommandResult<C>>;
  /** Listens from now on, in place of who listened before. The listener hears of all that isn't in the answer, perhaps before it. */
  listen(listener: (event: Event) => void): Promise<FirstSight>;
  /** Opens a terminal of the desktop with a shell in a machine. */
  openTerminal(machine: string): Promise<void>;
  /** The tray, a notification or a second start wants a page shown; the listener gets its path. */
  onOpenPage(listener: (path: string) => void): Promise<() => void>;
  /** Asks for a folder; null when the user changed their mind. */
  chooseFolder(title: string): Promise<string | null>;
  /** Asks for a file; null when the user changed their mind. */
  chooseFile(title: string): Promise<string | null>;
  /** Asks where something is to be saved; null when the user changed their mind. */
  choosePlace(title: string, suggestedName: string): Promise<string | null>;
  /** Asks for a place and writes the text there; null when the user changed their mind, else the path. */
  saveText(title: string, suggestedName: string, text: string): Promise<string | null>;
  copy(text: string): Promise<void>;
  /** Copies a secret's value, and takes it out of the clipboard again after half a minute if it is still there. */
  copySecret(machine: string, secret: string): Promise<void>;
  /** Opens a page of the web in the browser. */
  openLink(url: string): Promise<void>;
}

const BackendContext = createContext<Backend | null>(null);

export function BackendProvider({ backend, children }: { backend: Backend; children: ReactNode }) {
  return <BackendContext value={backend}>{children}</BackendContext>;
}

export function useBackend(): Backend {
  const backend = useContext(BackendContext);
  if (backend === null) throw new Error("BackendProvider is missing");
  return backend;
}

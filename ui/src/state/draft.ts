/** The machine that is being described in the wizard. Kept when the page or the window is closed. */
import { createStoredStore } from "./store";

export interface Draft {
  kind: "repository" | "local" | "empty";
  /** The address as typed, for `repository`. */
  url: string;
  /** The folder, for `local`. */
  folder: string;
  follow: "default" | "branch" | "tag" | "commit";
  reference: string;
  modules: string[];
  name: string;
  /** Whether the name was typed; else it follows the source. */
  named: boolean;
  /** `builtin` or a module's name. */
  nixpkgs: string;
}

export const emptyDraft: Draft = { kind: "repository", url: "", folder: "", follow: "default", reference: "", modules: [], name: "", named: false, nixpkgs: "builtin" };

function isDraft(value: unknown): value is Draft | null {
  if (value === null) return true;
  if (typeof value !== "object") return false;
  return Object.entries(emptyDraft).every(([key, example]) => {
    const found = (value as Record<string, unknown>)[key];
    return typeof found === typeof example && Array.isArray(found) === Array.isArray(example);
  });
}

const stored = createStoredStore<Draft | null>("codchi.draft", null, isDraft);

/** Passwords and tokens in an address never reach the disk. */
export function withoutCredentials(url: string): string {
  return url.replace(/(\/\/)[^/@\s]*@/g, "$1").replace(/([?&](?:access_token|private_token|token|password)=)[^&#\s]*/gi, "$1");
}

export const drafts = {
  ...stored,
  write: (draft: Draft | null) => stored.write(draft === null ? null : { ...draft, url: withoutCredentials(draft.url) }),
};

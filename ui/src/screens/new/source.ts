/** From the wizard's fields to what the controller understands. Pure. */
import type { SourceArgs } from "@/platform/contract";
import type { Draft } from "@/state/draft";

/** Null when there is nothing to read: no address yet, or an empty machine. */
export function sourceOf(draft: Draft): SourceArgs | null {
  const url = (draft.kind === "local" ? draft.folder : draft.url).trim();
  if (draft.kind === "empty" || url === "") return null;
  const reference = draft.reference.trim();
  if (draft.kind === "local" || draft.follow === "default" || reference === "") return { url };
  switch (draft.follow) {
    case "branch":
      return { url, branch: reference };
    case "tag":
      return { url, tag: reference };
    case "commit":
      return { url, rev: reference };
  }
}

import { createContext, useContext } from "react";
import type { ArchiveContents, MachineStatus } from "@/platform/contract";

/** What can be asked about a machine's name and where it goes. */
export type LifeQuestion = { kind: "duplicate" | "rename" | "export"; machine: MachineStatus } | { kind: "import"; path: string; contents: ArchiveContents };

/** Opens its dialog. */
export const LifeContext = createContext<(question: LifeQuestion) => void>(() => {});

export function useLife(): (question: LifeQuestion) => void {
  return useContext(LifeContext);
}

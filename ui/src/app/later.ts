/** What is fetched after the first paint, or when it is wanted before. */
import { useEffect, useState } from "react";
import type * as Everything from "./rest";
import { painted } from "@/state/painted";

type Rest = typeof Everything;

export const rest = (): Promise<Rest> => import("./rest");

/** The parts that float over all pages; null until they are there. */
export function useRest(): Rest | null {
  const [found, setFound] = useState<Rest | null>(null);
  useEffect(() => {
    void painted.then(rest).then((module) => setFound(() => module));
  }, []);
  return found;
}

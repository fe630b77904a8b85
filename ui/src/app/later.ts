/** What is fetched after the first paint, or when it is wanted before. */
import { useEffect, useState } from "react";
import { fetchRest, type Rest } from "./fetchRest";
import { painted } from "@/state/painted";

/** The parts that float over all pages; null until they are there. They are fetched at once when one is wanted. */
export function useRest(wanted: boolean): Rest | null {
  const [found, setFound] = useState<Rest | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => {
    const fetched = wanted ? fetchRest() : painted.then(fetchRest);
    fetched.then((module) => setFound(() => module), setFailure);
  }, [wanted]);
  if (failure !== null) throw failure;
  return found;
}

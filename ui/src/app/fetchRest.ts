import type * as Everything from "./rest";

export type Rest = typeof Everything;

/** Fetches everything that the first paint of the list doesn't show. */
export const fetchRest = (): Promise<Rest> => import("./rest");

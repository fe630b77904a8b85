/** What each machine did when the engine last answered, for the time in which it doesn't. */
import type { RunState, Snapshot } from "@/platform/contract";

export interface Known { status: RunState; at: number }
const known = new Map<string, Known>();
let answered: number | null = null;

export function remember(snapshot: Snapshot, at = Date.now()): void {
  if (!snapshot.engine.available) return;
  answered = at;
  for (const machine of snapshot.machines) if (machine.status !== "unknown") known.set(machine.name, { status: machine.status, at });
}

/** When the engine last answered; null when it never did. */
export function lastAnswer(): number | null {
  return answered;
}

export function lastKnown(name: string): Known | undefined {
  return known.get(name);
}

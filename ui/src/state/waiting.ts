/** Which operations wait for an answer, and which of them the user wants to be asked about now. */
import { useMemo } from "react";
import type { Asks, MachineStatus, Operation } from "@/platform/contract";
import { createStore, createStoredStore, useStore } from "./store";
import { useStatus } from "./useStatus";

export interface Waiting {
  machine: string;
  operation: Operation;
  asks: Asks;
}

/** So many identities are remembered: no more operations wait at once. */
const REMEMBERED = 200;

const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every((each) => typeof each === "string");

/** Operations whose questions are answered later, by identity. Outlives the window: it may be closed while they wait. */
export const postponed = createStoredStore<string[]>("codchi.answerLater", [], isStrings);

/** The operation that the user wants to answer now, before any other. */
const wanted = createStore<{ id: string | null; turn: number }>({ id: null, turn: 0 });

/** Operations whose questions a page shows itself, so that no dialog does. */
const onPage = createStore<string | null>(null);

/** What waits, the oldest first. */
function waitingOf(machines: MachineStatus[]): Waiting[] {
  return machines
    .flatMap(({ name, operation }) => (operation !== null && operation.state === "waiting_for_input" && operation.asks !== null ? [{ machine: name, operation, asks: operation.asks }] : []))
    .toSorted((a, b) => (a.operation.started < b.operation.started ? -1 : 1));
}

/** Raises the dialog for an operation, whatever was said before. */
export function wantAnswer(id: string): void {
  postponed.write(postponed.read().filter((each) => each !== id));
  wanted.write({ id, turn: wanted.read().turn + 1 });
}

export function answerLater(id: string): void {
  postponed.write([...postponed.read().filter((each) => each !== id), id].slice(-REMEMBERED));
  const { id: first, turn } = wanted.read();
  if (first === id) wanted.write({ id: null, turn });
}

export function showOnPage(id: string | null): void {
  onPage.write(id);
}

/** Whether the operation hasn't come to the point yet where it asks. */
function willAsk({ state, phases }: Operation): boolean {
  const phase = phases.find((each) => each.phase === "ask");
  return state === "running" && (phase?.state === "pending" || phase?.state === "running");
}

/**
 * What the user is to be asked about now, and which of it comes first. `again` is what a machine was asked that is worked on again since an
 * answer, and will ask for the rest: another operation may do that.
 */
export function useWaiting(): { open: Waiting[]; first: Waiting | undefined; again: (asked: Waiting) => Waiting | undefined } {
  const { machines } = useStatus();
  const later = useStore(postponed);
  const { id } = useStore(wanted);
  const paged = useStore(onPage);
  const waiting = useMemo(() => waitingOf(machines), [machines]);
  const isOpen = (operation: Operation) => !later.includes(operation.id) && operation.id !== paged;
  const open = waiting.filter(({ operation }) => isOpen(operation));
  const again = (asked: Waiting) => {
    const operation = machines.find(({ name }) => name === asked.machine)?.operation ?? null;
    return operation !== null && willAsk(operation) && isOpen(operation) ? { ...asked, operation } : undefined;
  };
  return { open, first: open.find(({ operation }) => operation.id === id) ?? open[0], again };
}

/** Changes each time the user wants to be asked. */
export function useTurn(): number {
  return useStore(wanted).turn;
}

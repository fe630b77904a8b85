import { useEffect, useMemo, useReducer, useRef } from "react";
import type { MachineStatus } from "@/platform/contract";
import { type Group, groupOf } from "@/state/view";

const REST = 1000;

/**
 * The group each machine is shown in. A row changes group only when pointer and keyboard have rested for a second, so that nothing
 * jumps away under the user's hand. Call `touched` on every movement.
 */
export function useSettledGroups(machines: MachineStatus[]): { groups: ReadonlyMap<string, Group>; touched: () => void } {
  const last = useRef(0);
  const shown = useRef<Map<string, Group>>(new Map());
  const [, settle] = useReducer((n: number) => n + 1, 0);
  const truth = useMemo(() => new Map(machines.map((machine) => [machine.name, groupOf(machine)])), [machines]);

  const resting = Date.now() - last.current >= REST;
  if (resting) {
    shown.current = truth;
  } else {
    // New machines appear at once, gone ones leave at once; only moving waits.
    shown.current = new Map([...truth].map(([name, group]) => [name, shown.current.get(name) ?? group]));
  }
  const waits = [...truth].some(([name, group]) => shown.current.get(name) !== group);
  useEffect(() => {
    if (!waits) return undefined;
    const timer = setInterval(() => {
      if (Date.now() - last.current >= REST) settle();
    }, REST / 4);
    return () => clearInterval(timer);
  }, [waits]);
  return {
    groups: shown.current,
    touched: () => {
      last.current = Date.now();
    },
  };
}

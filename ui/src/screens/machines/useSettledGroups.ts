import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { MachineStatus } from "@/platform/contract";
import { type Group, groupOf } from "@/state/view";

const REST = 1000;

/**
 * The group each machine is shown in. A row changes group only when pointer and keyboard have rested for a second, so that nothing
 * jumps away under the user's hand. Call `touched` on every movement.
 */
export function useSettledGroups(machines: MachineStatus[]): { groups: ReadonlyMap<string, Group>; touched: () => void } {
  const touchedAt = useRef(0);
  const truth = useMemo(() => new Map(machines.map((machine) => [machine.name, groupOf(machine)])), [machines]);
  const [settled, setSettled] = useState(truth);
  // New machines appear at once, gone ones leave at once; only moving waits.
  const groups = useMemo(() => new Map([...truth].map(([name, group]) => [name, settled.get(name) ?? group])), [truth, settled]);
  const waits = [...truth].some(([name, group]) => groups.get(name) !== group);
  useEffect(() => {
    if (!waits) return undefined;
    const settle = () => {
      if (Date.now() - touchedAt.current >= REST) setSettled(truth);
    };
    const soon = setTimeout(settle);
    const later = setInterval(settle, REST / 4);
    return () => {
      clearTimeout(soon);
      clearInterval(later);
    };
  }, [waits, truth]);
  const touched = useCallback(() => {
    touchedAt.current = Date.now();
  }, []);
  return { groups, touched };
}

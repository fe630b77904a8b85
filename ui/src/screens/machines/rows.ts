/** The list of machines as rows: filtered, grouped, with headings. Pure. */
import type { MachineStatus } from "@/platform/contract";
import { type Group, groupOf } from "@/state/view";

export type Show = "all" | "running" | "needs";
export type Row = { kind: "group"; group: Group; count: number } | { kind: "machine"; machine: MachineStatus };

export function isShown(machine: MachineStatus, show: Show): boolean {
  switch (show) {
    case "all":
      return true;
    case "running":
      return machine.status === "running";
    case "needs":
      return groupOf(machine) === "needs";
  }
}

/** Every word of the filter must be somewhere in the name, a module's name, its address, or the machine's address. */
export function matches(machine: MachineStatus, filter: string): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const hay = [machine.name, machine.address ?? "", ...machine.modules.flatMap((module) => [module.name, module.url])].join(" ").toLowerCase();
  return words.every((word) => hay.includes(word));
}

const order: Group[] = ["needs", "working", "running", "stopped"];

/**
 * The rows in their order: by name, and by what the user must do when `groups` says which group each machine is shown in (it may lag
 * behind the truth while the user's hands are on the list).
 */
export function toRows(machines: MachineStatus[], groups: ReadonlyMap<string, Group> | null): Row[] {
  const sorted = machines.toSorted((a, b) => a.name.localeCompare(b.name));
  if (groups === null) return sorted.map((machine) => ({ kind: "machine", machine }));
  const rows: Row[] = [];
  for (const group of order) {
    const members = sorted.filter((machine) => (groups.get(machine.name) ?? groupOf(machine)) === group);
    if (members.length === 0) continue;
    rows.push({ kind: "group", group, count: members.length });
    for (const machine of members) rows.push({ kind: "machine", machine });
  }
  return rows;
}

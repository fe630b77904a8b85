/** Events → query cache. The only writer of what the controller tells unasked. */
import type { QueryClient } from "@tanstack/react-query";
import type { Backend } from "@/platform";
import type { Activity, Event, MachineStatus, Operation, OperationDetail, Snapshot } from "@/platform/contract";
import { remember } from "./lastKnown";
import { logGrew } from "./logs";
import { keys } from "./queries";
import { isWorking } from "./view";

/** The list with these machines replaced or added, the removed ones gone, by name. */
export function withMachines(list: MachineStatus[], changed: MachineStatus[], removed: string[]): MachineStatus[] {
  const byName = new Map(list.map((each) => [each.name, each]));
  for (const each of changed) byName.set(each.name, each);
  for (const name of removed) byName.delete(name);
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The list with this operation in it; newest first. */
export function withOperation(list: Operation[], operation: Operation): Operation[] {
  const at = list.findIndex((each) => each.id === operation.id);
  return at === -1 ? [operation, ...list] : list.with(at, operation);
}

/** Activities by id, the newer replacing the older, in the order in which they appeared. */
export function withActivities(list: Activity[], changed: Activity[]): Activity[] {
  const byId = new Map(list.map((each) => [each.id, each]));
  for (const each of changed) byId.set(each.id, each);
  return [...byId.values()];
}

function applyEvent(backend: Backend, client: QueryClient, event: Event): void {
  const detail = (id: string, change: (old: OperationDetail) => OperationDetail) =>
    client.setQueryData(keys.operation(id), (old: OperationDetail | undefined) => (old === undefined ? old : change(old)));
  switch (event.event) {
    case "machines_changed": {
      const before = client.getQueryData<Snapshot>(keys.status);
      if (before !== undefined) {
        remember(before);
        client.setQueryData(keys.status, { machines: withMachines(before.machines, event.changed, event.removed), engine: event.engine });
        if (before.engine.available !== event.engine.available || before.engine.controller !== event.engine.controller) void client.invalidateQueries({ queryKey: keys.doctor });
      }
      break;
    }
    case "operation_changed": {
      const { operation } = event;
      detail(operation.id, (old) => ({ ...old, operation }));
      client.setQueryData(keys.operations, (old: Operation[] | undefined) => (old === undefined ? old : withOperation(old, operation)));
      client.setQueryData(keys.status, (old: Snapshot | undefined) =>
        old === undefined ? old : { ...old, machines: old.machines.map((machine) => (machine.operation?.id === operation.id ? { ...machine, operation } : machine)) },
      );
      if (operation.machine !== null && operation.state !== "running") void client.invalidateQueries({ queryKey: keys.secrets(operation.machine) });
      // What is about this computer alone may have mended it.
      if (!isWorking(operation) && operation.machine === null) void client.invalidateQueries({ queryKey: keys.doctor });
      if (!isWorking(operation) && operation.machine !== null) void client.invalidateQueries({ queryKey: keys.generations(operation.machine) });
      break;
    }
    case "activities_changed":
      detail(event.id, (old) => ({ ...old, activities: withActivities(old.activities, event.activities) }));
      break;
    case "log_grew":
      // Thousands of times a minute: only who shows the log is told.
      logGrew(backend, event.id, event.lines);
      break;
    case "settings_changed":
      client.setQueryData(keys.settings, event.settings);
      void client.invalidateQueries({ queryKey: keys.store });
      break;
  }
}

/**
 * Keeps the cache true until the returned function is called. What was read before the subscription stood is read again, so that
 * nothing is missed in between.
 */
export async function connectEvents(backend: Backend, client: QueryClient): Promise<() => void> {
  const stop = await backend.subscribe((event) => applyEvent(backend, client, event));
  void client.invalidateQueries();
  return stop;
}

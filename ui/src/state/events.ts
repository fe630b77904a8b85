/** Events → query cache. The only writer of what the controller tells unasked. */
import { hashKey, type QueryClient, type QueryKey } from "@tanstack/react-query";
import type { Backend } from "@/platform";
import type { Activity, Event, MachineStatus, Operation, OperationDetail, Snapshot } from "@/platform/contract";
import { remember } from "./lastKnown";
import { logGrew } from "./logs";
import { keys, OPERATIONS } from "./queries";
import { isWorking } from "./view";

/** The list with these machines replaced or added, the removed ones gone, by name. */
export function withMachines(list: MachineStatus[], changed: MachineStatus[], removed: string[]): MachineStatus[] {
  const byName = new Map(list.map((each) => [each.name, each]));
  for (const each of changed) byName.set(each.name, each);
  for (const name of removed) byName.delete(name);
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The list with this operation in it; newest first, and no longer than the controller gives it. */
export function withOperation(list: Operation[], operation: Operation): Operation[] {
  const at = list.findIndex((each) => each.id === operation.id);
  return at === -1 ? [operation, ...list.slice(0, OPERATIONS - 1)] : list.with(at, operation);
}

/** Activities with those that changed, by id, in the order in which they appeared. */
export function withActivities(list: Activity[], changed: ReadonlyMap<number, Activity>): Activity[] {
  const added = new Map(changed);
  const next = list.map((each) => {
    const newer = added.get(each.id);
    added.delete(each.id);
    return newer ?? each;
  });
  next.push(...added.values());
  return next;
}

/**
 * What events change in the cache. An answer that is on its way was perhaps given before the event: it is changed once more when it
 * arrives.
 */
class Cache {
  readonly #client: QueryClient;
  /** What is done again, by query, when the answer arrives. */
  readonly #later = new Map<string, (() => void)[]>();
  /** Activities that changed since the last frame, by operation. */
  readonly #activities = new Map<string, Map<number, Activity>>();

  /** Also does what was put off for answers. */
  constructor(client: QueryClient) {
    this.#client = client;
    client.getQueryCache().subscribe(({ query, type }) => {
      if (type === "removed") this.#later.delete(query.queryHash);
      if (type !== "updated" || query.state.fetchStatus === "fetching") return;
      const changes = this.#later.get(query.queryHash);
      this.#later.delete(query.queryHash);
      for (const change of changes ?? []) change();
    });
  }

  #onItsWay(key: QueryKey): boolean {
    return this.#client.getQueryState(key)?.fetchStatus === "fetching";
  }

  #again(key: QueryKey, change: () => void): void {
    const hash = hashKey(key);
    const changes = this.#later.get(hash);
    if (changes === undefined) this.#later.set(hash, [change]);
    else changes.push(change);
  }

  read<T>(key: QueryKey): T | undefined {
    return this.#client.getQueryData<T>(key);
  }

  change<T>(key: QueryKey, change: (old: T) => T): void {
    const apply = () => void this.#client.setQueryData(key, (old: T | undefined) => (old === undefined ? old : change(old)));
    if (this.#onItsWay(key)) this.#again(key, apply);
    apply();
  }

  replace<T>(key: QueryKey, data: T): void {
    const apply = () => void this.#client.setQueryData(key, data);
    if (this.#onItsWay(key)) this.#again(key, apply);
    apply();
  }

  /** Has it read again; also when its first answer is on its way, which nothing restarts. */
  invalidate(key: QueryKey): void {
    const first = this.#onItsWay(key) && this.read(key) === undefined;
    const apply = () => void this.#client.invalidateQueries({ queryKey: key });
    if (first) this.#again(key, apply);
    else apply();
  }

  /** They change many times a second: they are put into the cache once a frame. */
  activities(id: string, changed: Activity[]): void {
    if (this.#activities.size === 0) requestAnimationFrame(() => this.#flush());
    let waiting = this.#activities.get(id);
    if (waiting === undefined) this.#activities.set(id, (waiting = new Map()));
    for (const each of changed) waiting.set(each.id, each);
  }

  #flush(): void {
    const all = [...this.#activities];
    this.#activities.clear();
    for (const [id, changed] of all) {
      this.change<OperationDetail>(keys.operation(id), (old) => ({ ...old, activities: withActivities(old.activities, changed) }));
    }
  }
}

function applyEvent(backend: Backend, cache: Cache, event: Event): void {
  switch (event.event) {
    case "machines_changed": {
      const before = cache.read<Snapshot>(keys.status);
      cache.change<Snapshot>(keys.status, (old) => {
        remember(old);
        return { machines: withMachines(old.machines, event.changed, event.removed), engine: event.engine };
      });
      if (before !== undefined && (before.engine.available !== event.engine.available || before.engine.controller !== event.engine.controller)) cache.invalidate(keys.doctor);
      break;
    }
    case "operation_changed": {
      const { operation } = event;
      cache.change<OperationDetail>(keys.operation(operation.id), (old) => ({ ...old, operation }));
      cache.change<Operation[]>(keys.operations, (old) => withOperation(old, operation));
      cache.change<Snapshot>(keys.status, (old) =>
        old.machines.some((machine) => machine.operation?.id === operation.id) ? { ...old, machines: old.machines.map((machine) => (machine.operation?.id === operation.id ? { ...machine, operation } : machine)) } : old,
      );
      if (operation.machine !== null && operation.state !== "running") cache.invalidate(keys.secrets(operation.machine));
      // It may have mended this computer, or what machines ask of it is another now.
      if (!isWorking(operation) && (operation.machine === null || operation.kind === "create" || operation.kind === "rebuild" || operation.kind === "delete")) cache.invalidate(keys.doctor);
      if (!isWorking(operation) && operation.machine !== null) cache.invalidate(keys.generations(operation.machine));
      break;
    }
    case "activities_changed":
      cache.activities(event.id, event.activities);
      break;
    case "log_grew":
      // Thousands of times a minute: only who shows the log is told.
      logGrew(backend, event.id, event.lines);
      break;
    case "settings_changed":
      cache.replace(keys.settings, event.settings);
      cache.invalidate(keys.store);
      break;
  }
}

/** Puts what is known into the cache and keeps it true from then on. What is read before that may miss an event. */
export async function connectEvents(backend: Backend, client: QueryClient): Promise<void> {
  const cache = new Cache(client);
  let early: Event[] | null = [];
  const { settings, status } = await backend.listen((event) => {
    if (early === null) applyEvent(backend, cache, event);
    else early.push(event);
  });
  if (settings !== null) client.setQueryData(keys.settings, settings);
  if (status !== null) {
    remember(status);
    client.setQueryData(keys.status, status);
  }
  for (const event of early) applyEvent(backend, cache, event);
  early = null;
}

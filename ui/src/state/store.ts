/** Small values of the window alone: what is pinned, selected, hidden. Kept in the browser's storage where they shall outlive the window. */
import { useSyncExternalStore } from "react";

export interface Store<T> {
  read: () => T;
  write: (value: T) => void;
  subscribe: (listener: () => void) => () => void;
}

function stored<T>(key: string, initial: T, valid: (value: unknown) => value is T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    return valid(value) ? value : initial;
  } catch {
    return initial;
  }
}

/** A value in memory only. */
export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    read: () => value,
    write(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A value that is kept under `key`; what is there but not `valid` is ignored. */
export function createStoredStore<T>(key: string, initial: T, valid: (value: unknown) => value is T): Store<T> {
  const store = createStore(stored(key, initial, valid));
  store.subscribe(() => {
    try {
      localStorage.setItem(key, JSON.stringify(store.read()));
    } catch {
      // Storage is full or switched off: the value holds until the window closes.
    }
  });
  return store;
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.read);
}

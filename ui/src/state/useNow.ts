import { useSyncExternalStore } from "react";

/** One clock for the whole window; nobody else sets timers for "3 min ago". */
function ticker(interval: number) {
  let now = Date.now();
  let timer: ReturnType<typeof setInterval> | undefined;
  const listeners = new Set<() => void>();
  return {
    subscribe(listener: () => void) {
      listeners.add(listener);
      timer ??= setInterval(() => {
        now = Date.now();
        for (const each of listeners) each();
      }, interval);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && timer !== undefined) {
          clearInterval(timer);
          timer = undefined;
        }
      };
    },
    read() {
      if (timer === undefined && Date.now() - now > interval) now = Date.now();
      return now;
    },
  };
}

const seconds = ticker(1000);
const minutes = ticker(20_000);
const never = () => () => {};

/** The time in milliseconds, renewed each second for what runs, every 20 seconds for ages; frozen where nothing moves. */
export function useNow(pace: "second" | "age" | "frozen" = "age"): number {
  const clock = pace === "second" ? seconds : minutes;
  return useSyncExternalStore(pace === "frozen" ? never : clock.subscribe, clock.read);
}

import { useCallback, useEffect, useRef, useState } from "react";
import type { OperationLog } from "@/state/logs";

const TYPING = 150;
const GROWING = 1000;

/** Looking for text in a log: the controller searches, we walk over what it found. */
export function useLogSearch(log: OperationLog, total: number, initial: string, show: (line: number) => void) {
  const [text, setText] = useState(initial);
  const [hits, setHits] = useState<number[] | undefined>(undefined);
  const [at, setAt] = useState(0);
  const needle = text.trim().toLowerCase();
  const showing = useRef(show);
  useEffect(() => {
    showing.current = show;
  });

  const filled = total > 0;
  useEffect(() => {
    setHits(undefined);
    if (needle === "" || !filled) return undefined;
    let given = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let searched = 0;
    const search = async (first: boolean) => {
      searched = log.read().total;
      let lines: number[] = [];
      try {
        lines = await log.search(needle);
      } catch {
        // What can't be searched has no hits; the log itself says why.
      }
      timer = undefined;
      if (!given) return;
      setHits(lines);
      if (first) {
        setAt(0);
        if (lines[0] !== undefined) showing.current(lines[0]);
      }
      grown();
    };
    // A log that grows all the time is searched again now and then; the hits there are stay meanwhile.
    const grown = () => {
      if (timer === undefined && log.read().total > searched) timer = setTimeout(() => void search(false), GROWING);
    };
    timer = setTimeout(() => void search(true), TYPING);
    const stop = log.subscribe(grown);
    return () => {
      given = false;
      stop();
      clearTimeout(timer);
    };
  }, [log, needle, filled]);

  const go = useCallback(
    (to: number) => {
      const line = hits?.[to];
      if (line === undefined) return;
      setAt(to);
      showing.current(line);
    },
    [hits],
  );
  const count = hits?.length;
  return {
    text,
    setText,
    needle,
    /** How many; undefined while it is searched. */
    count,
    at: count === undefined || count === 0 ? 0 : Math.min(at, count - 1),
    /** The line that was walked to. */
    line: needle === "" ? undefined : hits?.[at],
    next: () => go(count === undefined || count === 0 ? 0 : (at + 1) % count),
    previous: () => go(count === undefined || count === 0 ? 0 : (at - 1 + count) % count),
  };
}

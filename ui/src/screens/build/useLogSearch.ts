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
  const searched = useRef("");
  const showing = useRef(show);
  useEffect(() => {
    showing.current = show;
  });

  useEffect(() => {
    if (needle === "" || total === 0) {
      setHits(undefined);
      searched.current = "";
      return undefined;
    }
    const fresh = searched.current !== needle;
    let given = true;
    const timer = setTimeout(
      () => {
        log.search(needle).then(
          (lines) => {
            if (!given) return;
            searched.current = needle;
            setHits(lines);
            if (fresh) {
              setAt(0);
              if (lines[0] !== undefined) showing.current(lines[0]);
            }
          },
          () => given && setHits([]),
        );
      },
      fresh ? TYPING : GROWING,
    );
    return () => {
      given = false;
      clearTimeout(timer);
    };
  }, [log, needle, total]);

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

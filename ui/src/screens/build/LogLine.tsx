import { Fragment, memo, type ReactNode, useLayoutEffect, useRef } from "react";
import type { LogLine as Line } from "@/platform/contract";
import { plain, type Span, spans } from "@/state/ansi";
import styles from "./LogView.module.css";

interface Props {
  /** From 0; people count from 1. */
  number: number;
  /** Undefined while it is fetched. */
  line: Line | undefined;
  /** Who printed it, where that is not clear. */
  source: string | undefined;
  /** Lower case; what is marked. */
  needle: string;
  current: boolean;
  /** Where its height is noted, when lines wrap. */
  measure: ((line: number, height: number) => void) | undefined;
}

export const LogLine = memo(function LogLine({ number, line, source, needle, current, measure }: Props) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (measure !== undefined && element.current !== null) measure(number, element.current.offsetHeight);
  }, [measure, number, line]);
  return (
    <div ref={element} className={styles.LogLine} data-l={line?.level} data-current={current || undefined}>
      <b>{number + 1}</b>
      <span>
        {source !== undefined && <span className={styles.LogSource}>{source}&gt; </span>}
        {line !== undefined && coloured(line.text, needle, current)}
      </span>
    </div>
  );
});

function coloured(text: string, needle: string, current: boolean): ReactNode {
  const parts = spans(text);
  const marks = needle === "" ? [] : occurrences(plain(text).toLowerCase(), needle);
  let at = 0;
  return parts.map((span) => {
    const from = at;
    at += span.text.length;
    return (
      <span key={from} className={classOf(span)}>
        {marks.length === 0 ? span.text : marked(span.text, from, marks, needle.length, current)}
      </span>
    );
  });
}

function classOf(span: Span): string | undefined {
  const names = [span.dim ? styles.dim : undefined, span.bold ? styles.bold : undefined, span.colour === null ? undefined : styles[span.colour]];
  const known = names.filter((name) => name !== undefined);
  return known.length === 0 ? undefined : known.join(" ");
}

function occurrences(text: string, needle: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + needle.length)) found.push(at);
  return found;
}

/** The part of a line that begins at `from`, with what was found marked; a find may begin or end in another part. */
function marked(text: string, from: number, marks: number[], length: number, current: boolean): ReactNode {
  const pieces: ReactNode[] = [];
  let at = 0;
  for (const mark of marks) {
    const begin = Math.max(mark - from, at);
    const end = Math.min(mark + length - from, text.length);
    if (end <= begin) continue;
    pieces.push(
      <Fragment key={begin}>
        {text.slice(at, begin)}
        <mark data-current={current || undefined}>{text.slice(begin, end)}</mark>
      </Fragment>,
    );
    at = end;
  }
  pieces.push(text.slice(at));
  return pieces;
}

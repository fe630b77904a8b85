/**
 * The logs of operations, read by pages where somebody looks and kept for a while: a log of a million lines costs no more than the
 * pages that were seen. Growing is told by events.
 */
import type { Backend } from "@/platform";
import type { LogLine } from "@/platform/contract";
import { plain } from "./ansi";
import { toFailure } from "./failure";

/** Lines a page, and how many pages are kept. */
const PAGE = 500;
const KEEP_PAGES = 120;
/** Lines a call when all of them are wanted. */
const BULK = 10_000;
/** How many logs nobody looks at are kept. */
const KEEP_LOGS = 4;

interface Page { lines: LogLine[]; used: number }

export interface LogState {
  /** How many lines there are, after the filter. */
  total: number;
  /** Grows with everything that changed, so that views notice lines that arrived. */
  version: number;
  loading: boolean;
  failure: string | null;
}

export class OperationLog {
  readonly #backend: Backend;
  readonly #id: string;
  /** Only lines of this activity. */
  readonly #activity: number | undefined;
  readonly #pages = new Map<number, Page>();
  readonly #asked = new Set<number>();
  /** Pages that grew while they were read. */
  readonly #grew = new Set<number>();
  readonly #listeners = new Set<() => void>();
  #state: LogState = { total: 0, version: 0, loading: true, failure: null };
  #telling = false;
  #clock = 0;

  constructor(backend: Backend, id: string, activity: number | undefined) {
    this.#backend = backend;
    this.#id = id;
    this.#activity = activity;
  }

  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#state.version === 0) void this.#load(0);
    return () => this.#listeners.delete(listener);
  };

  readonly read = (): LogState => this.#state;

  /** The whole log has `lines` lines now. With a filter nobody can know how many of them are ours, so the end is read again. */
  grew(lines: number): void {
    if (this.#activity !== undefined) {
      const last = Math.floor(this.#state.total / PAGE);
      if (this.#asked.has(last)) this.#grew.add(last);
      else void this.#load(last);
    } else if (lines > this.#state.total) {
      this.#changed({ total: lines });
    }
  }

  /** The line, if it was read; else it is fetched and listeners are told. */
  line(index: number): LogLine | undefined {
    const number = Math.floor(index / PAGE);
    const page = this.#pages.get(number);
    const line = page?.lines[index % PAGE];
    if (page !== undefined) page.used = this.#clock += 1;
    if (line === undefined && index < this.#state.total && this.#state.failure === null) void this.#load(number);
    return line;
  }

  /** Forgets that reading failed and reads again. */
  retry(): void {
    this.#changed({ failure: null, loading: true });
    void this.#load(Math.floor(this.#state.total / PAGE));
  }

  /** Numbers of lines that contain the text, regardless of case. */
  async search(text: string): Promise<number[]> {
    return (await this.#backend.call("operation_log_search", { id: this.#id, text, ...this.#filter() })).lines;
  }

  /** Everything, as plain text without colours. */
  async text(): Promise<{ text: string; lines: number }> {
    const parts: string[] = [];
    for (;;) {
      const { lines, total } = await this.#backend.call("operation_log", { id: this.#id, from: parts.length, limit: BULK, ...this.#filter() });
      for (const line of lines) parts.push(plain(line.text));
      if (lines.length === 0 || parts.length >= total) break;
    }
    return { text: parts.length === 0 ? "" : `${parts.join("\n")}\n`, lines: parts.length };
  }

  #filter(): { activity?: number } {
    return this.#activity === undefined ? {} : { activity: this.#activity };
  }

  async #load(number: number): Promise<void> {
    if (this.#asked.has(number)) return;
    this.#asked.add(number);
    try {
      const have = this.#pages.get(number)?.lines ?? [];
      const from = number * PAGE + have.length;
      const { lines, total } = await this.#backend.call("operation_log", { id: this.#id, from, limit: PAGE - have.length, ...this.#filter() });
      this.#pages.set(number, { lines: [...have, ...lines], used: (this.#clock += 1) });
      this.#forget();
      this.#changed({ total: lines.length === 0 ? total : Math.max(total, this.#state.total), loading: false, failure: null });
    } catch (thrown) {
      this.#changed({ loading: false, failure: toFailure(thrown).message });
    } finally {
      this.#asked.delete(number);
    }
    if (this.#grew.delete(number) && this.#state.failure === null) void this.#load(number);
  }

  /** Drops the pages that were not looked at for the longest time. */
  #forget(): void {
    if (this.#pages.size <= KEEP_PAGES) return;
    const oldest = [...this.#pages].toSorted(([, a], [, b]) => a.used - b.used).slice(0, KEEP_PAGES / 4);
    for (const [number] of oldest) this.#pages.delete(number);
  }

  /** Tells listeners once a frame, however much arrives. */
  #changed(change: Partial<LogState>): void {
    this.#state = { ...this.#state, ...change, version: this.#state.version + 1 };
    if (this.#telling) return;
    this.#telling = true;
    requestAnimationFrame(() => {
      this.#telling = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

const logs = new WeakMap<Backend, Map<string, OperationLog>>();

/** The log of an operation, or of one of its activities. */
export function logOf(backend: Backend, id: string, activity?: number): OperationLog {
  let ofBackend = logs.get(backend);
  if (ofBackend === undefined) logs.set(backend, (ofBackend = new Map()));
  const key = activity === undefined ? id : `${id} ${activity}`;
  let log = ofBackend.get(key);
  if (log === undefined) {
    for (const [other, candidate] of ofBackend) if (ofBackend.size >= KEEP_LOGS && !candidate.watched) ofBackend.delete(other);
    ofBackend.set(key, (log = new OperationLog(backend, id, activity)));
  }
  return log;
}

/** Every view of this operation's log is told that it grew. */
export function logGrew(backend: Backend, id: string, lines: number): void {
  for (const [key, log] of logs.get(backend) ?? []) if (key === id || key.startsWith(`${id} `)) log.grew(lines);
}

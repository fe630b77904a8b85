import { type CSSProperties, type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "@/components/Button";
import { Input } from "@/components/Field";
import { Select } from "@/components/Select";
import { toastDone, toastFailure } from "@/components/Toasts";
import { useFormat } from "@/i18n/useFormat";
import { StateGlyph } from "@/icons/StateGlyph";
import { useBackend } from "@/platform";
import { logOf } from "@/state/logs";
import { useKeys } from "@/state/useKeys";
import { LogLine } from "./LogLine";
import styles from "./LogView.module.css";
import { RowOffsets } from "./RowOffsets";
import { useLogSearch } from "./useLogSearch";

const LINE = 18;
const OVERSCAN = 12;
/** Above and below the lines together. */
const PADDING = 16;
/**
 * Painting is exact to 2^24 device pixels only; a longer log is scrolled in larger steps. Leaves room for two device pixels each.
 */
const TALLEST = 6_000_000;

export interface LogSource { id: number; name: string }

interface Props {
  id: string;
  /** What can be chosen to show only its lines. */
  sources: LogSource[];
  /** The one whose lines are shown; all when undefined. */
  source: number | undefined;
  onSource: (source: number | undefined) => void;
  /** Whether more lines may come. */
  live: boolean;
  /** The text that is looked for at first, such as an error's. */
  initialSearch?: string;
}

export function LogView(props: Props) {
  // Another log is another view, with its own scroll position and search.
  return <LogPane key={`${props.id} ${props.source ?? ""}`} {...props} />;
}

function LogPane({ id, sources, source, onSource, live, initialSearch = "" }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const backend = useBackend();
  const log = useMemo(() => logOf(backend, id, source), [backend, id, source]);
  const state = useSyncExternalStore(log.subscribe, log.read);
  const scroller = useRef<HTMLDivElement>(null);
  const searchInput = useRef<HTMLInputElement>(null);
  const [follow, setFollow] = useState(initialSearch === "");
  const [wrap, setWrap] = useState(false);
  const [seen, setSeen] = useState<number | null>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [, remeasured] = useReducer((n: number) => n + 1, 0);
  const offsets = useMemo(() => new RowOffsets(LINE), []);
  const names = useMemo(() => new Map(sources.map((each) => [each.id, each.name])), [sources]);

  offsets.resize(state.total);
  const height = wrap ? offsets.total : state.total * LINE;
  // The last line stands at the bottom when the scroll bar does.
  const scale = height <= TALLEST ? 1 : (height + PADDING - view.height) / (TALLEST + PADDING - view.height);
  const top = view.top * scale;
  const first = Math.max(0, (wrap ? offsets.at(top) : Math.floor(top / LINE)) - OVERSCAN);
  const last = Math.min(state.total, first + Math.ceil(view.height / LINE) + 2 * OVERSCAN);
  const begin = wrap ? offsets.offset(first) : first * LINE;

  const look = useCallback(() => {
    const box = scroller.current;
    if (box !== null) setView((old) => (old.top === box.scrollTop && old.height === box.clientHeight ? old : { top: box.scrollTop, height: box.clientHeight }));
  }, []);

  // Following: the end stays in view.
  useLayoutEffect(() => {
    if (follow && scroller.current !== null) {
      scroller.current.scrollTop = scroller.current.scrollHeight - scroller.current.clientHeight;
      setSeen(state.total);
      look();
    }
  }, [follow, state.total, height, look]);

  const measure = useCallback(
    (line: number, lineHeight: number) => {
      if (offsets.set(line, lineHeight) !== 0) remeasured();
    },
    [offsets],
  );
  const resized = useCallback(() => {
    offsets.reset();
    remeasured();
    look();
  }, [offsets, look]);

  const stopFollowing = useCallback(() => {
    setFollow((now) => {
      if (now) setSeen(log.read().total);
      return false;
    });
  }, [log]);

  const onScroll = () => {
    const box = scroller.current;
    if (box === null) return;
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - LINE;
    if (!atEnd && follow && box.scrollTop < box.scrollHeight - box.clientHeight - 2 * LINE) stopFollowing();
    look();
  };

  /** Puts a line into the upper third of the view. */
  const show = useCallback(
    (line: number) => {
      stopFollowing();
      const box = scroller.current;
      if (box === null) return;
      const offset = wrap ? offsets.offset(line) : line * LINE;
      box.scrollTop = Math.max(0, (offset - box.clientHeight / 3) / scale);
      look();
    },
    [offsets, wrap, scale, stopFollowing, look],
  );
  const search = useLogSearch(log, state.total, initialSearch, show);

  useKeys({
    "Ctrl+F": () => {
      searchInput.current?.focus();
      searchInput.current?.select();
    },
    F3: search.next,
    "Shift+F3": search.previous,
  });

  const press = (event: KeyboardEvent) => {
    if (event.key === "End" && !event.ctrlKey) setFollow(true);
    else if (["ArrowUp", "PageUp", "Home"].includes(event.key)) stopFollowing();
  };

  const copyAll = () => {
    log
      .text()
      .then(async ({ text, lines }) => {
        await backend.copy(text);
        toastDone(t("log.copied", { count: lines }));
      })
      .catch((thrown: unknown) => toastFailure(t("errors.title"), thrown));
  };
  const save = () => {
    log
      .text()
      .then(async ({ text }) => {
        const path = await backend.saveText(t("log.save"), `codchi-${id}.log`, text);
        if (path !== null) toastDone(t("log.saved", { path }));
      })
      .catch((thrown: unknown) => toastFailure(t("errors.title"), thrown));
  };

  const rows = [];
  for (let index = first; index < last; index += 1) {
    const line = log.line(index);
    rows.push(
      <LogLine
        key={index}
        number={index}
        line={line}
        source={source === undefined && line?.activity !== undefined ? names.get(line.activity) : undefined}
        needle={search.needle}
        current={search.line === index}
        measure={wrap ? measure : undefined}
      />,
    );
  }
  const fresh = seen === null ? 0 : state.total - seen;
  return (
    <section className={styles.LogView} data-region="log" data-wrap={wrap || undefined} style={{ "--digits": Math.max(4, String(state.total).length) } as CSSProperties} aria-label={t("log.title")}>
      <div className={styles.LogBar}>
        <Input
          ref={searchInput}
          size="sm"
          icon="search"
          type="search"
          style={{ flex: "0 1 206px", minWidth: 88, height: 26 }}
          aria-label={t("log.search")}
          placeholder={t("log.search")}
          value={search.text}
          onChange={(event) => search.setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") (event.shiftKey ? search.previous : search.next)();
            else if (event.key === "Escape") search.setText("");
          }}
          end={
            <span className={styles.LogHits} role="status">
              {search.needle === "" ? "" : search.count === undefined ? "…" : search.count === 0 ? t("log.noHits") : t("log.hits", { n: search.at + 1, total: search.count })}
            </span>
          }
        />
        <Select
          size="sm"
          maxWidth={190}
          label={t("log.onlyFrom")}
          value={source === undefined ? "" : String(source)}
          onChange={(value) => onSource(value === "" ? undefined : Number(value))}
          options={[{ value: "", label: t("log.all") }, ...sources.map((each) => ({ value: String(each.id), label: each.name }))]}
        />
        <span className="grow" />
        <IconButton icon="follow" label={t("log.follow")} aria-pressed={follow} onClick={() => (follow ? stopFollowing() : setFollow(true))} />
        <IconButton icon="wrap" label={t("log.wrap")} aria-pressed={wrap} onClick={() => setWrap(!wrap)} />
        <IconButton icon="copy" label={t("log.copy")} onClick={copyAll} />
        <IconButton icon="download" label={t("log.save")} onClick={save} />
      </div>
      <div className={styles.LogArea}>
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- wheel and keys only tell that the user scrolls */}
        <div
          ref={scroller}
          className={styles.LogLines}
          role="log"
          aria-label={t("log.label")}
          aria-live="off"
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls by keys
          tabIndex={0}
          onScroll={onScroll}
          onKeyDown={press}
          onWheel={(event) => event.deltaY < 0 && stopFollowing()}
        >
          <div style={{ height: Math.min(height, TALLEST), position: "relative" }}>
            <div className={styles.LogWindow} style={{ transform: `translateY(${Math.round(scale === 1 ? begin : top / scale - (top - begin))}px)` }}>
              {rows}
            </div>
          </div>
          {state.total === 0 && state.failure === null && <p className={styles.LogEmpty}>{state.loading ? t("log.loading") : source === undefined ? t("log.empty") : t("log.emptyFilter")}</p>}
        </div>
        {state.failure !== null && (
          <div className={styles.LogFailed} role="alert">
            <StateGlyph shape="failed" />
            <span className="truncate">{state.failure}</span>
            <Button size="sm" icon="rebuild" onClick={() => log.retry()}>
              {t("actions.retry")}
            </Button>
          </div>
        )}
        {!follow && live && (
          <div className={styles.LogFollow}>
            <Button size="sm" icon="follow" onClick={() => setFollow(true)}>
              {fresh > 0 ? t("log.followNew", { count: fresh, n: format.number(fresh) }) : t("log.follow")}
            </Button>
          </div>
        )}
      </div>
      <OnResize run={resized} target={scroller} />
    </section>
  );
}

/** Runs when the view gets another size. */
function OnResize({ target, run }: { target: React.RefObject<HTMLDivElement | null>; run: () => void }) {
  useEffect(() => {
    if (target.current === null) return undefined;
    const observer = new ResizeObserver(run);
    observer.observe(target.current);
    return () => observer.disconnect();
  }, [target, run]);
  return null;
}

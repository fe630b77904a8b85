import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, type ReactNode, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ProgressBar } from "@/components/Progress";
import { Icon } from "@/icons/Icon";
import { type GlyphShape, StateGlyph, type StateRole } from "@/icons/StateGlyph";
import { useFormat } from "@/i18n/useFormat";
import type { Activity } from "@/platform/contract";
import { useNow } from "@/state/useNow";
import styles from "./ActivityTree.module.css";
import { type ActivityTreeRow, type FinishedRow, isDownload, rowKey, visibleRows } from "./activityTree";

const ROW = 26;

interface Props {
  activities: Activity[];
  onlyActive: boolean;
  /** Whether the operation is over: then nothing is planned any more. */
  over: boolean;
  /** The activity whose log is shown. */
  shown: number | undefined;
  onShow: (activity: number | undefined) => void;
}

export const ActivityTree = memo(function ActivityTree({ activities, onlyActive, over, shown, onShow }: Props) {
  const { t } = useTranslation();
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [selected, setSelected] = useState<string | null>(null);
  const rows = useMemo(() => visibleRows(activities, toggled, onlyActive), [activities, toggled, onlyActive]);
  const at = Math.max(0, rows.findIndex((row) => rowKey(row) === (selected ?? (shown === undefined ? null : String(shown)))));
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row);
    },
    overscan: 8,
    initialRect: { width: 0, height: 500 },
    rangeExtractor: (range) => [...new Set([...defaultRangeExtractor(range), Math.min(at, Math.max(0, rows.length - 1))])].toSorted((a, b) => a - b),
  });

  const toggle = (row: ActivityTreeRow) => {
    const key = rowKey(row);
    const next = new Set(toggled);
    if (!next.delete(key)) next.add(key);
    setToggled(next);
  };
  const select = (index: number) => {
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)];
    if (row === undefined) return;
    setSelected(rowKey(row));
    virtual.scrollToIndex(rows.indexOf(row), { align: "auto" });
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-key="${rowKey(row)}"]`)?.focus({ preventScroll: true }));
  };
  const show = (row: ActivityTreeRow) => {
    if (row.kind === "finished") toggle(row);
    else onShow(row.activity.id === shown ? undefined : row.activity.id);
  };

  const press = (event: KeyboardEvent) => {
    const row = rows[at];
    if (row === undefined) return;
    const parent = rows.findLastIndex((each, index) => index < at && each.level < row.level);
    const keys: Record<string, () => void> = {
      ArrowDown: () => select(at + 1),
      ArrowUp: () => select(at - 1),
      Home: () => select(0),
      End: () => select(rows.length - 1),
      PageDown: () => select(at + 12),
      PageUp: () => select(at - 12),
      ArrowRight: () => (row.expanded === false ? toggle(row) : row.expanded === true && select(at + 1)),
      ArrowLeft: () => (row.expanded === true ? toggle(row) : parent !== -1 && select(parent)),
      Enter: () => show(row),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };

  if (rows.length === 0) return <p className={styles.ActivityEmpty}>{over ? t("operation.noActivity") : t("operation.waitingForActivity")}</p>;
  return (
    <div ref={scroller} className={styles.ActivityTree}>
      {/* oxlint-disable-next-line jsx-a11y/interactive-supports-focus -- its rows take the focus */}
      <div role="tree" aria-label={t("operation.derivations")} style={{ height: virtual.getTotalSize(), position: "relative" }} onKeyDown={press}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const chosen = row.kind === "activity" && row.activity.id === shown;
          return (
            // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the tree has the keys
            <div
              key={item.key}
              data-key={rowKey(row)}
              role="treeitem"
              tabIndex={item.index === at ? 0 : -1}
              aria-level={row.level + 1}
              aria-setsize={row.siblings}
              aria-posinset={row.position}
              aria-expanded={row.expanded}
              aria-selected={chosen}
              className={styles.ActivityRow}
              data-dim={row.kind === "finished" || row.activity.state === "planned" || row.activity.state === "done" || row.activity.state === "stopped" || undefined}
              style={{ transform: `translateY(${item.start}px)`, "--level": row.level } as React.CSSProperties}
              onClick={() => {
                setSelected(rowKey(row));
                show(row);
              }}
            >
              <Twisty row={row} onToggle={() => toggle(row)} />
              {row.kind === "finished" ? <Finished row={row} /> : <ActivityCells activity={row.activity} over={over} />}
            </div>
          );
        })}
      </div>
    </div>
  );
});

function Twisty({ row, onToggle }: { row: ActivityTreeRow; onToggle: () => void }) {
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions -- left and right do the same
    <span
      className={styles.Twisty}
      onClick={(event) => {
        event.stopPropagation();
        if (row.expanded !== undefined) onToggle();
      }}
    >
      {row.expanded !== undefined && <Icon name={row.expanded ? "chev-d" : "chev-r"} size={12} />}
    </span>
  );
}

function Cells({ state, shape, part, word, name, mono = true, phase, time }: { state: StateRole; shape: GlyphShape; part?: number | undefined; word: string; name: string; mono?: boolean; phase?: ReactNode; time?: string }) {
  return (
    <>
      <span className={styles.ActivityName} data-state={state}>
        <StateGlyph shape={shape} part={part} size={12} />
        <span className="sr">{word}: </span>
        <span className={mono ? "mono truncate" : "fg truncate"}>{name}</span>
      </span>
      <span className={styles.ActivityPhase}>{phase}</span>
      <span className={styles.ActivityTime}>{time}</span>
    </>
  );
}

function Finished({ row }: { row: FinishedRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  return <Cells state="ok" shape="done" word={t("operation.activityState.done")} name={t("operation.finished", { count: row.count })} mono={false} time={row.took === null ? "" : format.stopwatch(row.took)} />;
}

function ActivityCells({ activity, over }: { activity: Activity; over: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const running = activity.state === "running";
  const now = useNow(running ? "second" : "frozen");
  const took = activity.started === null ? null : (activity.ended === null ? now : Date.parse(activity.ended)) - Date.parse(activity.started);
  const time = took === null || (!running && activity.ended === null) ? "" : format.stopwatch(took);
  const download = isDownload(activity);
  const part = activity.bytesExpected > 0 ? activity.bytes / activity.bytesExpected : undefined;
  const phase = activity.phase?.replace(/Phase$/, "") ?? "";
  switch (activity.state) {
    case "running":
      if (download) {
        const words = t("operation.activityState.downloading");
        return (
          <Cells
            state="busy"
            shape="download"
            word={words}
            name={activity.name}
            time={time}
            phase={
              part === undefined ? (
                activity.bytes > 0 && format.bytes(activity.bytes)
              ) : (
                <>
                  {format.bytesOf(activity.bytes, activity.bytesExpected)}
                  <span className={styles.ActivityBar}>
                    <ProgressBar part={part} label={`${words} ${activity.name}`} mini />
                  </span>
                </>
              )
            }
          />
        );
      }
      return <Cells state="busy" shape="building" word={t("operation.activityState.running")} name={activity.name} phase={phase} time={time} />;
    case "failed":
      return <Cells state="fail" shape="failed" word={t("operation.activityState.failed")} name={activity.name} phase={phase} time={time} />;
    case "done":
      return <Cells state="ok" shape="done" word={t("operation.activityState.done")} name={activity.name} time={time} />;
    case "stopped":
      return <Cells state="off" shape="planned" word={t("operation.activityState.stopped")} name={activity.name} phase={activity.started === null ? t("operation.notReached") : ""} time={time} />;
    case "planned":
      return <Cells state="off" shape="planned" word={t("operation.activityState.planned")} name={activity.name} phase={over ? t("operation.notReached") : ""} />;
  }
}

/** The activities of an operation as the visible rows of a tree. Pure. */
import type { Activity, ActivityState } from "@/platform/contract";

interface TreeRow {
  kind: "activity";
  activity: Activity;
  level: number;
  /** Undefined when it has no children. */
  expanded: boolean | undefined;
  /** Which of how many on its level, below the same parent; beginning with 1. */
  position: number;
  siblings: number;
}
export interface FinishedRow {
  kind: "finished";
  count: number;
  level: 0;
  expanded: boolean;
  /** From the first beginning to the last end, in milliseconds. */
  took: number | null;
  position: number;
  siblings: number;
}
export type ActivityTreeRow = TreeRow | FinishedRow;

/** What needs looking at comes first; what is over comes last. */
const order: Record<ActivityState, number> = { failed: 0, running: 1, planned: 2, stopped: 3, done: 4 };

export function isDownload(activity: Activity): boolean {
  return activity.kind === "substitute" || activity.kind === "fetch";
}

/** Keys of rows that are open or closed against their default. */
export type Toggled = ReadonlySet<string>;
const FINISHED = "finished";

/**
 * Roots in order of urgency; what is finished is one row at the end that can be opened. What runs or failed, or has such a child, is
 * open by default. With `onlyActive` only what runs or failed stays, and what it belongs to.
 */
export function visibleRows(activities: readonly Activity[], toggled: Toggled, onlyActive: boolean): ActivityTreeRow[] {
  const children = new Map<number, Activity[]>();
  const known = new Map(activities.map((activity) => [activity.id, activity]));
  const roots: Activity[] = [];
  for (const activity of activities) {
    if (activity.parent === null || !known.has(activity.parent)) roots.push(activity);
    else {
      const siblings = children.get(activity.parent);
      if (siblings === undefined) children.set(activity.parent, [activity]);
      else siblings.push(activity);
    }
  }
  const activeBelow = new Map<number, boolean>();
  const isActive = (activity: Activity): boolean => {
    const cached = activeBelow.get(activity.id);
    if (cached !== undefined) return cached;
    // Set first: a cycle (which nobody should send) must not hang the window.
    activeBelow.set(activity.id, false);
    const active = activity.state === "running" || activity.state === "failed" || (children.get(activity.id) ?? []).some(isActive);
    activeBelow.set(activity.id, active);
    return active;
  };
  const sorted = (list: Activity[]) => list.toSorted((a, b) => order[a.state] - order[b.state] || Number(isDownload(a)) - Number(isDownload(b)) || a.id - b.id);

  const rows: ActivityTreeRow[] = [];
  // More than these stand on the topmost level where what is finished is one of them.
  const addAll = (list: Activity[], level: number, more = 0) => {
    const wanted = onlyActive ? list.filter(isActive) : list;
    wanted.forEach((each, index) => add(each, level, index + 1, wanted.length + more));
  };
  const add = (activity: Activity, level: number, position: number, siblings: number) => {
    const below = children.get(activity.id) ?? [];
    const expanded = below.length === 0 ? undefined : isActive(activity) !== toggled.has(String(activity.id));
    rows.push({ kind: "activity", activity, level, expanded, position, siblings });
    if (expanded === true && level < 32) addAll(sorted(below), level + 1);
  };
  const over: Activity[] = [];
  const open: Activity[] = [];
  for (const root of roots) (root.state === "done" && !isActive(root) ? over : open).push(root);
  const finished = over.length > 0 && !onlyActive;
  addAll(sorted(open), 0, finished ? 1 : 0);
  if (finished) {
    const expanded = toggled.has(FINISHED);
    rows.push({ kind: "finished", count: over.length, level: 0, expanded, took: span(over), position: open.length + 1, siblings: open.length + 1 });
    if (expanded) addAll(over, 1);
  }
  return rows;
}

function span(activities: Activity[]): number | null {
  const begins = activities.flatMap((each) => (each.started === null ? [] : [Date.parse(each.started)]));
  const ends = activities.flatMap((each) => (each.ended === null ? [] : [Date.parse(each.ended)]));
  return begins.length === 0 || ends.length === 0 ? null : ends.reduce((a, b) => Math.max(a, b)) - begins.reduce((a, b) => Math.min(a, b));
}

export function rowKey(row: ActivityTreeRow): string {
  return row.kind === "finished" ? FINISHED : String(row.activity.id);
}

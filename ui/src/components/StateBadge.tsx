import type { StateView } from "@/state/view";
import { StateGlyph } from "@/icons/StateGlyph";
import styles from "./StateBadge.module.css";

/** Glyph and word. `filled` only in headers. */
export function StateBadge({ view, filled = false }: { view: StateView; filled?: boolean }) {
  return (
    <span className={styles.StateBadge} data-state={view.role} data-filled={filled || undefined}>
      <StateGlyph shape={view.shape} part={view.part} />
      <span className="truncate">{view.word}</span>
    </span>
  );
}

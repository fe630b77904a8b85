import type { ReactNode } from "react";
import { type GlyphShape, StateGlyph, type StateRole } from "@/icons/StateGlyph";
import styles from "./Banner.module.css";

/** One sentence and at most two actions; at most one on a page. */
export function Banner({ state, shape, title, children, actions }: { state: StateRole; shape: GlyphShape; title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className={styles.Banner} data-state={state} role={state === "fail" ? "alert" : "status"}>
      <StateGlyph shape={shape} />
      <span className="grow">
        <strong>{title}</strong> {children}
      </span>
      {actions}
    </div>
  );
}

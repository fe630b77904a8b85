import type { CSSProperties } from "react";
import styles from "./StateGlyph.module.css";

/** The colour role of a state; `data-state` carries it to CSS. */
export type StateRole = "busy" | "ok" | "wait" | "fail" | "off";

/** Each state has a silhouette of its own, so that nothing is lost without colour. */
export type GlyphShape =
  | "running" | "stopped" | "starting" | "building" | "update" | "waiting" | "warn" | "failed" | "done" | "planned" | "unknown" | "download";

/** A pie of radius 3 that starts at twelve o'clock, as an SVG path; `part` from 0 to 1. */
function pie(part: number): string {
  const angle = Math.min(Math.max(part, 0.02), 0.98) * 2 * Math.PI;
  const x = (7 + 3 * Math.sin(angle)).toFixed(2);
  const y = (7 - 3 * Math.cos(angle)).toFixed(2);
  return `M7 7V4A3 3 0 ${angle > Math.PI ? 1 : 0} 1 ${x} ${y}z`;
}

/**
 * Always stands beside its word. `part` fills the pie of `building`; `state` sets the colour where no parent with `data-state` does.
 */
export function StateGlyph({ shape, part = 0.62, state, size = 14 }: { shape: GlyphShape; part?: number | undefined; state?: StateRole; size?: 12 | 14 | 20 }) {
  const style: CSSProperties | undefined = size === 14 ? undefined : { width: size, height: size };
  return (
    <svg className={styles.StateGlyph} data-shape={shape} data-state={state} style={style} viewBox="0 0 14 14" aria-hidden="true">
      {shape === "building" ? (
        <>
          <circle cx="7" cy="7" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
          <path d={pie(part)} fill="currentColor" />
        </>
      ) : (
        <use href={`#g-${shape}`} />
      )}
    </svg>
  );
}

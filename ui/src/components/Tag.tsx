import type { ReactNode } from "react";
import type { StateRole } from "@/icons/StateGlyph";
import styles from "./Tag.module.css";

export function Tag({ state, children }: { state?: StateRole; children: ReactNode }) {
  return (
    <span className={styles.Tag} data-state={state}>
      {children}
    </span>
  );
}

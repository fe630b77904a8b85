import type { ReactNode } from "react";
import styles from "./Kbd.module.css";

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className={styles.Kbd}>{children}</kbd>;
}

/** Keys and what they do, for the status bar and the palette's foot. */
export function KeyHint({ keys, children }: { keys: string[]; children: ReactNode }) {
  return (
    <span className={styles.KeyHint}>
      {keys.map((key) => (
        <Kbd key={key}>{key}</Kbd>
      ))}{" "}
      {children}
    </span>
  );
}

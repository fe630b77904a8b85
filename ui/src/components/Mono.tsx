import type { ReactNode } from "react";

/** For `<m>…</m>` in the catalogues: what one could paste into a terminal. */
export const mono = { m: <span className="mono" /> };

export function Mono({ children }: { children: ReactNode }) {
  return <span className="mono">{children}</span>;
}

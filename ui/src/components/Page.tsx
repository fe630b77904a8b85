import type { ReactNode } from "react";
import type { StateView } from "@/state/view";
import { MidTruncate } from "./MidTruncate";
import styles from "./Page.module.css";
import { StateBadge } from "./StateBadge";

/** A page's frame; header and footer stay, the body scrolls. */
export function Page({ children }: { children: ReactNode }) {
  return <div className={styles.Page}>{children}</div>;
}

/** With `below`, `sub` is long: it has a line of its own in a narrow window. */
export function PageHeader({ title, sub, below = false, children }: { title: string; sub?: ReactNode; below?: boolean; children?: ReactNode }) {
  return (
    <header className={styles.PageHeader} data-below={below || undefined}>
      <h1>{title}</h1>
      {sub !== undefined && (
        <span className={styles.PageHeaderSub} role="status" title={typeof sub === "string" ? sub : undefined}>
          {sub}
        </span>
      )}
      <span className="grow" />
      {children}
    </header>
  );
}

/** The header of one machine or one operation: its name, its state, facts about it. */
export function ThingHeader({ title, view, facts, children }: { title: string; view: StateView | undefined; facts: ReactNode[]; children?: ReactNode }) {
  return (
    <header className={styles.ThingHeader}>
      <div className={styles.ThingTitle}>
        <h1>
          <MidTruncate text={title} />
        </h1>
        <span role="status" className={styles.ThingState}>
          {view !== undefined && <StateBadge view={view} filled />}
        </span>
      </div>
      <div className={styles.ThingFacts}>
        {facts
          .filter((fact) => fact !== null && fact !== "" && fact !== undefined)
          .map((fact, index) => (
            // The facts have no identity but their place.
            // oxlint-disable-next-line react/no-array-index-key
            <span key={index}>{fact}</span>
          ))}
      </div>
      <div className={styles.ThingActions}>{children}</div>
    </header>
  );
}

/** `takesFocus` where nothing in it does, so that keys can scroll it. */
export function PageBody({ children, className, takesFocus = false }: { children: ReactNode; className?: string | undefined; takesFocus?: boolean }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls
    <div className={className === undefined ? styles.PageBody : `${styles.PageBody} ${className}`} tabIndex={takesFocus ? 0 : undefined}>
      {children}
    </div>
  );
}

export function Toolbar({ children }: { children: ReactNode }) {
  return <div className={styles.Toolbar}>{children}</div>;
}

/** Left the selected thing, right the keys that work now. */
export function StatusBar({ children }: { children: ReactNode }) {
  return <footer className={styles.StatusBar}>{children}</footer>;
}

export function Panel({ title, note, actions, children, label }: { title?: ReactNode; note?: ReactNode; actions?: ReactNode; children: ReactNode; label?: string }) {
  return (
    <section className={styles.Panel} aria-label={label}>
      {title !== undefined && (
        <div className={styles.PanelHead}>
          <h2>{title}</h2>
          {note !== undefined && <span className="fg-3 truncate">{note}</span>}
          <span className="grow" />
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}

export function PanelBody({ children }: { children: ReactNode }) {
  return <div className={styles.PanelBody}>{children}</div>;
}

/** A heading with a count, over a panel. */
export function Section({ title, note, actions, children }: { title: string; note?: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className={styles.Section} aria-label={title}>
      <div className={styles.SectionHead}>
        <h2 className={styles.SectionTitle}>
          {title}
          {note !== undefined && <small>{note}</small>}
        </h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

export function KeyValue({ items }: { items: [label: string, value: ReactNode][] }) {
  return (
    <dl className={styles.KeyValue}>
      {items.map(([label, value]) => (
        <div key={label} className={styles.KeyValueItem}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Skeleton({ width, height = 10 }: { width: number | string; height?: number }) {
  return <span className={styles.Skeleton} style={{ width, height }} aria-hidden="true" />;
}

/** What a page shows when it has nothing to show: what that means and what to do. */
export function EmptyState({ title, children, actions }: { title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className={styles.EmptyState}>
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {actions !== undefined && <div className={styles.EmptyActions}>{actions}</div>}
    </div>
  );
}

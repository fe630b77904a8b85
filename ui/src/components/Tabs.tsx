import { Link } from "@tanstack/react-router";
import { type KeyboardEvent, useRef } from "react";
import styles from "./Tabs.module.css";

export interface Tab { key: string; label: string; count?: string | undefined; to: string }

/** Tabs that are places: each has an address, so that Back works. Left and right move. */
export function Tabs({ label, tabs, current, panelId }: { label: string; tabs: Tab[]; current: string; panelId: string }) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const links = [...(list.current?.querySelectorAll<HTMLAnchorElement>('[role="tab"]') ?? [])];
    const at = links.findIndex((link) => link === document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const link = links[(to + links.length) % links.length];
    link?.focus();
    link?.click();
  };
  return (
    // oxlint-disable-next-line jsx-a11y/interactive-supports-focus -- the tabs in it take the focus
    <div ref={list} className={styles.Tabs} role="tablist" aria-label={label} onKeyDown={move}>
      {tabs.map((tab) => (
        <Link key={tab.key} to={tab.to} replace role="tab" id={`${panelId}-${tab.key}`} aria-selected={tab.key === current} aria-controls={panelId} tabIndex={tab.key === current ? 0 : -1} className={styles.Tab}>
          {tab.label}
          {tab.count !== undefined && <span className={styles.TabCount}>{tab.count}</span>}
        </Link>
      ))}
    </div>
  );
}

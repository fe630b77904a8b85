import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, type MouseEvent, useCallback, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { createMenuHandle, SharedMenu } from "@/components/Menu";
import type { EngineStatus, MachineStatus, Operation } from "@/platform/contract";
import { machineCan, offersStop } from "@/state/can";
import { selectedMachine, singleKeys } from "@/state/preferences";
import { useStore } from "@/state/store";
import type { MachineActions } from "@/state/useMachineActions";
import { keyName } from "@/state/useKeys";
import { useMachineMenu } from "./useMachineMenu";
import styles from "./MachineList.module.css";
import { MachineRow } from "./MachineRow";
import type { Row } from "./rows";
import { useTypeahead } from "./useTypeahead";

const ROW = 52;
const GROUP = 30;

export interface ListActions extends MachineActions {
  open: (machine: MachineStatus) => void;
  togglePin: (machine: MachineStatus) => void;
  showBuild: (operation: Operation) => void;
}

interface Props {
  rows: Row[];
  engine: EngineStatus;
  actions: ListActions;
  /** Pointer or keyboard moved over the list. */
  onTouch: () => void;
  /** Whether the list takes the focus when it appears. */
  takesFocus: boolean;
}

export const MachineList = memo(function MachineList({ rows, engine, actions, onTouch, takesFocus }: Props) {
  const { t } = useTranslation();
  const grid = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const selected = useStore(selectedMachine);
  const letters = useStore(singleKeys);
  const menu = useMemo(() => createMenuHandle<MachineStatus>(), []);
  const menuOf = useMachineMenu(engine, actions);

  const machines = useMemo(() => rows.flatMap((row, index) => (row.kind === "machine" ? [{ index, machine: row.machine }] : [])), [rows]);
  const at = Math.max(0, machines.findIndex((each) => each.machine.name === selected));
  const current = machines[at];
  const headings = useMemo(() => rows.flatMap((row, index) => (row.kind === "group" ? [index] : [])), [rows]);
  const sticky = useRef(-1);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (rows[index]?.kind === "group" ? GROUP : ROW),
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : row.kind === "group" ? `group ${row.group}` : row.machine.name;
    },
    overscan: 6,
    scrollPaddingStart: headings.length > 0 ? GROUP : 0,
    initialRect: { width: 0, height: 600 },
    // The heading of the first row sticks; the selected row stays, because it may have the focus.
    rangeExtractor: useCallback(
      (range: { startIndex: number; endIndex: number; overscan: number; count: number }) => {
        sticky.current = headings.findLast((index) => index <= range.startIndex) ?? -1;
        const extra = [sticky.current, current?.index ?? -1].filter((index) => index >= 0);
        return [...new Set([...defaultRangeExtractor(range), ...extra])].toSorted((a, b) => a - b);
      },
      [headings, current?.index],
    ),
  });

  const focusRow = useCallback((name: string) => {
    // The row may only exist after the list has scrolled to it.
    requestAnimationFrame(() => {
      // Who went elsewhere in the meantime stays there.
      const here = document.activeElement;
      const free = here === null || here === document.body || grid.current?.contains(here) === true;
      if (free && selectedMachine.read() === name) scroller.current?.querySelector<HTMLElement>(`[data-name="${CSS.escape(name)}"]`)?.focus({ preventScroll: true });
    });
  }, []);

  const select = useCallback(
    (index: number) => {
      const next = machines[Math.min(Math.max(index, 0), machines.length - 1)];
      if (next === undefined) return;
      selectedMachine.write(next.machine.name);
      virtual.scrollToIndex(next.index, { align: "auto" });
      focusRow(next.machine.name);
    },
    [machines, virtual, focusRow],
  );

  useEffect(() => {
    if (takesFocus && current !== undefined) select(at);
    // Only when the list appears.
    // oxlint-disable-next-line react/exhaustive-deps
  }, []);

  const typeahead = useTypeahead((prefix) => {
    const names = machines.map((each) => each.machine.name.toLowerCase());
    const from = prefix.length === 1 ? at + 1 : at;
    const found = names.findIndex((name, index) => index >= from && name.startsWith(prefix));
    const index = found === -1 ? names.findIndex((name) => name.startsWith(prefix)) : found;
    if (index !== -1) select(index);
  });

  const openMenu = (name: string) => menu.open(`menu-${name}`);

  const press = (event: KeyboardEvent<HTMLDivElement>) => {
    onTouch();
    if (current === undefined) return;
    const { machine } = current;
    const inRow = (event.target as HTMLElement).closest<HTMLElement>("[data-name]");
    const onRow = event.target === inRow;
    const name = keyName(event);

    if (!onRow) {
      // Inside a row's actions: left and right walk, left of the first one goes back to the row.
      const buttons = [...(inRow?.querySelectorAll<HTMLElement>("button") ?? [])];
      const here = buttons.indexOf(document.activeElement as HTMLElement);
      if (name === "ArrowRight") buttons[Math.min(here + 1, buttons.length - 1)]?.focus();
      else if (name === "ArrowLeft") (here <= 0 ? inRow : buttons[here - 1])?.focus();
      else if (name === "Escape") inRow?.focus();
      else return;
      event.preventDefault();
      return;
    }

    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW) / ROW) - 1);
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: machines.length - 1, PageDown: at + page, PageUp: at - page };
    const to = moves[name];
    const can = machineCan(t, machine, engine);
    const when = (verdict: string | null, act: () => unknown) => () => void (verdict === null && act());
    const commands: Record<string, () => void> = {
      Enter: () => actions.open(machine),
      Delete: when(can.delete(), () => actions.delete(machine)),
      ArrowRight: () => inRow?.querySelector<HTMLElement>("button")?.focus(),
      "Shift+F10": () => openMenu(machine.name),
      ContextMenu: () => openMenu(machine.name),
    };
    const single: Record<string, () => void> = {
      S: offersStop(machine) ? when(can.stop(), () => actions.stop(machine)) : when(can.start(), () => actions.start(machine)),
      R: when(can.rebuild(), () => actions.rebuild(machine)),
      T: when(can.exec(), () => void actions.openTerminal(machine)),
      ".": () => openMenu(machine.name),
      " ": () => actions.togglePin(machine),
    };
    const act = commands[name] ?? (letters && !typeahead.active() ? single[name] : undefined);
    if (to !== undefined) select(to);
    else if (act !== undefined) act();
    else if (!typeahead.press(event)) return;
    event.preventDefault();
  };

  const contextMenu = (event: MouseEvent) => {
    const name = (event.target as HTMLElement).closest<HTMLElement>("[data-name]")?.dataset.name;
    if (name === undefined) return;
    event.preventDefault();
    selectedMachine.write(name);
    openMenu(name);
  };

  return (
    <>
      {/* oxlint-disable-next-line jsx-a11y/interactive-supports-focus -- its rows take the focus */}
      <div ref={grid} className={styles.MachineList} role="grid" data-region="list" aria-label={t("machines.title")} aria-rowcount={rows.length + 1} onKeyDown={press} onPointerMove={onTouch} onContextMenu={contextMenu}>
        <ListHead />
        <div ref={scroller} role="rowgroup" className={styles.ListScroller}>
          <div role="presentation" style={{ height: virtual.getTotalSize(), position: "relative" }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              if (row === undefined) return null;
              if (row.kind === "group") {
                const stuck = item.index === sticky.current;
                return (
                  <div key={item.key} role="row" aria-rowindex={item.index + 2} className={styles.ListGroup} data-stuck={stuck || undefined} style={stuck ? undefined : { transform: `translateY(${item.start}px)` }}>
                    <span role="gridcell" aria-colspan={5}>
                      {t(`machines.groups.${row.group}`)} <span className={styles.ListGroupCount}>{row.count}</span>
                    </span>
                  </div>
                );
              }
              const { machine } = row;
              return (
                <MachineRow
                  key={item.key}
                  machine={machine}
                  engine={engine}
                  actions={actions}
                  menu={menu}
                  selected={machine.name === current?.machine.name}
                  index={item.index + 2}
                  top={item.start}
                  afterGroup={rows[item.index - 1]?.kind === "group"}
                />
              );
            })}
          </div>
        </div>
      </div>
      <SharedMenu handle={menu} groups={menuOf} />
    </>
  );
});

export function ListHead() {
  const { t } = useTranslation();
  return (
    <div role="rowgroup">
      <div className={styles.ListHead} role="row">
        <span role="columnheader">{t("machines.columns.name")}</span>
        <span role="columnheader">{t("machines.columns.state")}</span>
        <span role="columnheader">{t("machines.columns.generation")}</span>
        <span role="columnheader" className={styles.CellAddress}>
          {t("machines.columns.address")}
        </span>
        <span role="columnheader">
          <span className="sr">{t("machines.columns.actions")}</span>
        </span>
      </div>
    </div>
  );
}

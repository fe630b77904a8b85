import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/components/Button";
import { MidTruncate } from "@/components/MidTruncate";
import { Skeleton } from "@/components/Page";
import { Icon } from "@/icons/Icon";
import { Mark } from "@/icons/Mark";
import { StateGlyph } from "@/icons/StateGlyph";
import { useFormat } from "@/i18n/useFormat";
import { useBackend } from "@/platform";
import type { EngineStatus, MachineStatus } from "@/platform/contract";
import { drafts } from "@/state/draft";
import { pins } from "@/state/preferences";
import { doctorQuery, operationsQuery } from "@/state/queries";
import { useStore } from "@/state/store";
import { useStatus } from "@/state/useStatus";
import { wantAnswer } from "@/state/waiting";
import { asksNote, engineName, type Group, groupOf, isWorking, machineView, operationPart } from "@/state/view";
import styles from "./AppShell.module.css";
import { pages } from "./pages";

const order: Record<Group, number> = { needs: 0, working: 1, running: 2, stopped: 3 };

/** What needs you, works, runs or is pinned, in the order of the list. */
export function activeAndPinned(machines: MachineStatus[], pinned: string[]): MachineStatus[] {
  return machines
    .filter((machine) => groupOf(machine) !== "stopped" || pinned.includes(machine.name))
    .toSorted((a, b) => order[groupOf(a)] - order[groupOf(b)] || a.name.localeCompare(b.name));
}

export function Sidebar() {
  const { t } = useTranslation();
  const { machines, engine, loading } = useStatus();
  return (
    <aside className={styles.Sidebar} data-region="sidebar" aria-label={t("app.sidebar")}>
      <div className={styles.SidebarBrand} data-tauri-drag-region>
        <Mark />
        {t("app.name")}
      </div>
      <Pages count={loading ? undefined : machines.length} />
      <Machines machines={machines} engine={engine} loading={loading} />
      <div className={styles.SidebarFoot}>
        <Engine engine={engine} />
      </div>
    </aside>
  );
}

function Pages({ count }: { count: number | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const backend = useBackend();
  const running = useQuery(operationsQuery(backend)).data?.filter(isWorking).length ?? 0;
  const problems = useQuery(doctorQuery(backend)).data?.checks.filter((check) => check.state === "fail").length ?? 0;
  const counts = {
    machines: count === undefined || count === 0 ? null : <span className={styles.NavCount}>{format.number(count)}</span>,
    builds:
      running === 0 ? null : (
        <span className={styles.NavCount} data-state="busy">
          <StateGlyph shape="building" />
          <span aria-hidden="true">{format.number(running)}</span>
          <span className="sr">{t("nav.building", { count: running })}</span>
        </span>
      ),
    doctor:
      problems === 0 ? null : (
        <span className={styles.NavCount} data-state="fail">
          <StateGlyph shape="failed" />
          <span aria-hidden="true">{format.number(problems)}</span>
          <span className="sr">{t("nav.problems", { count: problems })}</span>
        </span>
      ),
    settings: null,
  };
  return (
    <nav className={styles.SidebarNav} aria-label={t("app.pages")}>
      {pages.map((page) => (
        <Link key={page.key} to={page.to} className={styles.NavItem} activeOptions={{ exact: page.to === "/", includeSearch: false }}>
          <Icon name={page.icon} />
          <span className="truncate">{t(`nav.${page.key}`)}</span>
          {counts[page.key]}
        </Link>
      ))}
    </nav>
  );
}

function Machines({ machines, engine, loading }: { machines: MachineStatus[]; engine: EngineStatus | undefined; loading: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const pinned = useStore(pins);
  const draft = useStore(drafts);
  const list = useRef<HTMLUListElement>(null);
  const [room, setRoom] = useState(12);
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setRoom(Math.max(1, Math.floor((element.clientHeight + 1) / 29))));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const active = useMemo(() => (engine?.available === false ? machines : activeAndPinned(machines, pinned)), [machines, pinned, engine]);
  if (!loading && machines.length === 0 && draft === null) return <div className={styles.SidebarMachines} />;

  const rows = active.length + (draft === null ? 0 : 1);
  const more = active.length < machines.length || rows > room;
  const shown = active.slice(0, more ? room - 1 - (draft === null ? 0 : 1) : room);
  return (
    <nav className={styles.SidebarMachines} aria-label={t("nav.activeAndPinned")}>
      <div className={styles.SidebarHeading}>
        <h2>{t("nav.activeAndPinned")}</h2>
        <span className="row" style={{ gap: 0 }}>
          <IconButton size="sm" icon="search" label={t("nav.filterMachines")} onClick={() => void navigate({ to: "/", search: { focus: "filter" } })} />
          <IconButton size="sm" icon="plus" label={t("machines.new")} onClick={() => void navigate({ to: "/new" })} />
        </span>
      </div>
      <ul ref={list} className={styles.SidebarList}>
        {loading &&
          [110, 88, 126, 96, 104, 80].map((width) => (
            <li key={width} className={styles.SidebarSkeleton}>
              <Skeleton width={width} />
            </li>
          ))}
        {shown.map((machine) => (
          <li key={machine.name}>
            <MachineLink machine={machine} engine={engine} />
          </li>
        ))}
        {draft !== null && (
          <li>
            <Link to="/new" className={styles.MachineLink} data-state="off">
              <StateGlyph shape="planned" />
              <span className={styles.MachineLinkName}>
                <MidTruncate text={draft.name === "" ? t("machines.new") : draft.name} />
              </span>
              <span className={styles.MachineNote}>{t("state.draft")}</span>
            </Link>
          </li>
        )}
        {!loading && more && (
          <li>
            <Link to="/machines" activeOptions={{ exact: true }} className={`${styles.MachineLink} ${styles.MachineAll}`}>
              {t("nav.showAll", { count: machines.length, n: format.number(machines.length) })}
            </Link>
          </li>
        )}
      </ul>
    </nav>
  );
}

function MachineLink({ machine, engine }: { machine: MachineStatus; engine: EngineStatus | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const view = machineView(t, machine, engine);
  const working = view.shape === "building" && machine.operation !== null;
  return (
    <Link
      to="/machines/$name"
      params={{ name: machine.name }}
      className={styles.MachineLink}
      data-state={view.role}
      onClick={() => {
        if (view.shape === "waiting" && machine.operation !== null) wantAnswer(machine.operation.id);
      }}
    >
      <StateGlyph shape={view.shape} part={view.part} />
      <span className="sr">{view.word}: </span>
      <span className={styles.MachineLinkName}>
        <MidTruncate text={machine.name} />
      </span>
      {working && machine.operation !== null && <span className={styles.MachineNote}>{t("common.percent", { value: format.number(Math.round(operationPart(machine.operation) * 100)) })}</span>}
      {view.shape === "waiting" && (
        <span className={styles.MachineNote} data-state="wait">
          {asksNote(t, machine.operation?.asks ?? null)}
        </span>
      )}
      {view.shape === "running" && machine.config === "modified" && (
        <span className={styles.MachineNote} data-state="busy">
          <StateGlyph shape="update" />
          <span className="sr">{t("config.modified")}</span>
        </span>
      )}
    </Link>
  );
}

function Engine({ engine }: { engine: EngineStatus | undefined }) {
  const { t } = useTranslation();
  const name = engineName(t, engine);
  const [state, shape, word] =
    engine === undefined
      ? (["off", "starting", t("engine.connecting")] as const)
      : !engine.available
        ? (["fail", "failed", t("engine.offline", { engine: name })] as const)
        : engine.controller === "starting"
          ? (["busy", "starting", t("engine.preparing")] as const)
          : (["ok", "running", t("engine.connected", { engine: name })] as const);
  return (
    <Link to="/doctor" className={styles.EngineStatus} data-state={state}>
      <StateGlyph shape={shape} />
      <span className="truncate" role="status">
        {word}
      </span>
    </Link>
  );
}

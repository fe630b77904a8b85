import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Banner } from "@/components/Banner";
import { Button, SplitButton } from "@/components/Button";
import { Menu } from "@/components/Menu";
import { Input } from "@/components/Field";
import { Kbd, KeyHint } from "@/components/Kbd";
import { EmptyState, Page, PageHeader, Skeleton, StatusBar, Toolbar } from "@/components/Page";
import { Segmented } from "@/components/Segmented";
import { Select } from "@/components/Select";
import { toastDone } from "@/components/Toasts";
import { useFormat } from "@/i18n/useFormat";
import type { EngineStatus, MachineStatus } from "@/platform/contract";
import { drafts } from "@/state/draft";
import { toFailure } from "@/state/failure";
import { lastAnswer } from "@/state/lastKnown";
import { selectedMachine, singleKeys, statusBarShown, togglePin } from "@/state/preferences";
import { useStore } from "@/state/store";
import { useKeys } from "@/state/useKeys";
import { useImport } from "@/state/useImport";
import { useMachineActions } from "@/state/useMachineActions";
import { useStatus } from "@/state/useStatus";
import { engineName, groupOf } from "@/state/view";
import { FailurePanel } from "@/components/FailurePanel";
import { FirstRun } from "./FirstRun";
import listStyles from "./MachineList.module.css";
import { type ListActions, ListHead, MachineList } from "./MachineList";
import styles from "./MachinesScreen.module.css";
import { isShown, matches, type Show, toRows } from "./rows";
import { useSettledGroups } from "./useSettledGroups";

export function MachinesScreen() {
  const { machines, engine, loading, failure, refetch } = useStatus();
  const draft = useStore(drafts);
  const { t } = useTranslation();
  if (loading) return <Loading />;
  if (engine === undefined) {
    return (
      <Page>
        <PageHeader title={t("machines.title")} />
        <div className={styles.Aside}>
          <FailurePanel title={t("machines.failed")} failure={toFailure(failure)} onRetry={refetch} />
        </div>
      </Page>
    );
  }
  return machines.length === 0 && draft === null ? <FirstRun engine={engine} /> : <Machines machines={machines} engine={engine} />;
}

function NewMachineButton() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const importMachine = useImport();
  return (
    <SplitButton>
      <Button kind="primary" icon="plus" kbd={`${t("keys.ctrl")} N`} onClick={() => void navigate({ to: "/new" })}>
        {t("machines.new")}
      </Button>
      <Menu trigger={<Button kind="primary" icon="chev-d" aria-label={t("machines.newOptions")}>{""}</Button>} groups={[[{ key: "import", label: t("actions.import"), icon: "up", onSelect: () => void importMachine() }]]} />
    </SplitButton>
  );
}

function Machines({ machines, engine }: { machines: MachineStatus[]; engine: EngineStatus }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const [filter, setFilter] = useState("");
  const [show, setShow] = useState<Show>("all");
  const [group, setGroup] = useState("state");
  const input = useRef<HTMLInputElement>(null);
  const { focus } = useSearch({ from: "/" });
  const { groups, touched } = useSettledGroups(machines);
  const machineActions = useMachineActions();
  const offline = !engine.available;

  useEffect(() => {
    if (focus !== "filter") return;
    input.current?.focus();
    void navigate({ to: "/", search: {}, replace: true });
  }, [focus, navigate]);

  useKeys({
    "/": () => input.current?.focus(),
    Escape: () => setFilter(""),
  });

  const rows = useMemo(() => {
    const shown = machines.filter((machine) => isShown(machine, show) && matches(machine, filter));
    return toRows(shown, group === "state" && !offline ? groups : null);
  }, [machines, show, filter, group, groups, offline]);

  const actions = useMemo<ListActions>(
    () => ({
      ...machineActions,
      open: (machine) => void navigate({ to: "/machines/$name", params: { name: machine.name } }),
      showBuild: (operation) => void navigate({ to: "/builds/$id", params: { id: operation.id } }),
      togglePin: (machine) => toastDone(togglePin(machine.name) ? t("machines.pinned", { name: machine.name }) : t("machines.unpinned", { name: machine.name })),
    }),
    [machineActions, navigate, t],
  );

  const count = (which: Show) => format.number(machines.filter((machine) => isShown(machine, which)).length);
  return (
    <Page>
      <PageHeader title={t("machines.title")} sub={offline ? <UnknownSince /> : <Summary machines={machines} />}>
        <NewMachineButton />
      </PageHeader>
      {offline && <Offline engine={engine} />}
      <Toolbar>
        <Input
          ref={input}
          size="sm"
          icon="search"
          type="search"
          style={{ width: 264, flex: "0 1 264px" }}
          aria-label={t("nav.filterMachines")}
          placeholder={t("machines.filter")}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") setFilter("");
            else if (event.key !== "ArrowDown" && event.key !== "Enter") return;
            event.preventDefault();
            event.currentTarget.closest("main")?.querySelector<HTMLElement>('[role="row"][tabindex="0"]')?.focus();
          }}
          end={<Kbd>/</Kbd>}
        />
        {!offline && (
          <Segmented
            kind="filter"
            label={t("machines.show")}
            value={show}
            onChange={setShow}
            segments={[
              { value: "all", label: t("machines.all"), count: count("all") },
              { value: "running", label: t("machines.groups.running"), count: count("running") },
              { value: "needs", label: t("machines.needsYou"), count: count("needs") },
            ]}
          />
        )}
        <span className="grow" />
        {!offline && (
          <span className={styles.Group}>
            <Select
              size="sm"
              label={t("machines.groupBy")}
              value={group}
              onChange={setGroup}
              options={[
                { value: "state", label: t("machines.groupByState") },
                { value: "none", label: t("machines.groupByNothing") },
              ]}
            />
          </span>
        )}
      </Toolbar>
      {rows.length === 0 ? (
        <NoMatch filter={filter} onClear={() => setFilter("")} onShowAll={() => setShow("all")} />
      ) : (
        <MachineList rows={rows} engine={engine} actions={actions} onTouch={touched} takesFocus={focus === undefined} />
      )}
      <Bar offline={offline} />
    </Page>
  );
}

function Summary({ machines }: { machines: MachineStatus[] }) {
  const { t } = useTranslation();
  const running = machines.filter((machine) => machine.status === "running").length;
  const needs = machines.filter((machine) => groupOf(machine) === "needs").length;
  const parts: string[] = [running === 0 ? t("machines.allStopped") : t("machines.running", { count: running })];
  if (needs > 0) parts.push(t("machines.needYou", { count: needs }));
  return parts.join(" · ");
}

function UnknownSince() {
  const { t } = useTranslation();
  const format = useFormat();
  const at = lastAnswer();
  return at === null ? null : t("machines.unknownSince", { time: format.clock(at) });
}

function Offline({ engine }: { engine: EngineStatus }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { refetch } = useStatus();
  return (
    <div className={styles.Aside}>
      <Banner
        state="fail"
        shape="failed"
        title={t("engine.offlineTitle", { engine: engineName(t, engine) })}
        actions={
          <>
            <Button kind="quiet" size="sm" onClick={refetch}>
              {t("engine.tryNow")}
            </Button>
            <Button size="sm" onClick={() => void navigate({ to: "/doctor" })}>
              {t("engine.openDoctor")}
            </Button>
          </>
        }
      >
        {t("engine.offlineText")}
      </Banner>
    </div>
  );
}

function NoMatch({ filter, onClear, onShowAll }: { filter: string; onClear: () => void; onShowAll: () => void }) {
  const { t } = useTranslation();
  if (filter.trim() === "") return <EmptyState title={t("machines.noneHere")} actions={<Button onClick={onShowAll}>{t("machines.showAllMachines")}</Button>}>{t("machines.noneHereText")}</EmptyState>;
  return <EmptyState title={t("machines.noMatch", { filter })} actions={<Button onClick={onClear}>{t("machines.clearFilter")}</Button>} />;
}

function Bar({ offline }: { offline: boolean }) {
  const { t } = useTranslation();
  const selected = useStore(selectedMachine);
  const letters = useStore(singleKeys);
  if (!useStore(statusBarShown)) return null;
  if (offline) return <StatusBar>{t("machines.localRecords")}</StatusBar>;
  return (
    <StatusBar>
      <span className="fg truncate" title={selected ?? undefined}>
        {selected}
      </span>
      <span className="grow" />
      <KeyHint keys={["↑", "↓"]}>{t("keys.select")}</KeyHint>
      <KeyHint keys={["↵"]}>{t("keys.open")}</KeyHint>
      {letters && (
        <span className={styles.Letters}>
          <KeyHint keys={["T"]}>{t("keys.terminal")}</KeyHint>
          <KeyHint keys={["S"]}>{t("keys.startOrStop")}</KeyHint>
          <KeyHint keys={["R"]}>{t("keys.rebuild")}</KeyHint>
        </span>
      )}
      <KeyHint keys={["?"]}>{t("keys.all")}</KeyHint>
    </StatusBar>
  );
}

const widths = [[104, 144], [128, 168], [96, 136], [150, 190], [112, 152], [88, 128]] as const;

function Loading() {
  const { t } = useTranslation();
  return (
    <Page>
      <PageHeader title={t("machines.title")} sub={t("machines.reading")}>
        <NewMachineButton />
      </PageHeader>
      <Toolbar>
        <Input size="sm" icon="search" type="search" style={{ width: 264 }} aria-label={t("nav.filterMachines")} placeholder={t("machines.filter")} readOnly end={<Kbd>/</Kbd>} />
      </Toolbar>
      <div className={listStyles.MachineList} role="grid" aria-label={t("machines.title")} aria-busy="true">
        <ListHead />
        <div role="rowgroup" className={styles.Skeletons}>
          {widths.map(([name, sub]) => (
            <div key={name} role="row" className={listStyles.MachineRow} style={{ position: "relative" }}>
              <div role="gridcell" className={styles.SkeletonName}>
                <Skeleton width={name} />
                <Skeleton width={sub} height={8} />
              </div>
              <div role="gridcell">
                <Skeleton width={92} />
              </div>
              <div role="gridcell">
                <Skeleton width={76} />
              </div>
            </div>
          ))}
        </div>
      </div>
    </Page>
  );
}

import { memo } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "@/components/Button";
import { type MenuHandle, MenuTrigger } from "@/components/Menu";
import { MidTruncate } from "@/components/MidTruncate";
import { PhaseBar } from "@/components/Progress";
import { StateBadge } from "@/components/StateBadge";
import { StateGlyph } from "@/icons/StateGlyph";
import { useFormat } from "@/i18n/useFormat";
import type { EngineStatus, MachineStatus, Operation } from "@/platform/contract";
import { machineCan, offersStop } from "@/state/can";
import { lastKnown } from "@/state/lastKnown";
import { selectedMachine } from "@/state/preferences";
import { useNow } from "@/state/useNow";
import { wantAnswer } from "@/state/waiting";
import { asksText, builtPart, isWorking, machineView, operationPart, repositoryName } from "@/state/view";
import type { ListActions } from "./MachineList";
import styles from "./MachineList.module.css";

interface Props {
  machine: MachineStatus;
  engine: EngineStatus;
  actions: ListActions;
  menu: MenuHandle<MachineStatus>;
  selected: boolean;
  /** Its row in the grid, from 1. */
  index: number;
  top: number;
  afterGroup: boolean;
}

export const MachineRow = memo(function MachineRow({ machine, engine, actions, menu, selected, index, top, afterGroup }: Props) {
  const { t } = useTranslation();
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the grid has the keys
    <div
      role="row"
      data-name={machine.name}
      aria-rowindex={index}
      aria-selected={selected}
      tabIndex={selected ? 0 : -1}
      className={styles.MachineRow}
      data-first={afterGroup || undefined}
      style={{ transform: `translateY(${top}px)` }}
      onFocus={() => selectedMachine.write(machine.name)}
      onClick={() => selectedMachine.write(machine.name)}
      onDoubleClick={(event) => (event.target as HTMLElement).closest("button") === null && actions.open(machine)}
    >
      <div role="gridcell">
        <div className={styles.RowName}>
          <MidTruncate text={machine.name} />
        </div>
        <div className={`${styles.RowSub} truncate`} title={modulesText(machine)}>
          {modulesText(machine) || t("machines.noModules")}
        </div>
      </div>
      <div role="gridcell" className={styles.RowState}>
        <StateCell machine={machine} engine={engine} />
      </div>
      <div role="gridcell">
        <GenerationCell machine={machine} />
      </div>
      <div role="gridcell" className={styles.CellAddress}>
        {machine.address === null ? (
          <span className="fg-3">
            <span aria-hidden="true">–</span>
            <span className="sr">{t("common.none")}</span>
          </span>
        ) : (
          <span className="mono truncate" title={machine.address}>
            {machine.address}
          </span>
        )}
      </div>
      <div role="gridcell" className={styles.RowActions}>
        <RowActions machine={machine} engine={engine} actions={actions} focusable={selected} />
        <MenuTrigger handle={menu} payload={machine} id={`menu-${machine.name}`} render={<IconButton icon="more" label={t("common.moreActions")} tabIndex={selected ? 0 : -1} />} />
      </div>
    </div>
  );
});

/** "acme/webshop: frontend, e2e · acme/base: editor" */
function modulesText(machine: MachineStatus): string {
  const byUrl = new Map<string, string[]>();
  for (const module of machine.modules) byUrl.set(module.url, [...(byUrl.get(module.url) ?? []), module.name]);
  return [...byUrl].map(([url, names]) => `${repositoryName(url)}: ${names.join(", ")}`).join(" · ");
}

function StateCell({ machine, engine }: { machine: MachineStatus; engine: EngineStatus }) {
  const { t } = useTranslation();
  const format = useFormat();
  const view = machineView(t, machine, engine);
  const { operation } = machine;
  if (view.shape === "building" && operation !== null) {
    return (
      <>
        <div className={styles.RowProgress}>
          <StateBadge view={view} />
          <span className={`${styles.RowSub} num`}>{t("common.percent", { value: format.number(Math.round(operationPart(operation) * 100)) })}</span>
        </div>
        <PhaseBar phases={operation.phases} part={builtPart(operation)} />
      </>
    );
  }
  return (
    <>
      <StateBadge view={view} />
      <StateNote machine={machine} unknown={view.shape === "unknown"} />
    </>
  );
}

function StateNote({ machine, unknown }: { machine: MachineStatus; unknown: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const note = () => {
    if (unknown) {
      const known = lastKnown(machine.name);
      return known === undefined ? "" : t("state.wasAgo", { was: t(`state.was.${known.status}`), ago: format.ago(known.at, now) });
    }
    if (machine.problem !== null) return machine.problem.message;
    const { operation } = machine;
    if (operation !== null && operation.state === "waiting_for_input") return asksText(t, operation.asks) ?? operation.headline ?? "";
    if (operation !== null && isWorking(operation)) return operation.headline ?? "";
    if (operation?.failure !== null && operation?.failure !== undefined) return operation.failure.message;
    return machine.status === "running" && machine.since !== null ? format.duration(now - Date.parse(machine.since)) : "";
  };
  const text = note();
  return text === "" ? null : (
    <div className={`${styles.RowSub} truncate`} title={text}>
      {text}
    </div>
  );
}

function GenerationCell({ machine }: { machine: MachineStatus }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const { operation } = machine;
  const working = operation !== null && isWorking(operation);
  const first =
    machine.generation === null
      ? t("config.never_built")
      : machine.built === null
        ? t("generation.short", { n: machine.generation })
        : t("generation.shortAge", { n: machine.generation, age: format.age(now - Date.parse(machine.built)) });
  return (
    <>
      <div className="fg num truncate">{first}</div>
      <div className={`${styles.RowSub} num truncate`}>{working ? <Working operation={operation} /> : <Config machine={machine} />}</div>
    </>
  );
}

function Config({ machine }: { machine: MachineStatus }) {
  const { t } = useTranslation();
  if (machine.config === "modified") {
    return (
      <span className={styles.RowUpdate} data-state="busy">
        <StateGlyph shape="update" size={12} />
        <span className="truncate" title={t("config.modified")}>
          {t("config.modified")}
        </span>
      </span>
    );
  }
  if (machine.generation === null) return machine.operation?.state === "cancelled" ? t("operation.state.cancelled") : "";
  return machine.config === "failed" ? t("config.stillInstalled") : t(`config.${machine.config}`);
}

function Working({ operation }: { operation: Operation }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow("second");
  const { planned, running, done, failed } = operation.counts;
  const total = planned + running + done + failed;
  const time = format.stopwatch(now - Date.parse(operation.started));
  if (total === 0) return time;
  return (
    <>
      {t("generation.builtOf", { done, total })}
      <span className={styles.RowTime}> · {time}</span>
    </>
  );
}

function RowActions({ machine, engine, actions, focusable }: { machine: MachineStatus; engine: EngineStatus; actions: ListActions; focusable: boolean }) {
  const { t } = useTranslation();
  const can = machineCan(t, machine, engine);
  const { operation } = machine;
  const tabIndex = focusable ? 0 : -1;
  if (engine.available && operation !== null && (operation.state === "failed" || operation.state === "waiting_for_input")) {
    return (
      <Button size="sm" tabIndex={tabIndex} onClick={() => (operation.state === "failed" ? actions.showBuild(operation) : wantAnswer(operation.id))}>
        {operation.state === "failed" ? t("actions.seeWhy") : t("actions.answer")}
      </Button>
    );
  }
  if (engine.available && machine.status === "not_installed" && (operation === null || !isWorking(operation))) {
    return (
      <Button size="sm" tabIndex={tabIndex} disabledReason={can.rebuild()} onClick={() => void actions.rebuild(machine)}>
        {t("actions.retry")}
      </Button>
    );
  }
  const shell = <IconButton icon="terminal" tabIndex={tabIndex} label={t("actions.openTerminal")} disabledReason={can.exec()} onClick={() => void actions.openTerminal(machine)} />;
  if (operation !== null && isWorking(operation)) {
    return (
      <>
        {shell}
        <IconButton icon="x" tabIndex={tabIndex} label={t("actions.cancelOperation")} disabledReason={can.cancel()} onClick={() => void actions.cancel(operation)} />
      </>
    );
  }
  return (
    <>
      {shell}
      {offersStop(machine) ? (
        <IconButton icon="stop" tabIndex={tabIndex} label={t("actions.stop")} disabledReason={can.stop()} onClick={() => void actions.stop(machine)} />
      ) : (
        <IconButton icon="play" tabIndex={tabIndex} label={t("actions.start")} disabledReason={can.start()} onClick={() => void actions.start(machine)} />
      )}
    </>
  );
}

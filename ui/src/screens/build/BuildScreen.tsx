import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Banner } from "@/components/Banner";
import { Button, ButtonGroup, IconButton } from "@/components/Button";
import { FailurePanel } from "@/components/FailurePanel";
import { EmptyState, Page, Skeleton, ThingHeader } from "@/components/Page";
import { PhaseStepper } from "@/components/Progress";
import { useFormat } from "@/i18n/useFormat";
import { useBackend } from "@/platform";
import type { Activity, Operation, OperationDetail } from "@/platform/contract";
import { machineCan } from "@/state/can";
import { toFailure } from "@/state/failure";
import { logOf } from "@/state/logs";
import { operationQuery } from "@/state/queries";
import { useMachineActions } from "@/state/useMachineActions";
import { useNow } from "@/state/useNow";
import { useStatus } from "@/state/useStatus";
import { asksText, builtPart, isWorking, operationView } from "@/state/view";
import { wantAnswer } from "@/state/waiting";
import { ActivityTree } from "./ActivityTree";
import { isDownload } from "./activityTree";
import styles from "./BuildScreen.module.css";
import { type LogSource, LogView } from "./LogView";

export function BuildScreen() {
  const { t } = useTranslation();
  const { id } = useParams({ from: "/builds/$id" });
  const navigate = useNavigate();
  const query = useQuery(operationQuery(useBackend(), id));
  const { answer } = useSearch({ from: "/builds/$id" });
  useEffect(() => {
    if (answer !== true) return;
    wantAnswer(id);
    void navigate({ to: "/builds/$id", params: { id }, replace: true });
  }, [answer, id, navigate]);
  // Where another operation went on, it is the one to look at.
  const next = query.data?.operation.continuedBy ?? null;
  useEffect(() => {
    if (next !== null) void navigate({ to: "/builds/$id", params: { id: next }, replace: true });
  }, [next, navigate]);
  if (query.data !== undefined) return <Build key={id} detail={query.data} />;
  if (query.isError) {
    const failure = toFailure(query.error);
    return (
      <Page>
        {failure.code === "operation_not_found" ? (
          <EmptyState title={t("operation.notFound")} actions={<Button onClick={() => void navigate({ to: "/builds" })}>{t("machine.allBuilds")}</Button>}>
            {t("operation.notFoundText")}
          </EmptyState>
        ) : (
          <div className={styles.BuildAside} style={{ paddingTop: 20 }}>
            <FailurePanel failure={failure} onRetry={() => void query.refetch()} />
          </div>
        )}
      </Page>
    );
  }
  return (
    <Page>
      <div className={styles.BuildLoading} role="status" aria-label={t("common.loading")}>
        <Skeleton width={260} height={20} />
        <Skeleton width={180} />
        <Skeleton width="100%" height={4} />
      </div>
    </Page>
  );
}

function Build({ detail }: { detail: OperationDetail }) {
  const { t } = useTranslation();
  const { operation, activities } = detail;
  const over = !isWorking(operation);
  const failed = activities.find((activity) => activity.state === "failed" && activity.kind === "build") ?? activities.find((activity) => activity.state === "failed");
  const [source, setSource] = useState<number | undefined>(undefined);
  const [onlyActive, setOnlyActive] = useState(false);
  // The log stands where it failed as soon as that is known, unless the user already chose something.
  const chose = useRef(false);
  useEffect(() => {
    if (over && failed !== undefined && !chose.current) setSource(failed.id);
  }, [over, failed]);
  const choose = useCallback((next: number | undefined) => {
    chose.current = true;
    setSource(next);
  }, []);
  // Only what is built prints lines; what was chosen can always be seen.
  const sources = useMemo<LogSource[]>(
    () => activities.filter(({ id, kind, state }) => (kind === "build" && state !== "planned") || id === source).map(({ id, name }) => ({ id, name: name.replace(/-\d.*$/, "") })),
    [activities, source],
  );

  return (
    <Page>
      <BuildHeader operation={operation} />
      {operation.phases.length > 1 && (
        <div className={styles.BuildPhases} data-line={operation.failure === null || undefined}>
          <PhaseStepper phases={operation.phases} part={builtPart(operation)} waiting={operation.state === "waiting_for_input"} />
        </div>
      )}
      <div className={styles.BuildBody}>
        <Outcome operation={operation} />
        <div className={styles.BuildGrid}>
          <section className={styles.BuildActivity} data-region="tree" aria-label={t("operation.activity")}>
            <div className={styles.BuildBar}>
              <h2>{t("operation.activity")}</h2>
              <span className="sub truncate">
                <Counts operation={operation} />
              </span>
              <span className="grow" />
              <IconButton icon="filter" label={onlyActive ? t("operation.showAllActivity") : t("operation.filterActivity")} aria-pressed={onlyActive} onClick={() => setOnlyActive(!onlyActive)} />
            </div>
            <ActivityTree activities={activities} onlyActive={onlyActive} over={over} shown={source} onShow={choose} />
            <Facts operation={operation} activities={activities} />
          </section>
          <LogView id={operation.id} sources={sources} source={source} onSource={choose} live={!over} initialSearch={operation.state === "failed" && source !== undefined ? "error" : ""} />
        </div>
      </div>
    </Page>
  );
}

function BuildHeader({ operation }: { operation: Operation }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const actions = useMachineActions();
  const { machines, engine } = useStatus();
  const working = isWorking(operation);
  const now = useNow(working ? "second" : "age");
  const machine = machines.find((each) => each.name === operation.machine);
  const took = (operation.ended === null ? now : Date.parse(operation.ended)) - Date.parse(operation.started);
  const canCancel = machine === undefined || engine === undefined ? null : machineCan(t, machine, engine).cancel();
  return (
    <ThingHeader
      title={t(`operation.title.${operation.kind}`, { machine: operation.machine ?? "" })}
      view={operationView(t, operation)}
      facts={[
        working ? t("operation.elapsed", { time: format.stopwatch(took) }) : t(operation.state === "succeeded" ? "operation.took" : "operation.after", { time: format.stopwatch(took) }),
        format.dayAndTime(operation.started, now),
        t(`operation.door.${operation.door}`),
      ]}
    >
      <ButtonGroup>
        {working && (
          <Button icon="x" onClick={() => void actions.cancel(operation)} disabledReason={canCancel}>
            {t(`actions.cancelOp.${operation.kind}`)}
          </Button>
        )}
        {operation.state === "succeeded" && machine !== undefined && (
          <>
            {engine !== undefined && machine.status === "running" && (
              <Button icon="terminal" onClick={() => void actions.openTerminal(machine)} disabledReason={machineCan(t, machine, engine).exec()}>
                {t("actions.openTerminal")}
              </Button>
            )}
            <Button kind="primary" onClick={() => void navigate({ to: "/machines/$name", params: { name: machine.name } })}>
              {t("operation.openMachine", { name: machine.name })}
            </Button>
          </>
        )}
      </ButtonGroup>
    </ThingHeader>
  );
}

/** How it ended, when it didn't end well, or what it waits for. */
function Outcome({ operation }: { operation: Operation }) {
  const { t } = useTranslation();
  const actions = useMachineActions();
  const { machines, engine } = useStatus();
  const machine = machines.find((each) => each.name === operation.machine);
  const name = operation.machine ?? "";
  if (operation.state === "waiting_for_input") {
    return (
      <div className={styles.BuildAside}>
        <Banner
          state="wait"
          shape="waiting"
          title={t("operation.waitsFor")}
          actions={
            <Button size="sm" kind="primary" onClick={() => wantAnswer(operation.id)}>
              {t("actions.answer")}
            </Button>
          }
        >
          {asksText(t, operation.asks) ?? operation.headline}
        </Banner>
      </div>
    );
  }
  if (operation.state === "cancelled" || (operation.state === "interrupted" && operation.failure === null)) {
    return (
      <div className={styles.BuildAside}>
        <Banner state="off" shape="unknown" title={operation.state === "cancelled" ? t("operation.cancelledText") : t("operation.interruptedTitle")}>
          {machine?.generation === null || machine === undefined ? t("operation.nothingChanged") : t("operation.stillRuns", { name, n: machine.generation })}
        </Banner>
      </div>
    );
  }
  if (operation.failure === null) return null;
  const builds = operation.kind === "create" || operation.kind === "rebuild";
  const retry = !builds || machine === undefined || engine === undefined ? undefined : () => void actions.rebuild(machine, false);
  return (
    <div className={styles.BuildAside}>
      <FailurePanel
        failure={operation.failure}
        note={!builds ? null : machine === undefined || machine.generation === null ? t("operation.nothingChanged") : t("operation.stillRuns", { name, n: machine.generation })}
        onRetry={retry}
        retryDisabledReason={machine === undefined || engine === undefined ? null : machineCan(t, machine, engine).rebuild()}
      />
    </div>
  );
}

function LineCount({ id }: { id: string }) {
  const { t } = useTranslation();
  const log = logOf(useBackend(), id);
  return t("operation.lines", { count: useSyncExternalStore(log.subscribe, log.read).total });
}

function Counts({ operation }: { operation: Operation }) {
  const { t } = useTranslation();
  const { planned, running, done, failed } = operation.counts;
  const parts = isWorking(operation)
    ? [running > 0 && t("operation.counts.running", { n: running }), planned > 0 && t("operation.counts.planned", { n: planned }), running + planned === 0 && done > 0 && t("operation.counts.done", { n: done })]
    : [failed > 0 && t("operation.counts.failed", { n: failed }), done > 0 && t("operation.counts.done", { n: done }), planned > 0 && t("operation.counts.notStarted", { n: planned })];
  return parts.filter(Boolean).join(", ");
}

function Facts({ operation, activities }: { operation: Operation; activities: Activity[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const downloads = activities.filter(isDownload);
  const bytes = downloads.reduce((sum, activity) => sum + activity.bytes, 0);
  const expected = downloads.reduce((sum, activity) => sum + Math.max(activity.bytes, activity.bytesExpected), 0);
  const { planned, running, done, failed } = operation.counts;
  const items: [string, string][] = [
    [t("operation.built"), t("common.of", { done, total: planned + running + done + failed })],
    [t("operation.downloaded"), expected === 0 ? t("common.nothing") : format.bytesOf(bytes, expected)],
  ];
  return (
    <dl className={styles.BuildFacts}>
      {items.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd className="truncate">{value}</dd>
        </div>
      ))}
      <div>
        <dt>{t("operation.logLines")}</dt>
        <dd className="truncate">
          <LineCount id={operation.id} />
        </dd>
      </div>
    </dl>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Banner } from "@/components/Banner";
import { Button } from "@/components/Button";
import { CommandPreview } from "@/components/CommandPreview";
import { FailurePanel, sentence } from "@/components/FailurePanel";
import { KeyValue, PageBody, Panel, PanelBody, Skeleton } from "@/components/Page";
import { useBackend } from "@/platform";
import type { EngineStatus, MachineStatus } from "@/platform/contract";
import { machineCan } from "@/state/can";
import { generationsQuery, operationsQuery } from "@/state/queries";
import { useMachineActions } from "@/state/useMachineActions";
import { asksText, engineName, isWorking, operationWord } from "@/state/view";
import { wantAnswer } from "@/state/waiting";
import { OperationRow } from "../builds/OperationRow";
import styles from "./Machine.module.css";
import { useMachine } from "./MachineScreen";
import { ModuleTable } from "./ModuleTable";

export function Overview() {
  const { machine, engine } = useMachine();
  return machine === undefined || engine === undefined ? null : <OverviewOf machine={machine} engine={engine} />;
}

function OverviewOf({ machine, engine }: { machine: MachineStatus; engine: EngineStatus }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const backend = useBackend();
  const operations = useQuery(operationsQuery(backend)).data;
  const generations = useQuery({ ...generationsQuery(backend, machine.name), enabled: engine.available && machine.generation !== null }).data;
  const { name } = machine;
  const recent = operations?.filter((operation) => operation.machine === name).slice(0, 5);
  return (
    <PageBody className={styles.Overview}>
      <Notice machine={machine} engine={engine} />
      <div className={styles.OverviewMain}>
        <Panel
          title={t("machine.modules")}
          note={machine.modules.length > 1 ? t("machine.modulesNote") : undefined}
          actions={
            <Button kind="quiet" size="sm" icon="plus" disabledReason={machineCan(t, machine, engine).changeModules()} onClick={() => void navigate({ to: "/machines/$name/modules", params: { name }, search: { add: true } })}>
              {t("actions.addModule")}
            </Button>
          }
        >
          {machine.modules.length === 0 ? <p className={styles.PanelEmpty}>{t("machine.noModulesText")}</p> : <ModuleTable machine={machine} />}
        </Panel>
        <Panel
          title={t("machine.recent")}
          actions={
            <Link to="/machines/$name/builds" params={{ name }} className={styles.PanelLink}>
              {t("machine.allBuilds")}
            </Link>
          }
        >
          {recent === undefined ? (
            <div className={styles.PanelSkeleton}>
              <Skeleton width="60%" />
              <Skeleton width="45%" />
            </div>
          ) : recent.length === 0 ? (
            <p className={styles.PanelEmpty}>{t("machine.noActivity")}</p>
          ) : (
            <ul>
              {recent.map((operation) => (
                <OperationRow key={operation.id} operation={operation} />
              ))}
            </ul>
          )}
        </Panel>
      </div>
      <div className={styles.OverviewSide}>
        <Panel title={t("machine.system")}>
          <PanelBody>
            <KeyValue
              items={[
                [t("machine.generation"), machine.generation === null ? t("config.never_built") : generations === undefined ? String(machine.generation) : t("machine.generationOf", { n: machine.generation, total: generations.length })],
                [t("machine.configuration"), t(`config.${machine.config}`)],
                [t("machine.nixpkgs"), machine.nixpkgs.from === "builtin" ? t("machine.nixpkgsBuiltin") : t("machine.nixpkgsFrom", { module: machine.nixpkgs.module })],
                [t("machine.driver"), engineName(t, machine)],
                [t("machine.address"), machine.address === null ? <span key="n" className="fg-3">{t("common.none")}</span> : <span key="a" className="mono">{machine.address}</span>],
              ]}
            />
          </PanelBody>
        </Panel>
        <Panel title={t("machine.shell")}>
          <PanelBody>
            <CommandPreview text={`codchi exec ${name}`} />
            <p className={`sub ${styles.ShellHint}`}>{machine.status === "running" ? t("shell.text") : t("shell.notRunning", { name })}</p>
          </PanelBody>
        </Panel>
      </div>
    </PageBody>
  );
}

/** The one thing about this machine that wants attention, if any. */
function Notice({ machine, engine }: { machine: MachineStatus; engine: EngineStatus }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const actions = useMachineActions();
  const { operation, name, problem } = machine;
  const can = machineCan(t, machine, engine);
  const show = (label: string) =>
    operation === null ? undefined : (
      <Button size="sm" onClick={() => void navigate({ to: "/builds/$id", params: { id: operation.id } })}>
        {label}
      </Button>
    );
  const rebuild = (label: string) => (
    <Button size="sm" disabledReason={can.rebuild()} onClick={() => void actions.rebuild(machine)}>
      {label}
    </Button>
  );
  if (problem !== null) return <FailurePanel failure={problem} />;
  if (operation !== null && operation.state === "waiting_for_input") {
    return (
      <Banner
        state="wait"
        shape="waiting"
        title={t("machine.bannerWaiting", { what: operationWord(t, operation.kind) })}
        actions={
          <>
            <Button kind="quiet" size="sm" onClick={() => void navigate({ to: "/builds/$id", params: { id: operation.id } })}>
              {t("actions.seeBuild")}
            </Button>
            <Button size="sm" onClick={() => wantAnswer(operation.id)}>
              {t("actions.answer")}
            </Button>
          </>
        }
      >
        {asksText(t, operation.asks) ?? operation.headline}
      </Banner>
    );
  }
  if (operation !== null && isWorking(operation)) {
    return (
      <Banner state="busy" shape="building" title={t("machine.bannerBuilding", { what: operationWord(t, operation.kind) })} actions={show(t("actions.seeBuild"))}>
        {operation.headline}
      </Banner>
    );
  }
  if (operation?.failure !== null && operation?.failure !== undefined && operation.state === "failed") {
    return (
      <Banner state="fail" shape="failed" title={`${t(`operation.pastFailed.${operation.kind}`)}.`} actions={show(t("actions.seeWhy"))}>
        {sentence(operation.failure.message)}
      </Banner>
    );
  }
  if (machine.status === "not_installed") {
    return (
      <Banner state="off" shape="planned" title={t("machine.bannerDraft")} actions={rebuild(t("actions.retry"))}>
        {t("machine.bannerDraftText", { name })}
      </Banner>
    );
  }
  if (machine.config === "modified") {
    return (
      <Banner state="busy" shape="update" title={t("machine.bannerModified")} actions={rebuild(t("machine.reviewRebuild"))}>
        {t("machine.bannerModifiedText", { name })}
      </Banner>
    );
  }
  return null;
}

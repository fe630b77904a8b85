import { useQuery } from "@tanstack/react-query";
import { Outlet, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Button, ButtonGroup, IconButton } from "@/components/Button";
import { Menu } from "@/components/Menu";
import { EmptyState, Page, Skeleton, ThingHeader } from "@/components/Page";
import { SplitButton } from "@/components/Button";
import { Tabs } from "@/components/Tabs";
import { useFormat } from "@/i18n/useFormat";
import { useBackend } from "@/platform";
import type { EngineStatus, MachineStatus } from "@/platform/contract";
import { machineCan, offersStop } from "@/state/can";
import { generationsQuery, secretsQuery } from "@/state/queries";
import { useMachineActions } from "@/state/useMachineActions";
import { useNow } from "@/state/useNow";
import { useStatus } from "@/state/useStatus";
import { engineName, machineView } from "@/state/view";
import { useMachineMenu } from "../machines/useMachineMenu";
import styles from "./Machine.module.css";

const PANEL = "machine-panel";

/** The machine of this page, or undefined when there is none of that name. */
export function useMachine(): { machine: MachineStatus | undefined; engine: EngineStatus | undefined; loading: boolean; name: string } {
  const { name } = useParams({ from: "/machines/$name" });
  const { machines, engine, loading } = useStatus();
  return { machine: machines.find((each) => each.name === name), engine, loading, name };
}

export function MachineScreen() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { machine, engine, loading, name } = useMachine();
  if (machine !== undefined && engine !== undefined) return <Machine machine={machine} engine={engine} />;
  if (loading) {
    return (
      <Page>
        <ThingHeader title={name} view={undefined} facts={[<Skeleton key="s" width={220} />]} />
        <span className="sr" role="status">
          {t("common.loading")}
        </span>
      </Page>
    );
  }
  return (
    <Page>
      <EmptyState title={t("machine.notFound", { name })} actions={<Button onClick={() => void navigate({ to: "/" })}>{t("machine.toMachines")}</Button>}>
        {t("machine.notFoundText")}
      </EmptyState>
    </Page>
  );
}

function Machine({ machine, engine }: { machine: MachineStatus; engine: EngineStatus }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const path = useLocation({ select: (location) => location.pathname });
  const current = /\/(modules|generations|secrets|capabilities|builds)$/.exec(path)?.[1] ?? "overview";
  const generations = useQuery({ ...generationsQuery(useBackend(), machine.name), enabled: engine.available && machine.generation !== null }).data;
  const secrets = useQuery(secretsQuery(useBackend(), machine.name)).data?.secrets;
  const missing = secrets?.filter((secret) => !secret.set && !secret.optional).length ?? 0;
  const base = `/machines/${encodeURIComponent(machine.name)}`;
  const { name } = machine;
  return (
    <Page>
      <ThingHeader
        title={name}
        view={machineView(t, machine, engine)}
        facts={[
          machine.status === "running" && machine.since !== null ? t("state.for", { time: format.duration(now - Date.parse(machine.since)) }) : null,
          machine.generation === null ? t("config.never_built") : t("generation.long", { n: machine.generation }),
          engineName(t, machine),
          machine.address === null ? null : (
            <span key="a" className="mono">
              {machine.address}
            </span>
          ),
        ]}
      >
        <HeaderActions machine={machine} engine={engine} />
      </ThingHeader>
      <Tabs
        label={name}
        panelId={PANEL}
        current={current}
        tabs={[
          { key: "overview", label: t("machine.tabs.overview"), to: base },
          { key: "modules", label: t("machine.tabs.modules"), count: format.number(machine.modules.length), to: `${base}/modules` },
          { key: "generations", label: t("machine.tabs.generations"), count: generations === undefined ? undefined : format.number(generations.length), to: `${base}/generations` },
          { key: "secrets", label: t("machine.tabs.secrets"), count: missing === 0 ? undefined : t("secrets.missingCount", { count: missing }), to: `${base}/secrets` },
          { key: "capabilities", label: t("machine.tabs.capabilities"), to: `${base}/capabilities` },
          { key: "builds", label: t("machine.tabs.builds"), to: `${base}/builds` },
        ]}
      />
      <div className={styles.Panel} id={PANEL} role="tabpanel" aria-labelledby={`${PANEL}-${current}`}>
        <Outlet />
      </div>
    </Page>
  );
}

function HeaderActions({ machine, engine }: { machine: MachineStatus; engine: EngineStatus }) {
  const { t } = useTranslation();
  const actions = useMachineActions();
  const navigate = useNavigate();
  const can = machineCan(t, machine, engine);
  const menuOf = useMachineMenu(engine, actions, true);
  const running = machine.status === "running" || machine.status === "stopping";
  const leaving = {
    ...actions,
    // A machine that is being deleted has no page to stay on.
    delete: async (each: MachineStatus) => {
      const deleted = await actions.delete(each);
      if (deleted) void navigate({ to: "/" });
      return deleted;
    },
  };
  const menu = useMachineMenu(engine, leaving, true);
  return (
    <ButtonGroup>
      {offersStop(machine) && (
        <Button icon="stop" disabledReason={can.stop()} onClick={() => void actions.stop(machine)}>
          {t("actions.stop")}
        </Button>
      )}
      <SplitButton>
        <Button icon="rebuild" disabledReason={can.rebuild()} onClick={() => void actions.rebuild(machine)}>
          {t("actions.rebuild")}
        </Button>
        <Menu trigger={<Button icon="chev-d" aria-label={t("actions.rebuildOptions")}>{""}</Button>} groups={menuOf(machine).map((group) => group.filter((entry) => entry.key.startsWith("rebuild")))} />
      </SplitButton>
      {running ? (
        <Button kind="primary" icon="terminal" disabledReason={can.exec()} onClick={() => void actions.openTerminal(machine)}>
          {t("actions.openTerminal")}
        </Button>
      ) : (
        <Button kind="primary" icon="play" disabledReason={can.start()} onClick={() => void actions.start(machine)}>
          {t("actions.start")}
        </Button>
      )}
      <Menu trigger={<IconButton icon="more" label={t("common.moreActions")} />} groups={menu(machine)} />
    </ButtonGroup>
  );
}

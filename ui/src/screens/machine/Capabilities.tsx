import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { CheckRow } from "@/components/CheckRow";
import { FailurePanel } from "@/components/FailurePanel";
import { EmptyState, PageBody, Panel, Skeleton } from "@/components/Page";
import { toastFailure } from "@/components/Toasts";
import { useBackend } from "@/platform";
import type { CapabilityCheck, EngineStatus, MachineStatus } from "@/platform/contract";
import { machineCan } from "@/state/can";
import { toFailure } from "@/state/failure";
import { capabilitiesQuery } from "@/state/queries";
import { nothingGiven } from "@/state/secretValue";
import { noteOperation } from "@/state/useMachineActions";
import { checkText, checkTitle, checkView, type StateView } from "@/state/view";
import { LackFix } from "../answer/Lacks";
import machineStyles from "./Machine.module.css";
import { useMachine } from "./MachineScreen";

/** What a machine asks of this computer, and what of it is there. */
export function Capabilities() {
  const { t } = useTranslation();
  const { machine, engine, name } = useMachine();
  const query = useQuery({ ...capabilitiesQuery(useBackend(), name), refetchOnMount: "always", enabled: machine !== undefined });
  if (query.isError) {
    return (
      <PageBody className={machineStyles.Single}>
        <FailurePanel title={t("capabilities.failed")} failure={toFailure(query.error)} onRetry={() => void query.refetch()} />
      </PageBody>
    );
  }
  if (query.data === undefined || machine === undefined) {
    return (
      <PageBody className={machineStyles.Single}>
        <Panel title={t("capabilities.title")}>
          <div className={machineStyles.PanelSkeleton} role="status" aria-label={t("common.loading")}>
            <Skeleton width="42%" />
            <Skeleton width="56%" />
          </div>
        </Panel>
      </PageBody>
    );
  }
  const { capabilities } = query.data;
  return (
    <PageBody className={machineStyles.Single}>
      {capabilities.length === 0 ? (
        <EmptyState title={t("capabilities.none", { name })}>{t("capabilities.noneText")}</EmptyState>
      ) : (
        <Panel title={t("capabilities.title")} note={t("capabilities.note")}>
          <ul aria-label={t("capabilities.title")}>
            {capabilities.map((each) => (
              <CapabilityRow key={each.capability} found={each} machine={machine} engine={engine} />
            ))}
          </ul>
        </Panel>
      )}
    </PageBody>
  );
}

function CapabilityRow({ found, machine, engine }: { found: CapabilityCheck; machine: MachineStatus; engine: EngineStatus | undefined }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { name } = machine;
  const { check, required, without } = found;
  const missing = check.state !== "ok";
  // What the machine was built without it doesn't have, also when it is there by now; what is missing and not needed is nobody's problem.
  const view: StateView = without
    ? { shape: "unknown", role: "off", word: t("capabilities.without") }
    : !missing
      ? { shape: "done", role: "ok", word: t("capabilities.ready") }
      : required
        ? checkView(t, check)
        : { shape: "stopped", role: "off", word: t("capabilities.absent") };
  const again = async () => {
    try {
      const operation = await backend.call("rebuild", { name, update: false, dryRun: false, askFor: "everything", answers: { ...nothingGiven, with: [found.capability] } });
      noteOperation(client, operation);
      void navigate({ to: "/builds/$id", params: { id: operation.id } });
    } catch (thrown) {
      toastFailure(t("errors.onMachine", { name }), thrown);
    }
  };
  const undo = without && (
    <Button size="sm" disabledReason={engine === undefined ? t("common.loading") : machineCan(t, machine, engine).rebuild()} onClick={() => void again()}>
      {t("capabilities.useAgain")}
    </Button>
  );
  return <CheckRow id={check.id} view={view} title={checkTitle(t, check)} text={checkText(check)} evidence={check.evidence} end={
        <>
          <span className="sub nowrap">{t(required ? "capabilities.required" : "capabilities.optional")}</span>
          {undo}
        </>
      } fix={missing && check.fix !== null ? <LackFix check={check} /> : undefined} />;
}

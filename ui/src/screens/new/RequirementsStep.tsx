import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { toastFailure } from "@/components/Toasts";
import { Wizard, type WizardStepItem } from "@/components/Wizard";
import { StateGlyph } from "@/icons/StateGlyph";
import { useBackend } from "@/platform";
import type { Operation } from "@/platform/contract";
import { type Draft, drafts } from "@/state/draft";
import { operationQuery } from "@/state/queries";
import { useKeys } from "@/state/useKeys";
import { answerLater, showOnPage } from "@/state/waiting";
import { withoutText } from "../answer/Lacks";
import { useStoreStatus } from "../answer/StoreGate";
import { begun, takeBack } from "./begun";
import { ReadingRequirements, RequirementsPage } from "./RequirementsPage";
import styles from "./Requirements.module.css";
import { useRequirements } from "./useRequirements";

/** Whether the operation is past what this page is about. */
function goesOn(operation: Operation): boolean {
  const built = operation.phases.some(({ phase, state }) => phase === "build" && state !== "pending");
  return built || (operation.state !== "running" && operation.state !== "waiting_for_input");
}

/** The wizard's page for what the modules ask for. It reads, asks if there is anything to ask, and goes on to the build. */
export function RequirementsStep<S extends string>({ id, steps, current, onBack }: { id: string; steps: WizardStepItem<S>[]; current: S; onBack: (draft: Draft) => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const backend = useBackend();
  const client = useQueryClient();
  const operation = useQuery(operationQuery(backend, id)).data?.operation;
  const requirements = useRequirements(operation);
  const store = useStoreStatus();
  const [leaving, setLeaving] = useState(false);
  const waits = operation?.state === "waiting_for_input" && operation.asks !== null && !requirements.sending;
  const over = operation !== undefined && goesOn(operation) && !leaving;

  // This page asks; no dialog does. Who leaves it while it waits answers later.
  useEffect(() => {
    showOnPage(id);
    return () => {
      showOnPage(null);
      answerLater(id);
    };
  }, [id]);
  useEffect(() => {
    if (!over) return;
    begun.write(null);
    void navigate({ to: "/builds/$id", params: { id }, replace: true });
  }, [over, id, navigate]);

  const draft = begun.read()?.id === id ? (begun.read()?.draft ?? null) : null;
  const back = async () => {
    if (operation === undefined || draft === null) return;
    setLeaving(true);
    try {
      await takeBack(backend, client, operation);
      begun.write(null);
      drafts.write(draft);
      onBack(draft);
    } catch (thrown) {
      toastFailure(t("requirements.backFailed"), thrown);
      setLeaving(false);
    }
  };
  const build = async () => {
    const next = await requirements.send();
    if (next !== null && next !== id) void navigate({ to: "/builds/$id", params: { id: next }, replace: true });
  };
  useKeys({ "Ctrl+Enter": () => void build() });

  const { lacks, wrong } = requirements;
  const locked = store !== undefined && store.state !== "ready" && requirements.asks.secrets.length > 0;
  const open = [lacks.length > 0 && t("requirements.fixes", { count: lacks.length }), wrong.length > 0 && t("requirements.values", { count: wrong.length })].filter((part) => part !== false);
  const missing = open.length > 0 ? t("requirements.open", { what: open.join(t("requirements.and")), count: lacks.length + wrong.length }) : locked ? t("store.unlockFirst") : null;
  const busy = leaving ? t("requirements.goingBack") : requirements.sending ? t("wizard.creating") : waits ? null : t("requirements.reading");
  return (
    <Wizard
      title={t("wizard.title")}
      steps={steps}
      current={current}
      onStep={() => void back()}
      note={t("requirements.note")}
      foot={
        <>
          {busy === null && missing !== null ? (
            <span className={styles.Open} data-state={lacks.length > 0 ? "fail" : "wait"} role="status">
              <StateGlyph shape={lacks.length > 0 ? "failed" : "waiting"} />
              <span className="truncate">{missing}</span>
              {lacks.length > 0 && (
                <button type="button" className={styles.Link} onClick={requirements.buildWithout}>
                  {withoutText(t, lacks)}
                </button>
              )}
            </span>
          ) : (
            <span className="sub truncate" role="status">
              {busy ?? t("requirements.allThere")}
            </span>
          )}
          <span className="grow" />
          {draft === null ? (
            <Button kind="quiet" onClick={() => void navigate({ to: "/" })}>
              {t("common.close")}
            </Button>
          ) : (
            <Button icon="chev-l" disabledReason={leaving ? t("requirements.goingBack") : null} onClick={() => void back()}>
              {t("common.back")}
            </Button>
          )}
          <Button kind="primary" kbd={`${t("keys.ctrl")} ${t("keys.enter")}`} disabledReason={busy ?? missing} onClick={() => void build()}>
            {t("requirements.build")}
          </Button>
        </>
      }
    >
      {waits ? <RequirementsPage machine={operation.machine} requirements={requirements} store={store} /> : <ReadingRequirements operation={operation} />}
    </Wizard>
  );
}

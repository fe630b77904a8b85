import type { TFunction } from "i18next";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, ButtonGroup } from "@/components/Button";
import { CheckRow } from "@/components/CheckRow";
import { FailurePanel } from "@/components/FailurePanel";
import { Page, PageBody, PageHeader, Panel, Section, Skeleton } from "@/components/Page";
import { toastFailure } from "@/components/Toasts";
import { useFormat } from "@/i18n/useFormat";
import { useBackend } from "@/platform";
import type { Check, CheckGroup } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { doctorQuery, keys } from "@/state/queries";
import { useCopy } from "@/state/useCopy";
import { useKeys } from "@/state/useKeys";
import { noteOperation } from "@/state/useMachineActions";
import { useNow } from "@/state/useNow";
import { checkText, checkTitle, checkView } from "@/state/view";
import { DiagnosticsDialog } from "./DiagnosticsDialog";
import styles from "./Doctor.module.css";
import { FixDetail } from "./FixDetail";

const groups: CheckGroup[] = ["engine", "controller", "network", "desktop", "capabilities"];

export function DoctorScreen() {
  const { t } = useTranslation();
  const format = useFormat();
  const copy = useCopy();
  const now = useNow();
  const query = useQuery(doctorQuery(useBackend()));
  const [saving, setSaving] = useState(false);
  const again = () => void query.refetch();
  useKeys({ R: again });
  const checks = query.data?.checks;
  const failed = checks?.filter((check) => check.state === "fail") ?? [];
  const warnings = checks?.filter((check) => check.state === "warn") ?? [];
  const instead = query.isError && !query.isFetching ? t("doctor.failed") : t("doctor.checking");
  const summary = checks === undefined || query.isFetching || query.isError ? instead : [...found(t, checks), t("doctor.checked", { ago: format.ago(query.dataUpdatedAt, now) })].join(" · ");
  return (
    <Page>
      <PageHeader title={t("doctor.title")} sub={summary} below>
        <ButtonGroup>
          <Button kind="quiet" icon="copy" disabledReason={checks === undefined ? instead : null} onClick={() => copy(report(checks ?? []), t("doctor.reportCopied"))}>
            {t("doctor.copyReport")}
          </Button>
          <Button kind="quiet" icon="download" onClick={() => setSaving(true)}>
            {t("doctor.saveDiagnostics")}
          </Button>
          <Button icon="rebuild" disabledReason={query.isFetching ? t("doctor.checking") : null} onClick={again}>
            {t("doctor.checkAgain")}
          </Button>
        </ButtonGroup>
      </PageHeader>
      <PageBody className={styles.Doctor}>
        {query.isError && <FailurePanel title={t("doctor.failed")} failure={toFailure(query.error)} onRetry={again} />}
        {query.isPending && (
          <Panel label={t("doctor.checking")}>
            <div className={styles.DoctorLoading}>
              <Skeleton width="40%" />
              <Skeleton width="52%" />
              <Skeleton width="46%" />
            </div>
          </Panel>
        )}
        <Findings title={t("doctor.needsYou")} checks={failed} />
        <Findings title={t("doctor.warned")} checks={warnings} />
        {groups.map((group) => (
          <Group key={group} group={group} checks={checks?.filter((check) => check.group === group && !needsYou(check)) ?? []} />
        ))}
      </PageBody>
      {saving && <DiagnosticsDialog onClose={() => setSaving(false)} />}
    </Page>
  );
}

function needsYou(check: Check): boolean {
  return check.state === "fail" || check.state === "warn";
}

/** What the checks found, in a line. What needs the user is counted as the sidebar and the tray count it. */
function found(t: TFunction, checks: Check[]): string[] {
  const count = (state: Check["state"]) => checks.filter((check) => check.state === state).length;
  const parts = [
    count("fail") > 0 && t("doctor.summary", { count: count("fail"), total: checks.length }),
    count("warn") > 0 && t("doctor.warnings", { count: count("warn") }),
    count("unknown") > 0 && t("doctor.notKnown", { count: count("unknown") }),
  ].filter((part) => part !== false);
  return parts.length > 0 ? parts : [t("doctor.allGood")];
}

/** What is to be looked at, with what fixes it. */
function Findings({ title, checks }: { title: string; checks: Check[] }) {
  const { t } = useTranslation();
  if (checks.length === 0) return null;
  return (
    <Section title={title} note={t("doctor.checks", { count: checks.length })}>
      <Panel>
        <ul>
          {checks.map((check) => (
            <CheckRow key={check.id} id={check.id} view={checkView(t, check)} title={checkTitle(t, check)} text={checkText(check)} evidence={check.evidence} end={<InApp check={check} />} fix={check.fix === null ? undefined : <FixDetail check={check} />} />
          ))}
        </ul>
      </Panel>
    </Section>
  );
}

/** What needs nobody, one line each. */
function Group({ group, checks }: { group: CheckGroup; checks: Check[] }) {
  const { t } = useTranslation();
  if (checks.length === 0) return null;
  const passed = checks.filter((check) => check.state === "ok").length;
  const note = [passed > 0 ? t("doctor.passed", { count: passed }) : null, checks.length > passed ? t("doctor.unknown", { count: checks.length - passed }) : null].filter((part) => part !== null).join(", ");
  return (
    <Section title={t(`doctor.groups.${group}`)} note={note}>
      <Panel>
        <ul>
          {checks.map((check) => (
            <CheckRow key={check.id} id={check.id} compact view={checkView(t, check)} title={checkTitle(t, check)} text={checkText(check)} evidence={check.evidence} />
          ))}
        </ul>
      </Panel>
    </Section>
  );
}

/** What is missing of the controller, Codchi installs and starts itself. */
function InApp({ check }: { check: Check }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const navigate = useNavigate();
  if (check.id !== "controller" || check.fix !== null) return null;
  const install = async () => {
    try {
      const { operation } = await backend.call("prepare", {});
      if (operation === null) {
        void client.invalidateQueries({ queryKey: keys.doctor });
        return;
      }
      noteOperation(client, operation);
      void navigate({ to: "/builds/$id", params: { id: operation.id } });
    } catch (thrown) {
      toastFailure(t("errors.title"), thrown);
    }
  };
  return (
    <Button size="sm" onClick={() => void install()}>
      {t("doctor.prepare")}
    </Button>
  );
}

/** The checks as text, for a bug report. */
function report(checks: Check[]): string {
  return checks.map((check) => `[${check.state}] ${check.title}: ${check.explanation} ${check.evidence === "" ? "" : `(${check.evidence})`}`.trimEnd()).join("\n");
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { CommandPreview } from "@/components/CommandPreview";
import { sentence } from "@/components/FailurePanel";
import { StateBadge } from "@/components/StateBadge";
import { toastFailure } from "@/components/Toasts";
import { useBackend } from "@/platform";
import type { Check, Operation } from "@/platform/contract";
import { operationQuery } from "@/state/queries";
import { noteOperation } from "@/state/useMachineActions";
import { isWorking, operationView } from "@/state/view";
import styles from "./Doctor.module.css";

/** A command as one would type it in a shell. */
export function commandLine(argv: string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}

/** The exact commands that mend a check, the button that runs them, and how that goes. `byUser` where only the user can run them. */
export function FixDetail({ check, byUser = false }: { check: Check; byUser?: boolean }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const [id, setId] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const operation = useQuery({ ...operationQuery(backend, id ?? ""), enabled: id !== null }).data?.operation;
  const { fix } = check;
  if (fix === null) return null;
  const byHand = byUser || fix.byHand;
  const run = async () => {
    setAsking(true);
    try {
      const file = fix.needsFile ? await backend.chooseFile(t("doctor.chooseFile")) : null;
      if (fix.needsFile && file === null) return;
      const begun = await backend.call("doctor_fix", { id: fix.id, ...(file === null ? {} : { file }) });
      noteOperation(client, begun);
      setId(begun.id);
    } catch (thrown) {
      toastFailure(t("doctor.fixFailed"), thrown);
    } finally {
      setAsking(false);
    }
  };
  const working = asking || (operation !== undefined && isWorking(operation));
  return (
    <>
      <div className={styles.Fix}>
        <div className={styles.FixCommands}>
          {fix.commands.map((argv) => {
            const line = commandLine(fix.elevates && argv[0] !== "sudo" ? ["sudo", ...argv] : argv);
            return <CommandPreview key={line} text={line} />;
          })}
        </div>
        {!byHand && (
          <Button data-run {...(fix.elevates ? { icon: "shield" as const } : { icon: "play" as const })} onClick={() => void run()} disabledReason={working ? t("doctor.fixing") : null}>
            {fix.needsFile ? t("doctor.runWithFile") : fix.elevates ? t("doctor.runAdmin") : t("doctor.run")}
          </Button>
        )}
      </div>
      {operation === undefined ? <p className="sub">{byHand ? t("doctor.fixText") : fix.elevates ? t("doctor.elevates") : t("doctor.runsHere")}</p> : <Running operation={operation} />}
    </>
  );
}

/** How a fix goes: its newest words, and the way to its log. */
function Running({ operation }: { operation: Operation }) {
  const { t } = useTranslation();
  const said = operation.failure !== null ? sentence(operation.failure.message) : (operation.headline ?? "");
  return (
    <div className={styles.Running} role="status">
      <StateBadge view={operationView(t, operation)} />
      <span className="sub truncate" title={said}>
        {said}
      </span>
      <Link to="/builds/$id" params={{ id: operation.id }} className={styles.RunningLog}>
        {t("doctor.showLog")}
      </Link>
    </div>
  );
}

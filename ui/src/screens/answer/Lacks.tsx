import { useQuery } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { CheckRow } from "@/components/CheckRow";
import { useBackend } from "@/platform";
import type { Check } from "@/platform/contract";
import { doctorQuery } from "@/state/queries";
import { capabilityOf, checkText, checkTitle, checkView } from "@/state/view";
import { FixDetail } from "../doctor/FixDetail";

/** What mends something that a machine lacks: run here where Doctor knows it, else shown to be run. */
export function LackFix({ check }: { check: Check }) {
  const known = useQuery(doctorQuery(useBackend())).data?.checks.some(({ fix }) => fix !== null && fix.id === check.fix?.id) === true;
  return <FixDetail check={check} byUser={!known} />;
}

/** What this computer lacks of what a machine asks for, with what mends it. What is built `without` can be taken back. */
export function LackList({ checks, without, onUndo }: { checks: Check[]; without?: string[]; onUndo?: (capability: string) => void }) {
  const { t } = useTranslation();
  return (
    <ul>
      {checks.map((check) =>
        without?.includes(capabilityOf(check)) === true ? (
          <CheckRow
            key={check.id}
            id={check.id}
            view={{ shape: "unknown", role: "off", word: t("capabilities.without") }}
            title={checkTitle(t, check)}
            text={checkText(check)}
            end={
              <Button size="sm" onClick={() => onUndo?.(capabilityOf(check))}>
                {t("lacks.undo")}
              </Button>
            }
          />
        ) : (
        <CheckRow key={check.id} id={check.id} view={checkView(t, check)} title={checkTitle(t, check)} text={checkText(check)} evidence={check.evidence} fix={check.fix === null || check.fix.commands.length === 0 ? undefined : <LackFix check={check} />} />
        ),
      )}
    </ul>
  );
}

/** "Build without KVM" */
export function withoutText(t: TFunction, checks: Check[]): string {
  return t("lacks.without", { names: checks.map((check) => checkTitle(t, check)).join(", ") });
}

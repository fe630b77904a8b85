import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { CheckRow } from "@/components/CheckRow";
import type { Check } from "@/platform/contract";
import { checkTitle, checkView } from "@/state/view";
import { FixDetail } from "../doctor/FixDetail";

/** What this computer lacks of what a machine asks for, with what mends it. */
export function LackList({ checks }: { checks: Check[] }) {
  const { t } = useTranslation();
  return (
    <ul>
      {checks.map((check) => (
        <CheckRow key={check.id} view={checkView(t, check)} title={checkTitle(t, check)} text={check.explanation} evidence={check.evidence} fix={check.fix === null || check.fix.commands.length === 0 ? undefined : <FixDetail check={check} />} />
      ))}
    </ul>
  );
}

/** "Build without KVM" */
export function withoutText(t: TFunction, checks: Check[]): string {
  return t("lacks.without", { names: checks.map((check) => checkTitle(t, check)).join(", ") });
}

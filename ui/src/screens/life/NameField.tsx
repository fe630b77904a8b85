import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { Field, Input } from "@/components/Field";
import { useStatus } from "@/state/useStatus";
import { nameError } from "../new/nameError";
import { nameProblem } from "../new/names";

/** What is wrong with the name that a machine is to have; its `own` never is. */
export function useNewName(name: string, own?: string) {
  const { machines } = useStatus();
  return nameProblem(name, machines.map((machine) => machine.name).filter((other) => other !== own));
}

export function NameField({ name, own, onChange, checked, error, first, onEnter }: { name: string; own?: string; onChange: (name: string) => void; checked: boolean; error: string | null; first: RefObject<HTMLInputElement | null>; onEnter: () => void }) {
  const { t } = useTranslation();
  const problem = useNewName(name, own);
  const shown = problem !== null && (checked || problem.kind !== "empty") ? nameError(t, problem, name) : error;
  return (
    <Field label={t("life.newName")} hint={t("life.nameHint")} error={shown}>
      {(control) => <Input {...control} ref={first} mono value={name} onChange={(event) => onChange(event.target.value)} onKeyDown={(event) => event.key === "Enter" && onEnter()} />}
    </Field>
  );
}

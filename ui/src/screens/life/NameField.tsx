import type { RefObject } from "react";
import { useTranslation } from "react-i18next";
import { Field, Input } from "@/components/Field";
import { useStatus } from "@/state/useStatus";
import { nameError } from "../new/nameError";
import { nameProblem } from "../new/names";

/** The name that a machine is to have, and what is wrong with it. */
export function useNewName(name: string) {
  const { machines } = useStatus();
  return nameProblem(name, machines.map((machine) => machine.name));
}

export function NameField({ name, onChange, checked, error, first, onEnter }: { name: string; onChange: (name: string) => void; checked: boolean; error: string | null; first: RefObject<HTMLInputElement | null>; onEnter: () => void }) {
  const { t } = useTranslation();
  const problem = useNewName(name);
  const shown = problem !== null && (checked || problem.kind !== "empty") ? nameError(t, problem, name) : error;
  return (
    <Field label={t("life.newName")} hint={t("life.nameHint")} error={shown}>
      {(control) => <Input {...control} ref={first} mono value={name} onChange={(event) => onChange(event.target.value)} onKeyDown={(event) => event.key === "Enter" && onEnter()} />}
    </Field>
  );
}

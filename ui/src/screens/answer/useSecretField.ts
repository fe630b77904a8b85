import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { SecretRequest } from "@/platform/contract";
import { isOnTheWay, noInput, problemOf, type SecretInput } from "@/state/secretValue";
import { problemText } from "./SecretWords";

/** A secret's field: what is in it, and what is wrong with it when that should be said. */
export function useSecretField(request: SecretRequest) {
  const { t } = useTranslation();
  const [value, setValue] = useState<SecretInput>(noInput);
  const [checked, setChecked] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const problem = problemOf(request, value);
  const silent = !checked && (problem?.kind === "empty" || isOnTheWay(request, value));
  return {
    value,
    problem,
    error: refused ?? (problem === null || silent ? null : problemText(t, problem)),
    change(next: SecretInput) {
      setValue(next);
      setChecked(false);
      setRefused(null);
    },
    /** Says from now on what is missing; true when nothing is. */
    check(): boolean {
      setChecked(true);
      return problem === null;
    },
    /** What the controller said of it. */
    refuse: setRefused,
  };
}

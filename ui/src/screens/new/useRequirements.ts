import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { sentence } from "@/components/FailurePanel";
import { useBackend } from "@/platform";
import type { Asks, GivenAnswers, Operation } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { keys } from "@/state/queries";
import { given, isEmpty, noInput, nothingGiven, problemOf, type SecretInput } from "@/state/secretValue";
import { noteOperation } from "@/state/useMachineActions";
import { capabilityOf } from "@/state/view";
import { allConsents, type Consents } from "../answer/Consent";

const nothing: Asks = { secrets: [], hostSecrets: [], capabilities: [], unlock: null };

/** The answers to everything that one operation asks for, until they are given all at once. */
export function useRequirements(operation: Operation | undefined) {
  const backend = useBackend();
  const client = useQueryClient();
  const [values, setValues] = useState<Record<string, SecretInput>>({});
  const [later, setLater] = useState<string[]>([]);
  const [consents, setConsents] = useState<Consents>({});
  const [without, setWithout] = useState<string[]>([]);
  const [checked, setChecked] = useState(false);
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const asks = operation?.asks ?? nothing;

  const lacks = asks.capabilities.filter((check) => !without.includes(capabilityOf(check)));
  const wrong = asks.secrets.filter(({ name, request }) => {
    const value = values[name] ?? noInput;
    return isEmpty(value) ? !request.optional : problemOf(request, value) !== null;
  });

  const answers = (): GivenAnswers => {
    const secrets = asks.secrets.filter(({ name }) => !isEmpty(values[name] ?? noInput));
    return {
      ...nothingGiven,
      secrets: Object.fromEntries(secrets.map(({ name }) => [name, given(values[name] ?? noInput)])),
      // What is optional and left empty is provided later: the page has shown it.
      later: asks.secrets.filter(({ name, request }) => request.optional && isEmpty(values[name] ?? noInput)).map(({ name }) => name),
      hostSecrets: allConsents(asks.hostSecrets, consents),
      without: asks.capabilities.map(capabilityOf).filter((name) => without.includes(name)),
    };
  };
  return {
    asks,
    values,
    later,
    consents,
    without,
    checked,
    sending,
    error,
    lacks,
    wrong,
    setConsents,
    change(name: string, value: SecretInput) {
      setError(null);
      setValues((old) => ({ ...old, [name]: value }));
    },
    toggleLater: (name: string) => setLater((old) => (old.includes(name) ? old.filter((each) => each !== name) : [...old, name])),
    buildWith: (capability: string) => setWithout((old) => old.filter((each) => each !== capability)),
    buildWithout: () => setWithout(asks.capabilities.map(capabilityOf)),
    /** Gives all answers. Resolves to the operation that goes on; null when something is open or was refused. */
    async send(): Promise<string | null> {
      setChecked(true);
      if (operation === undefined || operation.machine === null || sending || lacks.length + wrong.length > 0) return null;
      setSending(true);
      setError(null);
      try {
        const { operation: next } = await backend.call("answer", { name: operation.machine, answers: answers() });
        if (next !== null) noteOperation(client, next);
        return (next ?? operation).id;
      } catch (thrown) {
        const failure = toFailure(thrown);
        if (failure.code === "store_unavailable") void client.invalidateQueries({ queryKey: keys.store });
        setError([failure.message, ...failure.hints].map(sentence).join(" "));
        setSending(false);
        return null;
      }
    },
  };
}
export type Requirements = ReturnType<typeof useRequirements>;

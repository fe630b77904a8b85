import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { sentence } from "@/components/FailurePanel";
import { type Backend, useBackend } from "@/platform";
import type { Operation } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { noteOperation } from "@/state/useMachineActions";

/** Begins what a dialog asked about; a refusal stays in the dialog. */
export function useBegin(done: (operation: Operation) => void) {
  const backend = useBackend();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const begin = async (call: (backend: Backend) => Promise<Operation | null>) => {
    setBusy(true);
    setError(null);
    try {
      const operation = await call(backend);
      setBusy(false);
      if (operation === null) return;
      noteOperation(client, operation);
      done(operation);
    } catch (thrown) {
      const failure = toFailure(thrown);
      setError([failure.message, ...failure.hints].map(sentence).join(" "));
      setBusy(false);
    }
  };
  return { busy, error, begin };
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useBackend } from "@/platform";
import type { EngineStatus, Failure, Operation } from "@/platform/contract";
import { operationQuery } from "@/state/queries";
import { toFailure } from "@/state/failure";
import { noteOperation } from "@/state/useMachineActions";

/** Gets the controller ready while somebody who has no machine yet reads and types, once `possible`. */
export function usePrepared(engine: EngineStatus, possible: boolean): { operation: Operation | undefined; failure: Failure | null } {
  const backend = useBackend();
  const client = useQueryClient();
  const asked = useRef(false);
  const [id, setId] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const wanted = possible && engine.controller !== "running";
  useEffect(() => {
    if (!wanted || asked.current) return;
    asked.current = true;
    backend.call("prepare", {}).then(
      ({ operation }) => {
        if (operation === null) return;
        noteOperation(client, operation);
        setId(operation.id);
      },
      (thrown: unknown) => setFailure(toFailure(thrown)),
    );
  }, [wanted, backend, client]);
  const operation = useQuery({ ...operationQuery(backend, id ?? ""), enabled: id !== null }).data?.operation;
  return { operation, failure: operation?.failure ?? failure };
}

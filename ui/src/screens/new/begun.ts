/** The operation that the wizard has begun, and the description that it was begun with: Back takes the one away and shows the other. */
import type { QueryClient } from "@tanstack/react-query";
import type { Backend } from "@/platform";
import type { Operation, OperationDetail, Snapshot } from "@/platform/contract";
import type { Draft } from "@/state/draft";
import { keys, operationQuery } from "@/state/queries";
import { createStore } from "@/state/store";
import { isWorking } from "@/state/view";

export const begun = createStore<{ id: string; draft: Draft } | null>(null);

/** Resolves once `holds` of what the cache says. */
function until<T>(client: QueryClient, key: readonly unknown[], holds: (data: T | undefined) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => holds(client.getQueryData<T>(key));
    if (look()) return resolve();
    const stop = client.getQueryCache().subscribe(() => {
      if (!look()) return;
      stop();
      resolve();
    });
    return undefined;
  });
}

/** The operation once it is over. */
async function end(backend: Backend, client: QueryClient, id: string): Promise<Operation> {
  const query = operationQuery(backend, id);
  await client.fetchQuery({ ...query, staleTime: 0 });
  await until<OperationDetail>(client, query.queryKey, (detail) => detail !== undefined && !isWorking(detail.operation));
  return (await client.ensureQueryData(query)).operation;
}

/** Cancels the operation and takes the machine away that it had begun to make, so that its name is free again. */
export async function takeBack(backend: Backend, client: QueryClient, operation: Operation): Promise<void> {
  const { id, machine } = operation;
  if (isWorking(operation)) {
    await backend.call("operation_cancel", { id });
    await end(backend, client, id);
  }
  if (machine === null) return;
  const deletion = await backend.call("delete", { name: machine, keepSecrets: false });
  const ended = await end(backend, client, deletion.id);
  if (ended.state !== "succeeded") throw ended.failure ?? new Error(ended.state);
  // The list may learn of it a moment later.
  await until<Snapshot>(client, keys.status, (snapshot) => snapshot?.machines.every(({ name }) => name !== machine) !== false);
}

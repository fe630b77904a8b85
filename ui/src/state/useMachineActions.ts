import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { toastFailure } from "@/components/Toasts";
import { type Backend, useBackend } from "@/platform";
import type { MachineStatus, Operation, RunState, Snapshot } from "@/platform/contract";
import { useConfirm } from "./Confirm";
import { withOperation } from "./events";
import { keys, secretsQuery } from "./queries";

/** Shows at once what will be, until the truth arrives by events. */
function expect(client: QueryClient, name: string, status: RunState): void {
  client.setQueryData(keys.status, (old: Snapshot | undefined) =>
    old === undefined ? old : { ...old, machines: old.machines.map((machine) => (machine.name === name ? { ...machine, status, allowed: [] } : machine)) },
  );
}

/** Puts a just begun operation where every page finds it. */
export function noteOperation(client: QueryClient, operation: Operation): void {
  client.setQueryData(keys.operations, (old: Operation[] | undefined) => (old === undefined ? old : withOperation(old, operation)));
  // One that goes on where another waited takes its place; an event may have told so already, and more.
  const before = (other: Operation | null) => other !== null && other.id !== operation.id && other.started < operation.started;
  client.setQueryData(keys.status, (old: Snapshot | undefined) =>
    old === undefined ? old : { ...old, machines: old.machines.map((machine) => (machine.name === operation.machine && before(machine.operation) ? { ...machine, operation } : machine)) },
  );
}

async function run(backend: Backend, client: QueryClient, title: string, call: (backend: Backend) => Promise<Operation>): Promise<Operation | null> {
  try {
    const operation = await call(backend);
    noteOperation(client, operation);
    return operation;
  } catch (thrown) {
    void client.invalidateQueries({ queryKey: keys.status });
    toastFailure(title, thrown);
    return null;
  }
}

/** Whether values of a machine are kept. One that can't be asked is as one without: the deletion itself says what is wrong. */
async function hasSecrets(backend: Backend, client: QueryClient, name: string): Promise<boolean> {
  try {
    const { secrets } = await client.fetchQuery({ ...secretsQuery(backend, name), staleTime: 0 });
    return secrets.some((secret) => secret.set);
  } catch {
    return false;
  }
}

/** Everything one can do with a machine, with its questions asked and its errors shown. Whether it may be done now says `machineCan`. */
export function useMachineActions() {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const confirm = useConfirm();
  const navigate = useNavigate();
  return useMemo(() => {
    const show = (operation: Operation | null) => {
      if (operation !== null) void navigate({ to: "/builds/$id", params: { id: operation.id } });
    };
    const failed = (machine: MachineStatus) => t("errors.onMachine", { name: machine.name });
    return {
      async start(machine: MachineStatus) {
        expect(client, machine.name, "starting");
        await run(backend, client, failed(machine), (b) => b.call("start", { name: machine.name }));
      },
      async stop(machine: MachineStatus) {
        const { name } = machine;
        if (!(await confirm({ title: t("confirm.stopTitle", { name }), text: t("confirm.stopText"), yes: t("confirm.stop", { name }) }))) return;
        expect(client, name, "stopping");
        await run(backend, client, failed(machine), (b) => b.call("stop", { name, force: false }));
      },
      async restart(machine: MachineStatus) {
        const { name } = machine;
        if (!(await confirm({ title: t("confirm.restartTitle", { name }), text: t("confirm.restartText"), yes: t("confirm.restart", { name }) }))) return;
        expect(client, name, "stopping");
        await run(backend, client, failed(machine), (b) => b.call("restart", { name, force: false }));
      },
      /** Shows the build. */
      async rebuild(machine: MachineStatus, update = true) {
        show(await run(backend, client, failed(machine), (b) => b.call("rebuild", { name: machine.name, update, dryRun: false, askFor: "everything" })));
      },
      /** True once the deletion has begun. */
      async delete(machine: MachineStatus): Promise<boolean> {
        const { name } = machine;
        let keepSecrets = false;
        const option = (await hasSecrets(backend, client, name))
          ? { option: { label: t("confirm.keepSecrets"), hint: t("confirm.keepSecretsText"), onChange: (keep: boolean) => void (keepSecrets = keep) } }
          : {};
        const question = { title: t("confirm.deleteTitle", { name }), text: t("confirm.deleteText"), yes: t("confirm.delete", { name }), no: t("confirm.keep"), danger: true, ...option };
        if (!(await confirm(question))) return false;
        return (await run(backend, client, failed(machine), (b) => b.call("delete", { name, keepSecrets }))) !== null;
      },
      async removeModule(machine: MachineStatus, module: string) {
        const { name } = machine;
        const question = { title: t("confirm.removeTitle", { module, name }), text: t("confirm.removeText", { name }), yes: t("confirm.remove") };
        if (!(await confirm(question))) return;
        show(await run(backend, client, failed(machine), (b) => b.call("module_remove", { name, module })));
      },
      async cancel(operation: Operation) {
        const question = { title: t("confirm.cancelTitle"), text: t("confirm.cancelText", { name: operation.machine ?? t("engine.engine") }), yes: t("confirm.cancelYes"), no: t("confirm.cancelNo") };
        if (!(await confirm(question))) return;
        try {
          await backend.call("operation_cancel", { id: operation.id });
        } catch (thrown) {
          toastFailure(t("errors.title"), thrown);
        }
      },
      async openTerminal(machine: MachineStatus) {
        try {
          await backend.openTerminal(machine.name);
        } catch (thrown) {
          toastFailure(t("errors.terminal"), thrown);
        }
      },
    };
  }, [t, backend, client, confirm, navigate]);
}
export type MachineActions = ReturnType<typeof useMachineActions>;

import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { Kbd } from "@/components/Kbd";
import type { MenuGroups } from "@/components/Menu";
import type { EngineStatus, MachineStatus } from "@/platform/contract";
import { machineCan, offersStop } from "@/state/can";
import { useLife } from "@/state/life";
import { pins, togglePin } from "@/state/preferences";
import type { MachineActions } from "@/state/useMachineActions";
import { isWorking } from "@/state/view";

/** What the three dots offer, in the list and on the machine's page. */
export function useMachineMenu(engine: EngineStatus, actions: MachineActions, opened = false): (machine: MachineStatus) => MenuGroups {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const life = useLife();
  return useCallback(
    (machine) => {
      const can = machineCan(t, machine, engine);
      const { name, operation } = machine;
      const working = operation !== null && isWorking(operation);
      return [
        opened ? [] : [{ key: "open", label: t("actions.open"), icon: "arrow-r", note: <Kbd>↵</Kbd>, onSelect: () => void navigate({ to: "/machines/$name", params: { name } }) }],
        [
          { key: "shell", label: t("actions.openTerminal"), icon: "terminal", note: <Kbd>T</Kbd>, disabledReason: can.exec(), onSelect: () => void actions.openTerminal(machine) },
          offersStop(machine)
            ? { key: "stop", label: t("actions.stop"), icon: "stop", note: <Kbd>S</Kbd>, disabledReason: can.stop(), onSelect: () => void actions.stop(machine) }
            : { key: "start", label: t("actions.start"), icon: "play", note: <Kbd>S</Kbd>, disabledReason: can.start(), onSelect: () => void actions.start(machine) },
          { key: "restart", label: t("actions.restart"), disabledReason: can.restart(), onSelect: () => void actions.restart(machine) },
        ],
        [
          { key: "rebuild", label: t("actions.rebuild"), icon: "rebuild", note: <Kbd>R</Kbd>, disabledReason: can.rebuild(), onSelect: () => void actions.rebuild(machine) },
          { key: "rebuild-as-is", label: t("actions.rebuildNoUpdate"), disabledReason: can.rebuild(), onSelect: () => void actions.rebuild(machine, false) },
          ...(operation === null ? [] : [{ key: "build", label: t("actions.seeBuild"), icon: "builds" as const, onSelect: () => void navigate({ to: "/builds/$id", params: { id: operation.id } }) }]),
          ...(working && operation !== null ? [{ key: "cancel", label: t("actions.cancelOperation"), icon: "x" as const, disabledReason: can.cancel(), onSelect: () => void actions.cancel(operation) }] : []),
        ],
        [{ key: "pin", label: pins.read().includes(name) ? t("actions.unpin") : t("actions.pin"), icon: "pin", onSelect: () => void togglePin(name) }],
        [
          { key: "duplicate", label: t("actions.duplicate"), icon: "copy", disabledReason: can.move(), onSelect: () => life({ kind: "duplicate", machine }) },
          { key: "rename", label: t("actions.rename"), disabledReason: can.move(), onSelect: () => life({ kind: "rename", machine }) },
          { key: "export", label: t("actions.export"), icon: "download", disabledReason: can.move(), onSelect: () => life({ kind: "export", machine }) },
        ],
        [{ key: "delete", label: t("actions.delete"), icon: "trash", disabledReason: can.delete(), onSelect: () => void actions.delete(machine) }],
      ];
    },
    [t, engine, actions, navigate, life, opened],
  );
}

/**
 * The one table that decides which action a machine allows now, and says why not. Buttons, menus, keys and the palette all ask here.
 * The controller's own answer (`allowed`) is the truth; the reasons are ours, because they are words.
 */
import type { TFunction } from "i18next";
import type { Action, EngineStatus, MachineStatus } from "@/platform/contract";
import { engineName, isWorking, operationWord } from "./view";

/** Null when the action is allowed, else the reason in the user's language. */
type Verdict = string | null;

export interface MachineCan {
  start(): Verdict;
  stop(): Verdict;
  restart(): Verdict;
  rebuild(): Verdict;
  changeModules(): Verdict;
  exec(): Verdict;
  move(): Verdict;
  delete(): Verdict;
  cancel(): Verdict;
}

/** Whether Stop stands where Start would: where it may be stopped, such as one that hangs while it starts. */
export function offersStop({ allowed, status }: MachineStatus): boolean {
  return allowed.includes("stop") || (!allowed.includes("start") && (status === "running" || status === "stopping"));
}

export function machineCan(t: TFunction, machine: MachineStatus, engine: EngineStatus): MachineCan {
  const { name, status } = machine;
  const ask = (action: Action, why: () => Verdict): Verdict => {
    if (machine.allowed.includes(action)) return null;
    if (!engine.available) return t("can.offline", { engine: engineName(t, engine) });
    if (action !== "cancel" && machine.operation !== null && isWorking(machine.operation)) return t("can.busy", { operation: operationWord(t, machine.operation.kind) });
    return why() ?? t("can.notNow");
  };
  const moving = (): Verdict => {
    if (status === "starting") return t("can.isStarting", { name });
    if (status === "stopping") return t("can.isStopping", { name });
    return null;
  };
  const unlessRunning = (): Verdict => moving() ?? (status === "not_installed" ? t("can.notBuilt", { name }) : t("can.notRunning", { name }));
  return {
    start: () => ask("start", () => moving() ?? (status === "running" ? t("can.alreadyRunning", { name }) : status === "not_installed" ? t("can.notBuilt", { name }) : null)),
    stop: () => ask("stop", () => (status === "stopping" ? t("can.isStopping", { name }) : status === "stopped" ? t("can.alreadyStopped", { name }) : unlessRunning())),
    restart: () => ask("restart", unlessRunning),
    rebuild: () => ask("rebuild", moving),
    changeModules: () => ask("change_modules", moving),
    exec: () => ask("exec", unlessRunning),
    move: () => ask("move", moving),
    delete: () => ask("delete", moving),
    cancel: () => ask("cancel", () => t("can.nothingToCancel")),
  };
}

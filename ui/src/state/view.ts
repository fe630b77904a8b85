/** How a machine, an operation and the engine are shown: glyph, colour role and word, decided once for list, sidebar, header and palette. */
import type { TFunction } from "i18next";
import { i18n } from "@/i18n";
import { explanation } from "@/i18n/explanations";
import type { GlyphShape, StateRole } from "@/icons/StateGlyph";
import type { Asks, Check, EngineStatus, MachineStatus, Operation, OperationKind, PhaseProgress } from "@/platform/contract";

export interface StateView {
  shape: GlyphShape;
  role: StateRole;
  word: string;
  /** How far, 0 to 1, where it is known. */
  part?: number | undefined;
}

export function isWorking(operation: Operation): boolean {
  return operation.state === "running" || operation.state === "waiting_for_input";
}

export function engineName(t: TFunction, engine: Pick<EngineStatus, "driver"> | undefined): string {
  switch (engine?.driver) {
    case "lxd":
      return t("engine.lxd");
    case "incus":
      return t("engine.incus");
    case "wsl":
      return t("engine.wsl");
    default:
      return t("engine.engine");
  }
}

/** "Rebuilding", "Starting" … */
export function operationWord(t: TFunction, kind: OperationKind): string {
  return kind === "install_controller" || kind === "fix" ? t("state.op.other") : t(`state.op.${kind}`);
}

/** The phase that runs or in which it ended badly. */
function currentPhase(operation: Operation): PhaseProgress | undefined {
  return operation.phases.find((each) => each.state === "running" || each.state === "failed");
}

/** How much of what is to build or download is there, 0 to 1. */
export function builtPart(operation: Operation): number | undefined {
  const { planned, running, done, failed } = operation.counts;
  const total = planned + running + done + failed;
  return total === 0 ? undefined : done / total;
}

/** The whole operation as a part: each phase counts the same, the build phase by its derivations. */
export function operationPart(operation: Operation): number {
  const over = operation.phases.filter((each) => each.state === "done" || each.state === "skipped").length;
  const now = currentPhase(operation);
  const inside = now === undefined ? 0 : now.phase === "build" ? (builtPart(operation) ?? 0) : 0.5;
  return operation.phases.length === 0 ? 0 : Math.min(1, (over + inside) / operation.phases.length);
}

const pastFailure: Record<OperationKind, "failed" | "createFailed" | "startFailed" | "stopFailed" | "deleteFailed" | "renameFailed" | "exportFailed"> = {
  create: "createFailed", rebuild: "failed", start: "startFailed", restart: "startFailed", stop: "stopFailed", delete: "deleteFailed", rename: "renameFailed", export: "exportFailed", install_controller: "failed", fix: "failed",
};

export function machineView(t: TFunction, machine: MachineStatus, engine: EngineStatus | undefined): StateView {
  const operation = machine.operation;
  if (engine?.available === false || machine.status === "unknown") return { shape: "unknown", role: "off", word: t("state.unknown") };
  if (machine.problem !== null) return { shape: "failed", role: "fail", word: t("state.error") };
  if (operation !== null && operation.state === "waiting_for_input") return { shape: "waiting", role: "wait", word: t("state.waiting") };
  if (operation !== null && operation.state === "running") return workingView(t, operation);
  if (machine.status === "error") return { shape: "failed", role: "fail", word: t("state.error") };
  if (operation !== null && operation.state === "failed") return { shape: "failed", role: "fail", word: t(`state.${pastFailure[operation.kind]}`) };
  if (machine.config === "failed") return { shape: "failed", role: "fail", word: t("state.failed") };
  return runView(t, machine);
}

function workingView(t: TFunction, operation: Operation): StateView {
  const what = operationWord(t, operation.kind);
  const phase = currentPhase(operation)?.phase;
  if (operation.kind !== "create" && operation.kind !== "rebuild") return { shape: "starting", role: "busy", word: what };
  const word = phase === undefined ? what : t("state.opPhase", { what, phase: t(`phasesInline.${phase}`) });
  return { shape: "building", role: "busy", word, part: operationPart(operation) };
}

function runView(t: TFunction, machine: MachineStatus): StateView {
  switch (machine.status) {
    case "running":
      return { shape: "running", role: "ok", word: t("state.running") };
    case "starting":
      return { shape: "starting", role: "busy", word: t("state.starting") };
    case "stopping":
      return { shape: "starting", role: "busy", word: t("state.stopping") };
    case "not_installed":
      return { shape: "planned", role: "off", word: t("state.draft") };
    case "error":
      return { shape: "failed", role: "fail", word: t("state.error") };
    case "unknown":
      return { shape: "unknown", role: "off", word: t("state.unknown") };
    case "stopped":
      return { shape: "stopped", role: "off", word: t("state.stopped") };
  }
}

export type Group = "needs" | "working" | "running" | "stopped";

/** By what the user must do, not by name. */
export function groupOf(machine: MachineStatus): Group {
  const operation = machine.operation;
  if (operation?.state === "waiting_for_input") return "needs";
  if (operation?.state === "running" || machine.status === "starting" || machine.status === "stopping") return "working";
  if (operation?.state === "failed" || machine.config === "failed" || machine.status === "error" || machine.problem !== null || machine.status === "not_installed") return "needs";
  return machine.status === "running" ? "running" : "stopped";
}

export function operationView(t: TFunction, operation: Operation): StateView {
  const phase = currentPhase(operation);
  switch (operation.state) {
    case "running":
      return phase?.phase === "build"
        ? { shape: "building", role: "busy", word: t("operation.state.building"), part: builtPart(operation) }
        : { shape: operation.phases.length > 2 ? "building" : "starting", role: "busy", word: t("operation.state.running"), part: operationPart(operation) };
    case "waiting_for_input":
      return { shape: "waiting", role: "wait", word: t("operation.state.waiting_for_input") };
    case "succeeded":
      return { shape: "done", role: "ok", word: t("operation.state.succeeded") };
    case "failed":
      return {
        shape: "failed",
        role: "fail",
        word: phase === undefined || operation.phases.length < 2 ? t("operation.state.failed") : t("operation.state.failedIn", { phase: t(`phasesInline.${phase.phase}`) }),
      };
    case "cancelled":
      return { shape: "unknown", role: "off", word: t("operation.state.cancelled") };
    case "interrupted":
      return { shape: "warn", role: "wait", word: t("operation.state.interrupted") };
  }
}

export function checkView(t: TFunction, check: Check): StateView {
  switch (check.state) {
    case "ok":
      return { shape: "done", role: "ok", word: t("doctor.words.ok") };
    case "warn":
      return { shape: "warn", role: "wait", word: t("doctor.words.warn") };
    case "fail":
      return { shape: "failed", role: "fail", word: t("doctor.words.fail") };
    case "unknown":
      return { shape: "unknown", role: "off", word: t("doctor.words.unknown") };
  }
}

/** "acme/webshop" of "github:acme/webshop?ref=main": what one calls the repository. */
export function repositoryName(url: string): string {
  const bare = url.replace(/[?#].*$/, "").replace(/^(?:git\+)?[a-z][a-z0-9+]*:(?:\/\/[^/]*\/)?/i, "").replace(/\.git\/?$/, "").replace(/\/+$/, "");
  const parts = bare.split("/").filter((part) => part !== "");
  if (/^(?:git\+file|path|file):/i.test(url)) return parts.at(-1) ?? url;
  return parts.slice(0, 2).join("/") || url;
}

/** The address without scheme and query, as one would say it: "github.com/acme/webshop". */
export function repositoryAddress(url: string): string {
  const bare = url.replace(/[?#].*$/, "");
  const hosts: Record<string, string> = { github: "github.com/", gitlab: "gitlab.com/", sourcehut: "git.sr.ht/" };
  const short = /^(github|gitlab|sourcehut):(.*)$/.exec(bare);
  if (short !== null) return `${hosts[short[1] ?? ""] ?? ""}${short[2] ?? ""}`;
  return bare.replace(/^(?:git\+)?(?:https?|ssh|file|path):(?:\/\/)?/i, "").replace(/^[^/@]+@/, "").replace(/\.git$/, "");
}

/** The server that an address is at; undefined when it names none. */
export function hostOf(url: string): string | undefined {
  const host = repositoryAddress(url.trim()).split("/")[0]?.split(":")[0];
  return host !== undefined && /^[\w-]+(?:\.[\w-]+)+$/.test(host) ? host : undefined;
}

/** The branch, tag or path that an address names; null when it follows the default. */
export function referenceOf(url: string): string | null {
  const query = /\?(.*)$/.exec(url)?.[1];
  const ref = query === undefined ? null : new URLSearchParams(query).get("ref");
  if (ref !== null) return ref.replace(/^refs\/(?:heads|tags)\//, "");
  const third = /^(?:github|gitlab|sourcehut):[^/]+\/[^/]+\/([^?#]+)/.exec(url)?.[1];
  return third ?? null;
}

/** The title of a check we know, else the controller's. */
export function checkTitle(t: TFunction, check: Check): string {
  const id = capabilityOf(check);
  return (checkIds as readonly string[]).includes(id) ? t(`doctor.titles.${id as (typeof checkIds)[number]}`) : check.title;
}

/** What a check found, in the language of the window. */
export function checkText(check: Check): string {
  return explanation(check, i18n.language);
}

/** The capability that a check is about, as modules say it; another check's own word. */
export function capabilityOf(check: Check): string {
  return check.id.replace(/^capability\./, "");
}

/** The checks that the catalogues name. */
const checkIds = [
  "engine", "version", "wsl", "pool", "profile", "network", "idmap", "cgroups", "inotify", "controller", "nix-daemon", "images", "disk", "machines", "clock",
  "dns", "proxy", "certificates", "keyring", "notifications", "tray", "gpu", "cuda", "usb", "ssh-agent", "sound", "video", "camera", "kvm", "fuse",
  "docker-nesting", "tun",
] as const;

/** "Secret HF_TOKEN", "3 answers": what is asked for, in a few words. Null when nothing is known. */
export function asksText(t: TFunction, asks: Asks | null): string | null {
  if (asks === null) return null;
  const [secret] = asks.secrets;
  const count = asks.secrets.length + asks.capabilities.length + (asks.hostSecrets.length > 0 ? 1 : 0) + (asks.unlock === null ? 0 : 1);
  if (count === 0) return null;
  if (count > 1) return t("answer.several", { count });
  if (asks.unlock !== null) return t(`answer.unlock.${asks.unlock}`);
  if (secret !== undefined) return t("answer.secret", { name: secret.name });
  const [lack] = asks.capabilities;
  return lack === undefined ? t("answer.consent") : t("answer.lack", { name: checkTitle(t, lack) });
}

/** The same in the least room: "1 secret", "3 answers". */
export function asksNote(t: TFunction, asks: Asks | null): string | null {
  if (asks === null) return null;
  const others = asks.capabilities.length + (asks.hostSecrets.length > 0 ? 1 : 0) + (asks.unlock === null ? 0 : 1);
  return others === 0 ? (asks.secrets.length === 0 ? null : t("answer.secrets", { count: asks.secrets.length })) : t("answer.several", { count: others + asks.secrets.length });
}

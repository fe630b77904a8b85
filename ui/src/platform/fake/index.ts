/** A controller in memory for development in a browser and for tests. Not in the product. */
import type { Commands } from "@/bindings/Commands";
import type { Backend, CommandArgs, CommandName, FirstSight } from "@/platform";
import type { AccessStatus, Action, Activity, CapabilityCheck, Diagnosis, EngineStatus, Event, Failure, Generation, LogLine, MachineStatus, Operation, OperationKind, Phase, Settings } from "@/platform/contract";
import { before, bundle, checks, DAY, HOUR, newOperation, offlineFailure, repositories, requestsOf, samples } from "./data";
import { accessStatus, withoutToken, withToken } from "./access";
import { FakeSecrets } from "./secrets";
import { type Scenario, scenarios } from "./scenarios";

/** Lines by number; a list, or made when asked for so that a million cost nothing. */
export interface FakeLog { count: number; at: (index: number) => LogLine }

export interface World {
  machines: Map<string, MachineStatus>;
  operations: Operation[];
  activities: Map<string, Activity[]>;
  logs: Map<string, LogLine[] | FakeLog>;
  engine: EngineStatus;
  /** Whether anything was heard of the engine before the window opened. */
  known: boolean;
  diagnosis: Diagnosis;
  settings: Settings;
  secrets: FakeSecrets;
  access: AccessStatus;
  /** What machines ask of this computer. */
  capabilities: Map<string, CapabilityCheck[]>;
  /** Commands that never answer. */
  hanging: Set<CommandName>;
  /** What commands fail with, until it is removed. */
  failing: Map<CommandName, Failure>;
}

function fail(code: Failure["code"], message: string, hints: string[] = []): Failure {
  return { code, message, hints, causes: [], details: [] };
}

function isOver(operation: Operation): boolean {
  return operation.state !== "running" && operation.state !== "waiting_for_input";
}

/** The controller's rules, in short. */
function allowed(world: World, machine: MachineStatus): Action[] {
  if (!world.engine.available) return [];
  if (machine.operation !== null && !isOver(machine.operation)) return ["cancel"];
  const always: Action[] = ["rebuild", "change_modules", "move", "delete"];
  if (machine.status === "running") return [...always, "stop", "restart", "exec"];
  return machine.status === "stopped" ? [...always, "start"] : always;
}

export class FakeBackend implements Backend {
  readonly world: World;
  /** Every call, in order. */
  readonly calls: { command: CommandName; args: unknown }[] = [];
  readonly copied: string[] = [];
  readonly terminals: string[] = [];
  readonly links: string[] = [];
  readonly saved: { name: string; text: string }[] = [];
  folder: string | null = "/home/me/src/project";
  #listener: (event: Event) => void = () => {};
  readonly #pages = new Set<(path: string) => void>();

  constructor(scenario: Scenario = "design") {
    this.world = {
      machines: new Map(),
      operations: [],
      activities: new Map(),
      logs: new Map(),
      engine: { driver: "lxd", available: true, controller: "running", problem: null },
      known: false,
      diagnosis: { ok: true, checks: [...checks] },
      settings: { theme: "system", language: "system", closeToTray: true, notifications: true, secretStore: "keyring" },
      secrets: new FakeSecrets(),
      access: accessStatus(),
      capabilities: new Map(),
      hanging: new Set(),
      failing: new Map(),
    };
    scenarios[scenario](this.world);
    for (const name of this.world.machines.keys()) this.#put(name, {});
  }

  async call<C extends CommandName>(command: C, args: CommandArgs<C>): Promise<Commands[C]["result"]> {
    this.calls.push({ command, args });
    await Promise.resolve();
    if (this.world.hanging.has(command)) return new Promise(() => {});
    const failure = this.world.failing.get(command);
    if (failure !== undefined) throw failure;
    // What is handed out is never what is kept, as over a real border.
    return structuredClone(await this.#commands[command](args));
  }

  listen(listener: (event: Event) => void): Promise<FirstSight> {
    this.#listener = listener;
    const { machines, engine, settings, known } = this.world;
    return Promise.resolve(structuredClone({ settings, status: known ? { machines: [...machines.values()], engine } : null }));
  }
  onOpenPage(listener: (path: string) => void): Promise<() => void> {
    this.#pages.add(listener);
    return Promise.resolve(() => void this.#pages.delete(listener));
  }
  openTerminal(machine: string): Promise<void> {
    this.terminals.push(machine);
    return Promise.resolve();
  }
  chooseFolder(): Promise<string | null> {
    return Promise.resolve(this.folder);
  }
  chooseFile(): Promise<string | null> {
    return Promise.resolve("/home/me/company-ca.pem");
  }
  choosePlace(_title: string, name: string): Promise<string | null> {
    return Promise.resolve(`/home/me/${name}`);
  }
  saveText(_title: string, name: string, text: string): Promise<string | null> {
    this.saved.push({ name, text });
    return Promise.resolve(`/home/me/${name}`);
  }
  copy(text: string): Promise<void> {
    this.copied.push(text);
    return Promise.resolve();
  }

  async copySecret(machine: string, secret: string): Promise<void> {
    await Promise.resolve();
    this.copied.push(this.world.secrets.reveal(machine, secret));
  }
  openLink(url: string): Promise<void> {
    this.links.push(url);
    return Promise.resolve();
  }

  // What a test or a scenario makes happen.

  openPage(path: string): void {
    for (const listener of this.#pages) listener(path);
  }

  emit(event: Event): void {
    this.#listener(structuredClone(event));
  }

  /** Changes a machine and tells so. */
  change(name: string, part: Partial<MachineStatus>): void {
    this.emit({ event: "machines_changed", changed: [this.#put(name, part)], removed: [], engine: this.world.engine });
  }

  setEngine(part: Partial<EngineStatus>): void {
    this.world.engine = { ...this.world.engine, ...part };
    const status = (machine: MachineStatus) => (this.world.engine.available ? {} : { status: "unknown" as const, operation: machine.operation });
    const changed = [...this.world.machines.values()].map((machine) => this.#put(machine.name, status(machine)));
    this.emit({ event: "machines_changed", changed, removed: [], engine: this.world.engine });
  }

  goOffline(): void {
    this.setEngine({ available: false, controller: null, problem: offlineFailure });
  }

  operation(id: string): Operation {
    const found = this.world.operations.find((operation) => operation.id === id);
    if (found === undefined) throw fail("operation_not_found", `there is no operation ${id}`);
    return found;
  }

  changeOperation(id: string, part: Partial<Operation>): Operation {
    const next = { ...this.operation(id), ...part };
    this.world.operations = this.world.operations.map((operation) => (operation.id === id ? next : operation));
    this.emit({ event: "operation_changed", operation: next });
    const { machine } = next;
    if (machine !== null && this.world.machines.has(machine)) this.change(machine, { operation: isOver(next) && next.state === "succeeded" ? null : next });
    return next;
  }

  /** Ends the running phase and begins this one. */
  enter(id: string, phase: Phase): void {
    const now = before(0);
    let reached = false;
    const phases = this.operation(id).phases.map((each) => {
      if (each.phase === phase) {
        reached = true;
        return { ...each, state: "running" as const, started: now };
      }
      if (reached) return each;
      return each.state === "running" ? { ...each, state: "done" as const, ended: now } : each.state === "pending" ? { ...each, state: "skipped" as const } : each;
    });
    this.changeOperation(id, { phases });
  }

  activities(id: string, changed: Activity[]): void {
    const byId = new Map((this.world.activities.get(id) ?? []).map((each) => [each.id, each]));
    for (const each of changed) byId.set(each.id, each);
    const all = [...byId.values()];
    this.world.activities.set(id, all);
    const counted = all.filter((each) => each.kind === "build" || each.kind === "substitute");
    const count = (state: Activity["state"]) => counted.filter((each) => each.state === state).length;
    this.emit({ event: "activities_changed", id, activities: changed });
    this.changeOperation(id, { counts: { planned: count("planned"), running: count("running"), done: count("done"), failed: count("failed") } });
  }

  print(id: string, lines: LogLine[]): void {
    const log = this.world.logs.get(id);
    const list = Array.isArray(log) ? log : [];
    for (const line of lines) list.push(line);
    this.world.logs.set(id, list);
    this.emit({ event: "log_grew", id, lines: list.length });
  }

  succeed(id: string): void {
    const operation = this.operation(id);
    const now = before(0);
    const { machine, kind } = operation;
    const builds = kind === "create" || kind === "rebuild";
    const generation = machine === null ? null : (this.world.machines.get(machine)?.generation ?? 0) + (builds ? 1 : 0);
    this.changeOperation(id, {
      state: "succeeded",
      ended: now,
      phases: operation.phases.map((each) => (each.state === "running" ? { ...each, state: "done", ended: now } : each.state === "pending" ? { ...each, state: "skipped" } : each)),
      outcome: { changed: true, generation, system: null, diff: null, warnings: [] },
    });
    if (machine === null) return;
    if (kind === "delete") {
      this.world.machines.delete(machine);
      this.emit({ event: "machines_changed", changed: [], removed: [machine], engine: this.world.engine });
      return;
    }
    const running = { status: "running" as const, since: now, address: "10.114.7.40" };
    const ends: Record<Exclude<OperationKind, "delete" | "install_controller" | "fix">, Partial<MachineStatus>> = {
      create: { ...running, config: "up_to_date", generation, built: now },
      rebuild: { config: "up_to_date", generation, built: now },
      start: running,
      restart: running,
      stop: { status: "stopped", since: null, address: null },
      rename: running,
      export: {},
    };
    this.change(machine, { operation: null, ...(kind === "install_controller" || kind === "fix" ? {} : ends[kind]) });
  }

  failOperation(id: string, failure: Failure): void {
    const operation = this.operation(id);
    const now = before(0);
    this.changeOperation(id, { state: "failed", ended: now, failure, phases: operation.phases.map((each) => (each.state === "running" ? { ...each, state: "failed", ended: now } : each)) });
  }

  #put(name: string, part: Partial<MachineStatus>): MachineStatus {
    const old = this.world.machines.get(name);
    if (old === undefined) throw fail("machine_not_found", `there is no machine ${name}`);
    const next = { ...old, ...part };
    next.allowed = allowed(this.world, next);
    this.world.machines.set(name, next);
    return next;
  }

  #machine(name: string): MachineStatus {
    const found = this.world.machines.get(name);
    if (found === undefined) throw fail("machine_not_found", `there is no machine called ${name}`);
    return found;
  }

  #begin(kind: OperationKind, name: string | null, part: Partial<MachineStatus> = {}): Operation {
    const operation = newOperation(kind, name);
    const first = operation.phases[0];
    if (first !== undefined) operation.phases[0] = { ...first, state: "running", started: operation.started };
    this.world.operations = [operation, ...this.world.operations];
    this.world.logs.set(operation.id, []);
    this.emit({ event: "operation_changed", operation });
    if (name !== null) this.change(name, { ...part, operation });
    return operation;
  }

  /** Lets an operation wait for what its machine's modules ask for, if anything is open. */
  ask(id: string): boolean {
    const { machine } = this.operation(id);
    const asks = machine === null ? null : this.world.secrets.open(machine);
    if (asks === null) return false;
    this.enter(id, "ask");
    this.changeOperation(id, { state: "waiting_for_input", asks });
    return true;
  }

  /** What waits looks again; it goes on when nothing is open any more. */
  #answered(name: string) {
    const waiting = this.world.operations.find((operation) => operation.machine === name && operation.state === "waiting_for_input");
    if (waiting === undefined) return { operation: null, delivered: this.#machine(name).status === "running" };
    const asks = this.world.secrets.open(name);
    if (asks === null) {
      this.changeOperation(waiting.id, { state: "running", asks: null });
      this.enter(waiting.id, "build");
    } else this.changeOperation(waiting.id, { asks });
    return { operation: null, delivered: false };
  }

  #unlocked(): void {
    for (const operation of this.world.operations) if (operation.machine !== null && operation.state === "waiting_for_input") this.#answered(operation.machine);
  }

  #read(url: string) {
    const key = url.replace(/^https:\/\/github\.com\//, "github:").replace(/\.git$/, "");
    if (!/^[a-z+]+:|^\/|^~/.test(key)) throw fail("invalid_url", `“${url}” is not the address of a repository`, ["begin with https://, ssh:// or a folder"]);
    const found = repositories[key];
    if (found === undefined) throw fail("repository_not_found", `${url} was not found, or you may not see it`);
    return found;
  }

  #lines(id: string, activity: number | undefined): FakeLog {
    const log = this.world.logs.get(id) ?? [];
    if (!Array.isArray(log)) return log;
    const lines = activity === undefined ? log : log.filter((line) => line.activity === activity);
    return { count: lines.length, at: (index) => lines[index] ?? { level: "output", text: "" } };
  }

  readonly #commands: { [C in CommandName]: (args: Commands[C]["args"]) => Commands[C]["result"] | Promise<Commands[C]["result"]> } = {
    about: () => ({ version: "0.1.0", driver: this.world.engine.driver }),
    status: () => ({ machines: [...this.world.machines.values()].toSorted((a, b) => a.name.localeCompare(b.name)), engine: this.world.engine }),
    modules: ({ url }) => this.#read(url),
    samples: () => ({ samples }),
    init: ({ name, source, modules, nixpkgs }) => {
      if (this.world.machines.has(name)) throw fail("already_exists", `there is already a machine called ${name}`);
      const repository = source === null ? null : this.#read(source.url);
      const offered = repository?.modules.filter((module) => modules.includes(module.attr) || modules.includes(module.name)) ?? [];
      this.world.machines.set(name, {
        name,
        driver: this.world.engine.driver,
        status: "not_installed",
        config: "building",
        modules: offered.map((module) => ({ name: module.name, url: repository?.url ?? "", attr: module.attr, rev: repository?.rev ?? null })),
        nixpkgs: nixpkgs === undefined || nixpkgs === "builtin" ? { from: "builtin" } : { from: "module", module: nixpkgs },
        generation: null,
        built: null,
        since: null,
        address: null,
        allowed: [],
        operation: null,
        problem: null,
      });
      const requests = offered.map((module) => requestsOf[module.attr]).filter((each) => each !== undefined);
      this.world.secrets.requests.set(name, { secrets: requests.flatMap((each) => each.secrets), hostSecrets: requests.flatMap((each) => each.hostSecrets), capabilities: requests.flatMap((each) => each.capabilities) });
      return this.#begin("create", name);
    },
    add: ({ name, source, modules }) => {
      const repository = this.#read(source.url);
      const added = repository.modules.filter((module) => modules.includes(module.attr)).map((module) => ({ name: module.name, url: repository.url, attr: module.attr, rev: repository.rev }));
      return this.#begin("rebuild", name, { modules: [...this.#machine(name).modules, ...added], config: "building" });
    },
    module_remove: ({ name, module }) => this.#begin("rebuild", name, { modules: this.#machine(name).modules.filter((each) => each.name !== module), config: "building" }),
    rebuild: ({ name }) => this.#begin(this.#machine(name).generation === null ? "create" : "rebuild", name, { config: "building" }),
    start: ({ name }) => this.#begin("start", name, { status: "starting" }),
    stop: ({ name }) => this.#begin("stop", name, { status: "stopping" }),
    restart: ({ name }) => this.#begin("restart", name, { status: "stopping" }),
    delete: ({ name }) => this.#begin("delete", name, { status: "stopping" }),
    duplicate: ({ name, newName }) => {
      this.world.machines.set(newName, { ...this.#machine(name), name: newName, status: "not_installed", config: "building", generation: null, built: null, since: null, address: null, allowed: [], operation: null });
      return this.#begin("create", newName);
    },
    rename: ({ name }) => this.#begin("rename", name, { status: "stopping" }),
    export: ({ name }) => this.#begin("export", name),
    archive: () => ({ name: "shop", modules: [{ name: "web", url: "github:acme/shop", attr: ["nixosModules", "web"] }], secrets: ["token"], sealed: true, data: 48_000_000 }),
    import: ({ name }) => {
      const [like] = this.world.machines.values();
      const made = name ?? "shop";
      if (like !== undefined) this.world.machines.set(made, { ...like, name: made, status: "not_installed", config: "building", generation: null, built: null, since: null, address: null, allowed: [], operation: null });
      return this.#begin("create", made);
    },
    secrets: ({ name }) => this.world.secrets.list(this.#machine(name).name),
    answer: ({ name, answers }) => {
      this.world.secrets.keep(this.#machine(name).name, answers);
      return this.#answered(name);
    },
    secret_unset: ({ name, secret }) => {
      this.world.secrets.answers(this.#machine(name).name).values.delete(secret);
      return this.#answered(name);
    },
    secret_reveal: ({ name, secret }) => {
      const text = this.world.secrets.reveal(name, secret);
      return { text, base64: btoa(text) };
    },
    secrets_deliver: ({ name }) => ({ delivered: this.#machine(name).status === "running" }),
    access: () => this.world.access,
    token_set: ({ host, user }) => (this.world.access = withToken(this.world.access, host, user, new Date().toISOString())),
    token_remove: ({ host }) => (this.world.access = withoutToken(this.world.access, host)),
    secret_store: () => this.world.secrets.store,
    secret_store_use: ({ kind, passphrase }) => {
      const status = this.world.secrets.use(kind, passphrase);
      this.world.settings = { ...this.world.settings, secretStore: kind };
      this.emit({ event: "settings_changed", settings: this.world.settings });
      this.#unlocked();
      return status;
    },
    secret_store_unlock: ({ passphrase }) => {
      const status = this.world.secrets.unlock(passphrase);
      this.#unlocked();
      return status;
    },
    generations: ({ name }) => {
      const count = this.#machine(name).generation ?? 0;
      const generations: Generation[] = Array.from({ length: count }, (_, index) => ({
        number: index + 1,
        system: `/nix/store/${"abcdfghijklmnpqrsvwxyz0123456789".slice(index, index + 12)}0a1s2d3f4g5h6j7k8l9z-nixos-system-${name}-26.05`,
        created: before((count - index) * 3 * DAY - 22 * HOUR),
        current: index + 1 === count,
      }));
      return { generations };
    },
    operations: ({ machine, limit }) => ({ operations: this.world.operations.filter((operation) => machine === undefined || operation.machine === machine).slice(0, limit) }),
    operation: ({ id }) => ({ operation: this.operation(id), activities: this.world.activities.get(id) ?? [], logLines: this.#lines(id, undefined).count }),
    operation_log: ({ id, from, limit, activity }) => {
      const { count, at } = this.#lines(id, activity);
      const length = Math.max(0, Math.min(limit, count - from, 5000));
      return { total: count, lines: Array.from({ length }, (_, index) => at(from + index)) };
    },
    operation_log_search: ({ id, text, activity }) => {
      const { count, at } = this.#lines(id, activity);
      const lines: number[] = [];
      for (let index = 0; index < count && lines.length < 10_000; index += 1) if (at(index).text.toLowerCase().includes(text.toLowerCase())) lines.push(index);
      return { lines };
    },
    operation_cancel: ({ id }) => {
      const operation = this.operation(id);
      const machine = operation.machine === null ? undefined : this.world.machines.get(operation.machine);
      this.changeOperation(id, { state: "cancelled", ended: before(0), asks: null });
      if (machine !== undefined) this.change(machine.name, { status: machine.generation === null ? "not_installed" : machine.status, config: machine.generation === null ? "never_built" : "up_to_date" });
      return {};
    },
    capabilities: ({ name }) => ({ capabilities: this.world.capabilities.get(name) ?? [] }),
    doctor: () => this.world.diagnosis,
    doctor_fix: ({ id }) => {
      const check = this.world.diagnosis.checks.find((each) => each.id === id || each.fix?.id === id);
      if (check === undefined) throw fail("invalid_argument", `no check is called '${id}'`);
      check.state = "ok";
      check.fix = null;
      this.world.diagnosis.ok = this.world.diagnosis.checks.every((each) => each.state !== "fail");
      return this.#begin("fix", null);
    },
    diagnostics_contents: () => ({ files: bundle, suggestedName: "codchi-diagnostics-2026-01-01-120000.zip" }),
    diagnostics_save: ({ path }) => ({ path, files: bundle }),
    prepare: () => ({ operation: this.world.engine.controller === "running" ? null : this.#begin("install_controller", null) }),
    settings: () => this.world.settings,
    settings_set: (settings) => {
      this.world.settings = settings;
      this.emit({ event: "settings_changed", settings });
      return settings;
    },
  };
}

/** `?fake=SCENARIO` of the development server. What is begun in the window goes on by itself. */
export function fakeFromAddress(parameters: URLSearchParams): FakeBackend {
  const wanted = parameters.get("fake") ?? "design";
  const fake = new FakeBackend(wanted in scenarios ? (wanted as Scenario) : "design");
  const language = parameters.get("language");
  if (language === "de" || language === "en") fake.world.settings.language = language;
  const theme = parameters.get("theme");
  if (theme === "light" || theme === "dark") fake.world.settings.theme = theme;
  if (parameters.get("play") !== "no") play(fake);
  // For scripts that drive the browser.
  Object.assign(window, { fake });
  return fake;
}

/** Lets operations that are begun run through their phases, a few seconds each. */
function play(fake: FakeBackend): void {
  const seen = new Set(fake.world.operations.map((operation) => operation.id));
  setInterval(() => {
    for (const operation of fake.world.operations) {
      if (seen.has(operation.id) || isOver(operation)) continue;
      const next = operation.phases.find((phase) => phase.state === "pending");
      fake.print(operation.id, Array.from({ length: 40 }, (_, index) => ({ level: "output", text: `${operation.kind} ${index}: working on it` })));
      if (operation.state === "waiting_for_input") continue;
      if (next?.phase === "ask" && fake.ask(operation.id)) continue;
      if (next === undefined) fake.succeed(operation.id);
      else fake.enter(operation.id, next.phase);
    }
  }, 1200);
}

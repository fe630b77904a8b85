/** The worlds that can be pretended. */
import type { Check, MachineStatus } from "@/platform/contract";
import { asked, before, billingActivities, billingLog, checksumFailure, DAY, HOUR, huggingFace, machine, module, newOperation, noKvm, offlineFailure, pipeline, webshopActivities, webshopLog } from "./data";
import type { World } from "./index";

const MINUTE = 60_000;

function add(world: World, ...machines: MachineStatus[]): void {
  for (const each of machines) {
    world.machines.set(each.name, each);
    if (each.operation !== null) world.operations.push(each.operation);
  }
}

/** What the modules of `payments-api` ask for: set, replaced long ago, a file, one that is missing. */
function payments(world: World): void {
  world.secrets.requests.set("payments-api", {
    secrets: [
      asked("nexus-token", "backend", { description: "Read access to the company’s package registry.", env: "NEXUS_TOKEN", pattern: "nx-[a-z0-9]{8}" }),
      asked("kubeconfig", "desktop", { kind: "file", description: "Your access to the test cluster.", optional: true }),
      asked("sentry-dsn", "backend", { description: "Error reports of your own test runs.", env: "SENTRY_DSN", optional: true }),
      asked("a-very-long-name-of-a-secret-that-nobody-would-ever-choose", "my-editor", { description: "It is *long*." }),
    ],
    hostSecrets: ["sshAgent", "caCertificates"],
    capabilities: [],
  });
  const answers = world.secrets.answers("payments-api");
  answers.values.set("nexus-token", { value: "nx-0a1b2c3d", changed: before(40 * DAY) });
  answers.values.set("kubeconfig", { value: "apiVersion: v1\nkind: Config\n", changed: before(2 * DAY) });
  answers.hostSecrets.set("sshAgent", true);
  const there: Check = { ...noKvm, id: "capability.video", state: "ok", explanation: "It is there.", evidence: "/run/user/1000/wayland-0", fix: null };
  world.capabilities.set("payments-api", [
    { capability: "kvm", check: noKvm, required: true, without: true },
    { capability: "video", check: there, required: true, without: false },
    { capability: "gpu", check: { ...there, id: "capability.gpu", state: "warn", explanation: "There is no /dev/dri.", evidence: "" }, required: false, without: false },
  ]);
}

/** The eight machines of the design's pictures. */
function design(world: World): void {
  const waiting = newOperation("create", "ml-notebooks", { state: "waiting_for_input", phases: pipeline("ask", [4, 2, 1, 400], 6 * MINUTE), headline: "waiting for answers", started: before(6 * MINUTE) });
  world.secrets.requests.set("ml-notebooks", { secrets: [huggingFace], hostSecrets: [], capabilities: [] });
  waiting.asks = world.secrets.open("ml-notebooks");
  payments(world);
  const failed = newOperation("rebuild", "legacy-billing", {
    state: "failed",
    door: "command_line",
    phases: pipeline("build", [6, 2, 1, 0, 150], 5 * MINUTE, true),
    counts: { planned: 7, running: 0, done: 21, failed: 1 },
    started: before(5 * MINUTE),
    ended: before(5 * MINUTE - 159_000),
    failure: checksumFailure,
  });
  const building = newOperation("rebuild", "webshop-frontend", { phases: pipeline("build", [4, 2, 1, 0, 77], 84_000), counts: { planned: 7, running: 4, done: 18, failed: 0 }, headline: "building webshop-frontend-4.18.0", started: before(84_000) });
  const starting = newOperation("start", "mobile-android", { phases: [{ phase: "start", state: "running", started: before(3000), ended: null }], headline: "systemd: multi-user.target", started: before(3000) });
  add(
    world,
    machine("ml-notebooks", { status: "not_installed", config: "never_built", generation: null, built: null, modules: [module("github:research/notebooks", "jupyter"), module("github:research/notebooks", "cuda")], operation: waiting }),
    machine("legacy-billing", { config: "failed", generation: 3, built: before(150 * DAY), modules: [module("github:acme/billing", "default")], operation: failed }),
    machine("webshop-frontend", { status: "running", config: "building", generation: 22, built: before(DAY), since: before(9 * HOUR), address: "10.114.7.21", modules: [module("github:acme/webshop", "frontend"), module("github:acme/webshop", "e2e")], operation: building }),
    machine("mobile-android", { status: "starting", generation: 7, built: before(12 * DAY), modules: [module("github:acme/mobile", "android-sdk"), module("github:acme/mobile", "emulator")], operation: starting }),
    machine("payments-api", {
      status: "running",
      config: "modified",
      generation: 14,
      built: before(2 * DAY),
      since: before(3 * HOUR + 12 * MINUTE),
      address: "10.114.7.23",
      nixpkgs: { from: "module", module: "backend" },
      modules: [module("github:acme/payments", "backend"), module("github:acme/base?ref=v2.3", "desktop", "7be01d4c02e9b7f1a2b3c4d5e6f70819a41f9c2d"), module("path:/home/me/src/dotfiles", "my-editor", null)],
    }),
    machine("data-platform-ingestion-and-reporting-eu-central", {
      status: "running",
      generation: 31,
      built: before(6 * DAY),
      since: before(6 * DAY + 4 * HOUR),
      address: "10.114.7.24",
      modules: [module("gitlab:acme/data-platform", "ingestion"), module("gitlab:acme/data-platform", "reporting"), module("gitlab:acme/data-platform", "airflow")],
    }),
    machine("infra-tools", { status: "running", generation: 9, built: before(20 * DAY), since: before(41 * MINUTE), address: "10.114.7.25", modules: [module("github:acme/infra", "opentofu"), module("github:acme/infra", "kubectl")] }),
    machine("docs-site", { generation: 2, built: before(120 * DAY), modules: [module("github:acme/docs", "default")] }),
  );
  const over = (kind: "rebuild" | "start" | "create", days: number, seconds: number, part = {}) =>
    newOperation(kind, "payments-api", {
      state: "succeeded",
      started: before(days * DAY),
      ended: before(days * DAY - seconds * 1000),
      phases: kind === "start" ? [{ phase: "start", state: "done", started: before(days * DAY), ended: before(days * DAY - seconds * 1000) }] : pipeline(null, [4, 2, 1, 0, seconds - 12, 1, 2, 2], days * DAY),
      outcome: { changed: true, generation: kind === "start" ? null : 14, system: null, diff: null, warnings: [] },
      ...part,
    });
  world.operations.push(
    over("start", 0.14, 6, { door: "tray" }),
    over("rebuild", 2, 221, { outcome: { changed: true, generation: 14, system: null, warnings: [], diff: { size: 12_000_000, packages: Array.from({ length: 6 }, (_, index) => ({ name: `p${index}`, before: ["1"], after: ["2"], size: 0 })) } } }),
    over("rebuild", 6, 9, { state: "failed", phases: pipeline("requirements", [4, 5], 6 * DAY, true), outcome: null, failure: { code: "evaluation", message: "the configuration of payments-api doesn't evaluate: undefined variable 'pkgz' in backend, line 41", hints: [], causes: [], details: [] } }),
    over("rebuild", 9, 244, { outcome: { changed: true, generation: 13, system: null, diff: null, warnings: [] } }),
    over("create", 40, 620, { door: "command_line", outcome: { changed: true, generation: 1, system: null, diff: null, warnings: [] } }),
  );
  const frontend = webshopActivities();
  world.activities.set(building.id, frontend);
  world.logs.set(building.id, webshopLog(frontend));
  const billing = billingActivities();
  world.activities.set(failed.id, billing);
  world.logs.set(failed.id, billingLog(billing));
}

function offline(world: World): void {
  design(world);
  world.engine = { driver: "lxd", available: false, controller: null, problem: offlineFailure };
  for (const [name, each] of world.machines) world.machines.set(name, { ...each, status: "unknown", address: null, since: null, operation: null });
  world.operations = world.operations.filter((operation) => operation.ended !== null);
  world.diagnosis = {
    ok: false,
    checks: [
      { id: "engine", group: "engine", state: "fail", reason: "fail", parameters: {}, title: "Container engine", explanation: "It isn't installed or doesn't run. Install LXD or Incus, or start it.", evidence: "connection refused", fix: { id: "start_engine", commands: [["sudo", "snap", "start", "lxd"]], elevates: true, needsFile: false, byHand: false } },
      { id: "images", group: "controller", state: "ok", reason: "ok", parameters: {}, title: "Images", explanation: "They are there.", evidence: "/usr/share/codchi/images", fix: null },
      { id: "controller", group: "controller", state: "unknown", reason: "unknown", parameters: {}, title: "Controller", explanation: "The engine can't be asked.", evidence: "", fix: null },
      { id: "nix-daemon", group: "controller", state: "unknown", reason: "unknown", parameters: {}, title: "Nix daemon", explanation: "The engine can't be asked.", evidence: "", fix: null },
    ],
  };
}

/** A thousand machines with long names. */
function many(world: World): void {
  design(world);
  const words = ["zahlungsverkehr", "datenplattform", "kundenportal", "infrastruktur", "berichtswesen", "lagerverwaltung"];
  const places = ["produktion", "staging", "eu-central", "werkzeuge", "abnahme"];
  for (let index = world.machines.size; index < 1000; index += 1) {
    const name = `${words[index % words.length]}-${places[index % places.length]}-${String(index).padStart(4, "0")}`;
    const running = index % 27 === 0;
    add(world, machine(name, { status: running ? "running" : "stopped", since: running ? before((index % 50) * HOUR) : null, generation: 1 + (index % 40), built: before((index % 90) * DAY), modules: [module(`github:acme/${words[index % words.length]}`, "default")] }));
  }
}

/** One build with a million lines. */
function log(world: World): void {
  const operation = newOperation("rebuild", "webshop-frontend", { phases: pipeline("build", [4, 2, 1, 0, 77], 84_000), started: before(84_000) });
  add(world, machine("webshop-frontend", { status: "running", config: "building", since: before(HOUR), operation }));
  world.activities.set(operation.id, webshopActivities());
  world.logs.set(operation.id, { count: 1_000_000, at: (index) => ({ level: index % 5000 === 0 ? "warning" : "output", text: `line ${index}: ${"x".repeat(index % 160)}` }) });
}

export const scenarios = {
  design,
  offline,
  many,
  log,
  /** The design's machines, with a store that nothing can be kept in. */
  locked: (world: World) => {
    design(world);
    world.secrets.store = { kind: "keyring", state: "locked" };
  },
  "no-keyring": (world: World) => {
    design(world);
    world.secrets.store = { kind: "keyring", state: "absent" };
  },
  "locked-vault": (world: World) => {
    design(world);
    world.secrets.store = { kind: "vault", state: "locked" };
    world.secrets.passphrase = "open sesame";
  },
  empty: () => {},
  "first-run": (world: World) => {
    world.engine = { ...world.engine, controller: null };
  },
  loading: (world: World) => {
    world.hanging.add("status");
    world.hanging.add("doctor");
    world.hanging.add("operations");
  },
  doctor: (world: World) => {
    design(world);
    world.diagnosis = {
      ok: false,
      checks: [
        { id: "engine-group", group: "engine", state: "fail", reason: "fail", parameters: {}, title: "Permission", explanation: "Your user may not use LXD.", evidence: "srw-rw---- root lxd", fix: { id: "join_group", commands: [["usermod", "-aG", "lxd", "j.berger"]], elevates: true, needsFile: false, byHand: false } },
        { id: "controller", group: "controller", state: "warn", reason: "warn", parameters: {}, title: "Controller", explanation: "It doesn't run. It is started by itself when it is needed.", evidence: "", fix: null },
        ...world.diagnosis.checks.filter((check) => check.id !== "controller"),
      ],
    };
  },
} satisfies Record<string, (world: World) => void>;
export type Scenario = keyof typeof scenarios;

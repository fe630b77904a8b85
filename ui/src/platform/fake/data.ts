/** Things to pretend with: the machines, builds and checks that the design's pictures show. Times are relative to now. */
import type { Activity, ActivityState, AskedSecret, BundleFile, Check, Failure, HostSecret, LogLine, MachineStatus, ModuleStatus, Operation, OperationKind, Phase, Repository } from "@/platform/contract";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Ages are a little more than what they say, because the window's clock for ages is up to twenty seconds old. */
export const before = (ms: number) => new Date(Date.now() - ms - (ms >= HOUR ? 30 * SECOND : 0)).toISOString();

const PIPELINE: Phase[] = ["resolve", "requirements", "check", "ask", "build", "review", "switch", "finish"];
const phasesOf: Record<OperationKind, Phase[]> = {
  create: PIPELINE,
  rebuild: PIPELINE,
  start: ["start"],
  stop: ["stop"],
  restart: ["stop", "start"],
  delete: ["stop", "remove"],
  rename: ["stop", "rename", "start"],
  export: ["export"],
  install_controller: ["prepare"],
  fix: ["fix", "verify"],
};

let serial = 0;
export function newOperation(kind: OperationKind, ofMachine: string | null, part: Partial<Operation> = {}): Operation {
  serial += 1;
  return {
    id: `0199-${String(serial).padStart(6, "0")}`,
    kind,
    machine: ofMachine,
    door: "window",
    state: "running",
    phases: phasesOf[kind].map((phase) => ({ phase, state: "pending", started: null, ended: null })),
    counts: { planned: 0, running: 0, done: 0, failed: 0 },
    headline: null,
    asks: null,
    started: before(0),
    ended: null,
    failure: null,
    outcome: null,
    continuedBy: null,
    ...part,
  };
}

/** Phases of the pipeline up to `now`, with how long each took. */
export function pipeline(now: Phase | null, took: number[], started: number, failed = false): Operation["phases"] {
  let at = Date.now() - started;
  let reached = false;
  return PIPELINE.map((phase, index) => {
    if (reached) return { phase, state: "pending" as const, started: null, ended: null };
    const begin = at;
    at += (took[index] ?? 1) * SECOND;
    if (phase === "ask" && phase !== now) return { phase, state: "skipped" as const, started: null, ended: null };
    if (phase !== now) return { phase, state: "done" as const, started: new Date(begin).toISOString(), ended: new Date(at).toISOString() };
    reached = true;
    return { phase, state: failed ? ("failed" as const) : ("running" as const), started: new Date(begin).toISOString(), ended: failed ? new Date(at).toISOString() : null };
  });
}

export function module(url: string, name: string, rev: string | null = "a41f9c2d7be01d4c02e9b7f1a2b3c4d5e6f70819"): ModuleStatus {
  return { name, url, attr: `codchiModules.${name}`, rev };
}

export function machine(name: string, part: Partial<MachineStatus> = {}): MachineStatus {
  return {
    name,
    driver: "lxd",
    status: "stopped",
    config: "up_to_date",
    modules: [module(`github:acme/${name}`, "default")],
    nixpkgs: { from: "builtin" },
    generation: 1,
    built: before(2 * DAY),
    since: null,
    address: null,
    allowed: [],
    operation: null,
    problem: null,
    ...part,
  };
}

export const checksumFailure: Failure = {
  code: "build",
  message: "billing-pnpm-deps did not build: it downloaded something other than what the module expects",
  hints: ["put the new checksum sha256-Q9f3bZc4nA0yT6uKd81sPq2xv5LhE7mJw1E= into nix/deps.nix and push", "press Retry; the 21 finished parts are kept"],
  causes: [],
  details: [
    "Running phase: fixupPhase",
    "error: hash mismatch in fixed-output derivation '/nix/store/3v9s0k-billing-pnpm-deps.drv':",
    "         specified: sha256-m7Gk0qvT1xX2w8s1Yt6uKd81sPq2xv5LhE7mJrL8=",
    "            got:    sha256-Q9f3bZc4nA0yT6uKd81sPq2xv5LhE7mJw1E=",
    "error: 1 dependency of '/nix/store/9lq-billing-2.9.0.drv' failed to build",
  ],
};

let activitySerial = 0;
export function activity(name: string, state: ActivityState, part: Partial<Activity> = {}): Activity {
  activitySerial += 1;
  const began = state === "planned" ? null : before(MINUTE);
  return { id: activitySerial, parent: null, kind: "build", name, state, phase: null, started: began, ended: state === "done" || state === "failed" ? before(20 * SECOND) : null, bytes: 0, bytesExpected: 0, ...part };
}

const ago = (seconds: number) => before(seconds * SECOND);

export function webshopActivities(): Activity[] {
  const system = activity("nixos-system-webshop-frontend", "running", { started: ago(84) });
  const frontend = activity("webshop-frontend-4.18.0", "running", { parent: system.id, phase: "checkPhase", started: ago(52) });
  const took = (from: number, to: number) => ({ started: ago(from), ended: ago(to) });
  return [
    system,
    frontend,
    activity("pnpm-deps-4.18.0", "done", { parent: frontend.id, ...took(83, 52) }),
    activity("nodejs-22.21.1", "done", { parent: frontend.id, kind: "substitute", bytes: 42e6, bytesExpected: 42e6, ...took(70, 64) }),
    activity("playwright-browsers-1.56", "running", { parent: system.id, phase: "installPhase", started: ago(40) }),
    activity("chromium-142.0", "running", { parent: system.id, kind: "substitute", bytes: 61e6, bytesExpected: 118e6, started: ago(12) }),
    activity("ffmpeg-8.0-lib", "running", { parent: system.id, kind: "substitute", bytes: 9e6, bytesExpected: 14e6, started: ago(3) }),
    activity("e2e-runner", "planned", { parent: system.id }),
    activity("home-manager-path", "planned", { parent: system.id }),
    activity("etc", "planned", { parent: system.id }),
    activity("system-units", "planned", { parent: system.id }),
    ...Array.from({ length: 16 }, (_, index) => activity(`dependency-${index}`, "done", { kind: index % 2 === 0 ? "build" : "substitute", bytes: index % 2 === 0 ? 0 : 20e6, bytesExpected: index % 2 === 0 ? 0 : 20e6, ...took(80 - index, 70 - index) })),
  ];
}

export function billingActivities(): Activity[] {
  const system = activity("nixos-system-legacy-billing", "stopped", { started: null });
  const billing = activity("billing-2.9.0", "stopped", { parent: system.id, started: null });
  return [
    system,
    billing,
    activity("billing-pnpm-deps", "failed", { parent: billing.id, phase: "fixupPhase", started: before(5 * MINUTE), ended: before(5 * MINUTE - 41 * SECOND) }),
    activity("system-units", "stopped", { parent: system.id, started: null }),
    ...Array.from({ length: 21 }, (_, index) => activity(`dependency-${index}`, "done", { started: before(8 * MINUTE), ended: before(8 * MINUTE - 118 * SECOND) })),
  ];
}

const esc = "\u001b";
export function webshopLog(activities: Activity[]): LogLine[] {
  const frontend = activities[1]?.id;
  const browsers = activities[4]?.id;
  const out = (text: string, from = frontend): LogLine => (from === undefined ? { level: "output", text } : { activity: from, level: "output", text });
  const info = (text: string): LogLine => ({ level: "info", text });
  const dots = (count: number) => `${esc}[32m${"·".repeat(count)}${esc}[0m`;
  const lines: LogLine[] = Array.from({ length: 1837 }, (_, index) => out(index % 7 === 0 ? `[${index}/1837] ${esc}[2mcompiling${esc}[0m src/components/View${index}.tsx` : `resolved ${index} packages, reused ${index - 3}, downloaded 3`));
  return [
    ...lines,
    info(`copying path ${esc}[0mglibc-2.42${esc}[2m from ${esc}[0mcache.nixos.org`),
    info("copying path icu-77.1 from cache.nixos.org"),
    info("building webshop-frontend-4.18.0"),
    out(`Running phase: ${esc}[36munpackPhase${esc}[0m`),
    out("unpacking source archive"),
    out("patching script interpreter paths in ./node_modules/.bin and a very long list of other directories that nobody ever reads"),
    out(`Running phase: ${esc}[36mbuildPhase${esc}[0m`),
    out("> webshop@4.18.0 build"),
    out("> vite build --mode production"),
    out("unpacking chromium-linux.zip", browsers),
    out(`${esc}[36mvite v7.2.1${esc}[39m building for ${esc}[32mproduction${esc}[39m…`),
    out(`${esc}[32m✓${esc}[0m 1284 modules transformed.`),
    out("rendering chunks (38)…"),
    out("412 files, 389 MB", browsers),
    out("computing gzip size (38)…"),
    out("dist/index.html                  1.84 kB │ gzip:  0.79 kB"),
    out("dist/assets/index-C4pYw0eK.css  86.20 kB │ gzip: 14.32 kB"),
    out("dist/assets/vendor-9Qf2Lr1.js  412.77 kB │ gzip: 131.04 kB"),
    out(`${esc}[33mwarning:${esc}[0m some chunks are larger than 400 kB`),
    out(`${esc}[32m✓${esc}[0m built in 21.48s`),
    info("copying path nodejs-22.21.1 from cache.nixos.org"),
    out(`Running phase: ${esc}[36mcheckPhase${esc}[0m`),
    out("> vitest run --reporter=dot"),
    out(`${dots(24)} 24/212`),
    out(`${dots(64)} 88/212`),
    out(`Running phase: ${esc}[36minstallPhase${esc}[0m`, browsers),
    out(`${dots(64)} 152/212`),
    out(`${esc}[33mstderr${esc}[0m cart.spec.ts: retrying after timeout (1/3)`),
    out(`${dots(32)} 184/212`),
  ];
}

export function billingLog(activities: Activity[]): LogLine[] {
  const from = activities[2]?.id ?? 0;
  const out = (text: string): LogLine => ({ activity: from, level: "output", text });
  const error = (text: string): LogLine => ({ activity: from, level: "error", text });
  return [
    ...Array.from({ length: 3106 }, (_, index) => out(`Progress: resolved ${index}, reused 0, downloaded ${index}, added 0`)),
    out(`Running phase: ${esc}[36mbuildPhase${esc}[0m`),
    out("Progress: resolved 1184, downloaded 1184, done"),
    out(`Running phase: ${esc}[36mfixupPhase${esc}[0m`),
    error(`${esc}[31merror:${esc}[0m hash mismatch in fixed-output derivation`),
    error("         '/nix/store/3v9s…-billing-pnpm-deps.drv':"),
    error(`         specified: sha256-${esc}[31mm7Gk0qvT1xX2…rL8=${esc}[0m`),
    error(`            got:    sha256-${esc}[32mQ9f3bZc4nA0y…w1E=${esc}[0m`),
    out(`${esc}[31merror:${esc}[0m 1 dependency of '…-billing-2.9.0.drv' failed`),
    out(`${esc}[31merror:${esc}[0m 1 dependency of '…-nixos-system-legacy-billing.drv' failed`),
  ];
}

export const repositories: Record<string, Repository> = {
  "github:acme/checkout-service": {
    url: "github:acme/checkout-service",
    rev: "c02e9b7d4f1e8a90b1c2d3e4f5a6b7c8d9e0f102",
    modules: [
      { attr: "codchiModules.backend", path: ["codchiModules", "backend"], name: "backend", description: "Java 21, PostgreSQL 17, the service and its test database.", error: null },
      { attr: "codchiModules.desktop", path: ["codchiModules", "desktop"], name: "desktop", description: "IntelliJ IDEA and a browser, shown in your own desktop.", error: null },
      { attr: "nixosModules.ci-runner", path: ["nixosModules", "ci-runner"], name: "ci-runner", description: null, error: null },
    ],
    nixpkgs: { direct: true },
    problems: [],
  },
  "github:acme/empty": { url: "github:acme/empty", rev: null, modules: [], nixpkgs: { direct: false }, problems: [] },
};

export const samples = [
  { name: "hello", url: "git+file:///usr/share/codchi/examples/hello", description: "A program that greets." },
  { name: "web", url: "git+file:///usr/share/codchi/examples/web", description: "A web service with a unit and a secret." },
];
for (const sample of samples) {
  repositories[sample.url] = {
    url: sample.url,
    rev: "0d1c2b3a495867",
    modules: [{ attr: `nixosModules.${sample.name}`, path: ["nixosModules", sample.name], name: sample.name, description: sample.description, error: null }],
    nixpkgs: { direct: true },
    problems: [],
  };
}

export const checks: Check[] = [
  { id: "engine", group: "engine", state: "ok", reason: "ok", parameters: {}, title: "Container engine", explanation: "It answers.", evidence: "LXD 5.21.3 at /var/snap/lxd/common/lxd/unix.socket", fix: null },
  { id: "images", group: "controller", state: "ok", reason: "ok", parameters: {}, title: "Images", explanation: "They are there.", evidence: "/usr/share/codchi/images", fix: null },
  { id: "controller", group: "controller", state: "ok", reason: "ok", parameters: {}, title: "Controller", explanation: "It runs.", evidence: "10.114.7.2", fix: null },
  { id: "nix-daemon", group: "controller", state: "ok", reason: "ok", parameters: {}, title: "Nix daemon", explanation: "It answers.", evidence: "nix 2.31.2, running, restarted 0 times", fix: null },
];

export const bundle: BundleFile[] = [
  { name: "versions.json", bytes: 412, about: "versions of Codchi, its images and this system" },
  { name: "checks.json", bytes: 6_120, about: "what Doctor found" },
  { name: "codchi.log", bytes: 84_300, about: "the developers' log" },
];

export const offlineFailure: Failure = {
  code: "engine_unavailable",
  message: "LXD can't be reached at /var/snap/lxd/common/lxd/unix.socket",
  hints: ["Start it: sudo snap start lxd"],
  causes: ["connection refused"],
  details: [],
};

export function asked(name: string, ofModule: string | null, part: Partial<AskedSecret["request"]> = {}): AskedSecret {
  const env = part.kind === "file" ? null : name.toUpperCase().replaceAll(/[-.]/g, "_");
  const path = part.kind === "file" ? `/run/codchi/secrets/${name}` : null;
  return { name, module: ofModule, request: { description: "", kind: "env", env, path, owner: null, group: null, mode: null, optional: false, pattern: null, module: ofModule === null ? null : 0, ...part } };
}

export const huggingFace = asked("hugging-face-token", "jupyter", {
  description: "Needed to download the gated model weights that the notebooks use. A **read** token is enough.\n\n[Create one at huggingface.co](https://huggingface.co/settings/tokens)",
  env: "HF_TOKEN",
  pattern: "hf_[A-Za-z0-9]{20,}",
});

export const noKvm: Check = {
  id: "capability.kvm",
  group: "capabilities",
  state: "fail",
  reason: "denied",
  parameters: {},
  title: "KVM",
  explanation: "The test suite starts virtual machines. Your user may not open /dev/kvm.",
  evidence: "crw-rw---- root kvm",
  fix: { id: "join_kvm", commands: [["usermod", "-aG", "kvm", "j.berger"]], elevates: true, needsFile: false, byHand: false },
};

/** What the modules of `github:acme/checkout-service` ask for, by attribute. */
export const requestsOf: Record<string, { secrets: AskedSecret[]; hostSecrets: HostSecret[]; capabilities: Check[] }> = {
  "codchiModules.backend": {
    secrets: [
      asked("payment-provider-key", "backend", { description: "Sandbox key of the payment provider.", env: "PAYMENT_PROVIDER_KEY" }),
      asked("nexus-token", "backend", { description: "Read access to the company’s package registry.", env: "NEXUS_TOKEN", pattern: "nx-[a-z0-9]{32}" }),
      asked("sentry-dsn", "backend", { description: "Error reports of your own test runs.", env: "SENTRY_DSN", optional: true }),
    ],
    hostSecrets: ["caCertificates", "gitCredentials"],
    capabilities: [noKvm],
  },
};

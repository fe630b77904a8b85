import { createRootRoute, createBrowserHistory, createRoute, createRouter, lazyRouteComponent, redirect, type RouterHistory } from "@tanstack/react-router";
import type { Draft } from "@/state/draft";
import { MachinesScreen } from "@/screens/machines/MachinesScreen";
import { AppShell } from "./AppShell";
import { fetchRest, type Rest } from "./fetchRest";
import { NotFound, PageFailed } from "./PageFailed";

interface NewSearch {
  /** An address that came from outside, such as a deep link. */
  url?: string;
  kind?: Draft["kind"];
  step?: "source" | "modules" | "requirements";
  /** The operation whose questions the page of requirements shows. */
  operation?: string;
  /** Read the repository at once. */
  read?: boolean;
}
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
function oneOf<V extends string>(value: unknown, values: readonly V[]): V | undefined {
  return values.find((each) => each === value);
}
/** Only what is there: an absent key and one that is undefined are the same address. */
function defined<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as T;
}

/** A page that the window doesn't begin with. */
const later = <N extends keyof Rest>(name: N) => lazyRouteComponent(fetchRest, name);

const root = createRootRoute({ component: AppShell, notFoundComponent: NotFound });
const machines = createRoute({ getParentRoute: () => root, path: "/", component: MachinesScreen, validateSearch: (search): { focus?: "filter" } => defined({ focus: oneOf(search.focus, ["filter"]) }) });
const list = createRoute({ getParentRoute: () => root, path: "/machines", beforeLoad: () => { throw redirect({ to: "/", replace: true }); } });
const newMachine = createRoute({
  getParentRoute: () => root,
  path: "/new",
  component: later("NewMachineScreen"),
  validateSearch: (search): NewSearch =>
    defined({
      url: text(search.url),
      kind: oneOf(search.kind, ["repository", "local", "empty"]),
      step: oneOf(search.step, ["source", "modules", "requirements"]),
      operation: text(search.operation),
      read: search.read === true || undefined,
    }),
});
const machine = createRoute({ getParentRoute: () => root, path: "/machines/$name", component: later("MachineScreen") });
const overview = createRoute({ getParentRoute: () => machine, path: "/", component: later("Overview") });
const modules = createRoute({ getParentRoute: () => machine, path: "/modules", component: later("Modules"), validateSearch: (search): { add?: boolean } => defined({ add: search.add === true || undefined }) });
const generations = createRoute({ getParentRoute: () => machine, path: "/generations", component: later("Generations") });
const capabilities = createRoute({ getParentRoute: () => machine, path: "/capabilities", component: later("Capabilities") });
const secrets = createRoute({ getParentRoute: () => machine, path: "/secrets", component: later("Secrets") });
const machineBuilds = createRoute({ getParentRoute: () => machine, path: "/builds", component: later("MachineBuilds") });
const builds = createRoute({ getParentRoute: () => root, path: "/builds", component: later("BuildsScreen") });
const build = createRoute({ getParentRoute: () => root, path: "/builds/$id", component: later("BuildScreen"), validateSearch: (search): { answer?: boolean } => defined({ answer: search.answer === true || undefined }) });
const doctor = createRoute({ getParentRoute: () => root, path: "/doctor", component: later("DoctorScreen") });
const settings = createRoute({ getParentRoute: () => root, path: "/settings", component: later("SettingsScreen") });

const routeTree = root.addChildren([machines, list, newMachine, machine.addChildren([overview, modules, generations, secrets, capabilities, machineBuilds]), builds, build, doctor, settings]);

/** The paths are those of `src-tauri/src/page.rs` too: tray, notifications and `--open` lead to them. */
export function createAppRouter(history: RouterHistory = createBrowserHistory()) {
  return createRouter({ routeTree, history, defaultErrorComponent: PageFailed, scrollRestoration: false });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}

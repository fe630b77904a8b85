import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBackend } from "@/platform/fake";
import { callsOf, expectAccessible, machineRow, renderApp } from "./render";

describe("a machine's page", () => {
  it("shows state, modules, system and what happened", async () => {
    const { fake } = renderApp("/machines/payments-api");
    expect(await screen.findByText("for 3 h 12 min")).toBeVisible();
    expect(screen.getByRole("heading", { level: 1, name: "payments-api" })).toBeVisible();
    expect(screen.getByText("Changed, not built yet.")).toBeVisible();
    expect(screen.getByText("Provides nixpkgs")).toBeVisible();
    expect(await screen.findByText("14 of 14")).toBeVisible();
    expect(await screen.findByText("Rebuilt to generation 14")).toBeVisible();
    expect(screen.getByText("codchi exec payments-api")).toBeVisible();
    await expectAccessible();
    fake.change("payments-api", { config: "up_to_date" });
    await waitFor(() => expect(screen.queryByText("Changed, not built yet.")).not.toBeInTheDocument());
  });

  it("moves between its tabs by keys", async () => {
    const { user, path } = renderApp("/machines/payments-api");
    (await screen.findByRole("tab", { name: "Overview" })).focus();
    await user.keyboard("{ArrowRight}");
    expect(await screen.findByRole("button", { name: "Remove backend" })).toBeVisible();
    expect(path()).toBe("/machines/payments-api/modules");
    await expectAccessible();
    await user.keyboard("{ArrowRight}");
    expect(await screen.findByText("Running now")).toBeVisible();
    await expectAccessible();
    await user.keyboard("{ArrowRight}");
    expect(await screen.findByRole("list", { name: "Secrets" })).toBeVisible();
    expect(path()).toBe("/machines/payments-api/secrets");
    await expectAccessible();
    await user.keyboard("{ArrowRight}");
    await waitFor(() => expect(path()).toBe("/machines/payments-api/capabilities"));
    await expectAccessible();
    await user.keyboard("{ArrowRight}");
    expect(await screen.findByRole("table")).toBeVisible();
    expect(path()).toBe("/machines/payments-api/builds");
    await expectAccessible();
  });

  it("adds modules of another repository", async () => {
    const { user, fake, path } = renderApp("/machines/payments-api/modules");
    await user.click(await screen.findByRole("button", { name: "Add module" }));
    const dialog = await screen.findByRole("dialog", { name: "Add modules to payments-api" });
    const address = within(dialog).getByRole("textbox");
    await waitFor(() => expect(address).toHaveFocus());
    await user.type(address, "github:acme/nowhere{Enter}");
    await waitFor(() => expect(address).toHaveAccessibleDescription(/was not found/));
    await user.clear(address);
    await user.type(address, "github:acme/checkout-service{Enter}");
    await user.click(await within(dialog).findByRole("checkbox", { name: "desktop" }));
    await expectAccessible();
    await user.click(within(dialog).getByRole("button", { name: "Add and rebuild" }));
    await waitFor(() => expect(callsOf(fake, "add")).toEqual([{ name: "payments-api", source: { url: "github:acme/checkout-service" }, modules: ["codchiModules.desktop"], askFor: "everything" }]));
    await waitFor(() => expect(path()).toMatch(/^\/builds\//));
  });

  it("removes a module after asking", async () => {
    const { user, fake } = renderApp("/machines/payments-api/modules");
    await user.click(await screen.findByRole("button", { name: "Remove desktop" }));
    const dialog = await screen.findByRole("alertdialog", { name: "Remove desktop from payments-api?" });
    await user.click(within(dialog).getByRole("button", { name: "Remove and rebuild" }));
    await waitFor(() => expect(callsOf(fake, "module_remove")).toEqual([{ name: "payments-api", module: "desktop" }]));
  });

  it("restarts and deletes from its menu, and leaves when it is gone", async () => {
    const { user, fake, path } = renderApp("/machines/payments-api");
    await user.click(await screen.findByRole("button", { name: "More actions" }));
    await user.click(await screen.findByRole("menuitem", { name: "Delete…" }));
    await user.click(await screen.findByRole("button", { name: "Delete payments-api" }));
    await waitFor(() => expect(callsOf(fake, "delete")).toEqual([{ name: "payments-api", keepSecrets: false }]));
    await waitFor(() => expect(path()).toBe("/"));
  });

  it("rebuilds without updating", async () => {
    const { user, fake } = renderApp("/machines/payments-api");
    await user.click(await screen.findByRole("button", { name: "Rebuild options" }));
    await user.click(await screen.findByRole("menuitem", { name: "Rebuild without updating" }));
    await waitFor(() => expect(callsOf(fake, "rebuild")).toEqual([{ name: "payments-api", update: false, dryRun: false, askFor: "everything" }]));
  });

  it("says why it failed, in one line", async () => {
    const { user, path } = renderApp("/machines/legacy-billing");
    expect(await screen.findByRole("alert")).toHaveTextContent("Rebuild failed. billing-pnpm-deps did not build");
    await user.click(screen.getByRole("button", { name: "See why" }));
    await waitFor(() => expect(path()).toMatch(/^\/builds\//));
  });

  it("says that there is none of that name", async () => {
    renderApp("/machines/nowhere");
    expect(await screen.findByRole("heading", { name: "There is no machine called nowhere" })).toBeVisible();
    await expectAccessible();
  });
});

describe("doctor", () => {
  it("puts what needs you on top, shows the exact command, and checks again", async () => {
    const { user, fake } = renderApp("/doctor", "doctor");
    expect(await screen.findByText(/^1 of 5 checks needs you · 1 warning · checked/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: /^Fix…/ }));
    expect(screen.getByText("sudo usermod -aG lxd j.berger")).toBeVisible();
    await expectAccessible();
    await user.click(screen.getByRole("button", { name: "Copy command" }));
    await waitFor(() => expect(fake.copied).toEqual(["sudo usermod -aG lxd j.berger"]));
    fake.world.diagnosis = { ok: true, checks: fake.world.diagnosis.checks.filter((check) => check.state === "ok") };
    await user.click(screen.getByRole("button", { name: "Check again" }));
    expect(await screen.findByText(/Everything works/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Copy report" }));
    await waitFor(() => expect(fake.copied[1]).toContain("[ok] Nix daemon: It answers."));
  });

  it("counts apart what it does not know, and says when nothing could be checked", async () => {
    const fake = new FakeBackend("doctor");
    const checks = fake.world.diagnosis.checks.filter((check) => check.state === "ok");
    fake.world.diagnosis = { ok: true, checks: checks.map((check, index) => (index === 0 ? { ...check, state: "unknown" } : check)) };
    const { user } = renderApp("/doctor", fake);
    expect(await screen.findByText(/^1 result is not known · checked/)).toBeVisible();
    expect(screen.queryByText(/Everything works/)).not.toBeInTheDocument();
    fake.world.failing.set("doctor", { code: "failed", message: "it can't be asked", hints: [], causes: [], details: [] });
    await user.click(screen.getByRole("button", { name: "Check again" }));
    expect(await screen.findByText("The checks could not be run", { selector: "header *" })).toBeVisible();
    expect(screen.queryByText("Checking…")).not.toBeInTheDocument();
  });

  it("prepares the controller itself", async () => {
    const fake = new FakeBackend("doctor");
    fake.world.engine = { ...fake.world.engine, controller: "stopped" };
    const { user, path } = renderApp("/doctor", fake);
    await user.click(await screen.findByRole("button", { name: "Prepare now" }));
    await waitFor(() => expect(path()).toMatch(/^\/builds\//));
  });
});

describe("settings", () => {
  it("keeps what is chosen, and looks and speaks like it", async () => {
    const { user, fake } = renderApp("/settings");
    await expectLoaded();
    await expectAccessible();
    await user.click(screen.getByRole("radio", { name: "Dark" }));
    await waitFor(() => expect(document.documentElement.dataset.theme).toBe("dark"));
    expect(localStorage.getItem("codchi.theme")).toBe("dark");
    await user.click(screen.getByRole("checkbox", { name: "Keep running in the tray when the window is closed" }));
    await waitFor(() => expect(fake.world.settings).toMatchObject({ theme: "dark", closeToTray: false }));
    await user.click(screen.getByRole("combobox", { name: "Language" }));
    await user.click(await screen.findByRole("option", { name: "Deutsch" }));
    expect(await screen.findByRole("heading", { level: 1, name: "Einstellungen" })).toBeVisible();
    expect(document.documentElement.lang).toBe("de");
    await user.click(screen.getByRole("radio", { name: "Wie das System" }));
    await waitFor(() => expect(document.documentElement.dataset.theme).toBeUndefined());
  });

  it("takes back what could not be kept", async () => {
    const { user, fake } = renderApp("/settings");
    await expectLoaded();
    fake.world.failing.set("settings_set", { code: "failed", message: "the disk is full", hints: [], causes: [], details: [] });
    await user.click(screen.getByRole("radio", { name: "Light" }));
    expect(await screen.findAllByText("the disk is full")).not.toHaveLength(0);
    await waitFor(() => expect(screen.getByRole("radio", { name: "As the system" })).toBeChecked());
  });

  it("follows a change made elsewhere", async () => {
    const { fake } = renderApp("/settings");
    await expectLoaded();
    fake.emit({ event: "settings_changed", settings: { ...fake.world.settings, theme: "light" } });
    await waitFor(() => expect(screen.getByRole("radio", { name: "Light" })).toBeChecked());
  });

  it("switches single letters off", async () => {
    const { user, fake } = renderApp("/settings");
    await expectLoaded();
    await user.click(screen.getByRole("checkbox", { name: "Single-letter keys" }));
    await user.keyboard("{Control>}1{/Control}");
    (await machineRow("docs-site")).focus();
    await user.keyboard("s");
    expect(callsOf(fake, "start")).toEqual([]);
  });

  async function expectLoaded() {
    await screen.findByRole("radio", { name: "Dark" });
  }
});

describe("the window", () => {
  it("finds machines, actions and pages", async () => {
    const { user, path, fake } = renderApp();
    await machineRow("payments-api");
    await user.keyboard("{Control>}k{/Control}");
    const input = await screen.findByRole("combobox", { name: "Search or run a command" });
    await waitFor(() => expect(input).toHaveFocus());
    await user.type(input, "pay");
    expect(screen.getByRole("option", { selected: true })).toHaveTextContent("payments-apiRunning");
    // Of eight machines' pages and actions, the window's pages, a new machine and one from a file.
    expect(screen.getByText(`${screen.getAllByRole("option").length} of ${8 * (1 + 7) + 4 + 2}`)).toBeVisible();
    await expectAccessible();
    await user.keyboard("{ArrowDown}{Enter}");
    await waitFor(() => expect(fake.terminals).toEqual(["payments-api"]));

    await user.keyboard("{Control>}k{/Control}");
    await user.type(await screen.findByRole("combobox", { name: "Search or run a command" }), "docs");
    expect(await screen.findByRole("option", { name: /Restart/ })).toHaveTextContent("docs-site is not running. Start it first.");
    await user.keyboard("{Enter}");
    await waitFor(() => expect(path()).toBe("/machines/docs-site"));
  });

  it("goes where the tray or a notification points", async () => {
    const { fake, path } = renderApp();
    await machineRow("payments-api");
    fake.openPage("/machines/infra-tools");
    expect(await screen.findByRole("heading", { level: 1, name: "infra-tools" })).toBeVisible();
    fake.openPage("/machines");
    await waitFor(() => expect(path()).toBe("/"));
  });

  it("shows all keys, and has pages on Ctrl and a number", async () => {
    const { user, path } = renderApp();
    await machineRow("payments-api");
    await user.keyboard("?");
    const help = await screen.findByRole("dialog", { name: "Keys" });
    expect(help).toHaveTextContent("Type a name to jump");
    await expectAccessible();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    await user.keyboard("{Control>}3{/Control}");
    await waitFor(() => expect(path()).toBe("/doctor"));
    await user.keyboard("{Control>}n{/Control}");
    await waitFor(() => expect(path()).toBe("/new"));
  });

  it("speaks German", async () => {
    const fake = new FakeBackend("design");
    renderApp("/", fake);
    fake.world.settings.language = "de";
    expect(await screen.findByRole("heading", { level: 1, name: "Maschinen" })).toBeVisible();
    expect(await machineRow("payments-api")).toHaveTextContent("Läuft");
    expect(await machineRow("payments-api")).toHaveTextContent("Gen. 14 · 2 T.");
    expect(screen.getByText("4 laufen · 2 warten auf Sie")).toBeVisible();
  });
});

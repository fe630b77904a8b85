import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Check } from "@/platform/contract";
import { FakeBackend } from "@/platform/fake";
import { selectedMachine } from "@/state/preferences";
import { callsOf, expectAccessible, machineRow, renderApp } from "./render";

describe("the list of machines", () => {
  it("shows each machine in its group, with state in words", async () => {
    renderApp();
    expect(await machineRow("payments-api")).toHaveTextContent("acme/payments: backend");
    expect(screen.getByRole("grid", { name: "Machines" })).toHaveAttribute("aria-rowcount", "13");
    expect(await machineRow("payments-api")).toHaveTextContent("Running");
    expect(await machineRow("payments-api")).toHaveTextContent("Changed, not built");
    expect(await machineRow("legacy-billing")).toHaveTextContent("Build failed");
    expect(await machineRow("ml-notebooks")).toHaveTextContent("Waiting for input");
    expect(await machineRow("webshop-frontend")).toHaveTextContent("Rebuilding · build");
    expect(screen.getByText("4 running · 2 need you")).toBeVisible();
    await expectAccessible();
  });

  it("is walked by keys", async () => {
    const { user, path } = renderApp();
    const first = await machineRow("legacy-billing");
    await waitFor(() => expect(first).toHaveFocus());
    await user.keyboard("{ArrowDown}");
    await waitFor(() => expect(selectedMachine.read()).toBe("ml-notebooks"));
    await user.keyboard("{End}");
    await waitFor(async () => expect(await machineRow("docs-site")).toHaveFocus());
    expect(await machineRow("docs-site")).toHaveAttribute("aria-selected", "true");
    await user.keyboard("{Home}");
    await waitFor(() => expect(first).toHaveFocus());
    await user.keyboard("{PageDown}");
    await waitFor(async () => expect(await machineRow("docs-site")).toHaveFocus());
    await user.keyboard("{PageUp}");
    await waitFor(() => expect(first).toHaveFocus());
    await user.keyboard("pay");
    await waitFor(async () => expect(await machineRow("payments-api")).toHaveFocus());
    await user.keyboard("{Enter}");
    await screen.findByRole("heading", { level: 1, name: "payments-api" });
    expect(path()).toBe("/machines/payments-api");
  });

  it("starts, stops, rebuilds, opens a terminal and pins by single letters", async () => {
    const { user, fake, path } = renderApp();
    (await machineRow("docs-site")).focus();
    await user.keyboard("s");
    await waitFor(() => expect(callsOf(fake, "start")).toEqual([{ name: "docs-site" }]));

    (await machineRow("payments-api")).focus();
    await user.keyboard("t");
    await waitFor(() => expect(fake.terminals).toEqual(["payments-api"]));

    await user.keyboard("s");
    const dialog = await screen.findByRole("alertdialog", { name: "Stop payments-api?" });
    await user.click(within(dialog).getByRole("button", { name: "Stop payments-api" }));
    await waitFor(() => expect(callsOf(fake, "stop")).toEqual([{ name: "payments-api", force: false }]));

    (await machineRow("infra-tools")).focus();
    await user.keyboard(" ");
    await screen.findByText("infra-tools is pinned to the sidebar");
    await user.keyboard("r");
    await waitFor(() => expect(callsOf(fake, "rebuild")).toEqual([{ name: "infra-tools", update: true, dryRun: false, askFor: "everything" }]));
    await waitFor(() => expect(path()).toMatch(/^\/builds\//));
  });

  it("answers at once and then shows the truth", async () => {
    const { user, fake } = renderApp();
    const row = await machineRow("docs-site");
    await user.click(within(row).getByRole("button", { name: "Start" }));
    await waitFor(() => expect(row).toHaveTextContent("Starting"));
    const operation = fake.world.machines.get("docs-site")?.operation;
    fake.succeed(operation?.id ?? "");
    await waitFor(async () => expect(await machineRow("docs-site")).toHaveTextContent("Running"));
  });

  it("follows a machine that another program stopped", async () => {
    const { fake } = renderApp();
    await machineRow("infra-tools");
    fake.change("infra-tools", { status: "stopped", since: null, address: null });
    await waitFor(async () => expect(await machineRow("infra-tools")).toHaveTextContent("Stopped"));
  });

  it("says why an action is not possible", async () => {
    const { user, fake } = renderApp();
    const row = await machineRow("docs-site");
    const terminal = within(row).getByRole("button", { name: "Open terminal" });
    expect(terminal).toHaveAttribute("aria-disabled", "true");
    expect(terminal).toHaveAccessibleDescription("docs-site is not running. Start it first.");
    await user.click(terminal);
    expect(fake.terminals).toEqual([]);
    const busy = within(await machineRow("webshop-frontend")).getByRole("button", { name: "Open terminal" });
    expect(busy).toHaveAccessibleDescription("Rebuilding is in progress");
  });

  it("asks before deleting, with the safe answer first", async () => {
    const { user, fake } = renderApp();
    (await machineRow("docs-site")).focus();
    await user.keyboard("{Delete}");
    const dialog = await screen.findByRole("alertdialog", { name: "Delete docs-site?" });
    expect(dialog).toHaveTextContent("This can’t be undone.");
    await waitFor(() => expect(within(dialog).getByRole("button", { name: "Keep it" })).toHaveFocus());
    await user.keyboard("{Enter}");
    await waitFor(() => expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument());
    expect(callsOf(fake, "delete")).toEqual([]);

    (await machineRow("docs-site")).focus();
    await user.keyboard("{Delete}");
    await user.click(await screen.findByRole("button", { name: "Delete docs-site" }));
    await waitFor(() => expect(callsOf(fake, "delete")).toEqual([{ name: "docs-site", keepSecrets: false }]));
    fake.succeed(fake.world.machines.get("docs-site")?.operation?.id ?? "");
    await waitFor(() => expect(screen.queryByRole("row", { name: /^docs-site/ })).not.toBeInTheDocument());
  });

  it("says what went wrong, and gives the details away", async () => {
    const fake = new FakeBackend("design");
    fake.world.failing.set("start", { code: "busy", message: "another operation works on docs-site", hints: ["wait until it has ended"], causes: [], details: ["lock held by 4711"] });
    const { user } = renderApp("/", fake);
    await user.click(within(await machineRow("docs-site")).getByRole("button", { name: "Start" }));
    // Once for the eyes, once for the screen reader.
    expect(await screen.findAllByText("another operation works on docs-site")).not.toHaveLength(0);
    expect(screen.getByText("wait until it has ended")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Copy details" }));
    await waitFor(() => expect(fake.copied[0]).toContain("lock held by 4711"));
    await waitFor(async () => expect(await machineRow("docs-site")).toHaveTextContent("Stopped"));
  });

  it("filters by name, module and address, and says when nothing matches", async () => {
    const { user } = renderApp();
    await machineRow("docs-site");
    await user.keyboard("/");
    const filter = screen.getByRole("searchbox", { name: "Filter machines" });
    expect(filter).toHaveFocus();
    await user.type(filter, "opentofu");
    await waitFor(() => expect(screen.getByRole("grid")).toHaveAttribute("aria-rowcount", "3"));
    await machineRow("infra-tools");
    await user.clear(filter);
    await user.type(filter, "10.114.7.23");
    await machineRow("payments-api");
    await user.type(filter, "xyz");
    expect(await screen.findByRole("heading", { name: /No machine matches/ })).toBeVisible();
    await expectAccessible();
    await user.click(screen.getByRole("button", { name: "Clear the filter" }));
    await machineRow("docs-site");
    await user.click(screen.getByRole("button", { name: /^Needs you/ }));
    await waitFor(() => expect(screen.getByRole("grid")).toHaveAttribute("aria-rowcount", "4"));
  });

  it("offers everything in a menu, by keys too", async () => {
    const { user, path } = renderApp();
    (await machineRow("payments-api")).focus();
    await user.keyboard(".");
    const menu = await screen.findByRole("menu");
    expect(within(menu).getByRole("menuitem", { name: /Stop/ })).toBeVisible();
    await expectAccessible();
    await user.click(within(menu).getByRole("menuitem", { name: /^Open ?↵/ }));
    await waitFor(() => expect(path()).toBe("/machines/payments-api"));
  });

  it("keeps a thousand rows light", async () => {
    const { user } = renderApp("/", "many");
    await machineRow("legacy-billing");
    const grid = screen.getByRole("grid");
    expect(Number(grid.getAttribute("aria-rowcount"))).toBeGreaterThan(1000);
    expect(within(grid).getAllByRole("row").length).toBeLessThan(60);
    await waitFor(async () => expect(await machineRow("legacy-billing")).toHaveFocus());
    await user.keyboard("{End}");
    await waitFor(() => expect(selectedMachine.read()).toMatch(/^zahlungsverkehr/));
  });
});

describe("the states of the page", () => {
  it("is loading in words", async () => {
    renderApp("/", "loading");
    expect(await screen.findByText("Reading machines…")).toBeVisible();
    expect(screen.getByRole("grid")).toHaveAttribute("aria-busy", "true");
    await expectAccessible();
  });

  it("teaches who has no machine, and takes the address along", async () => {
    const { user, fake, path } = renderApp("/", "empty");
    const address = await screen.findByRole("textbox", { name: "Repository address" });
    expect(address).toHaveFocus();
    await expectAccessible();
    await user.keyboard("{Enter}");
    expect(await screen.findByText("Paste the address of a repository.")).toBeVisible();
    await user.type(address, "https://github.com/acme/checkout-service{Enter}");
    await screen.findByRole("heading", { name: "What should be in the machine?" });
    expect(path()).toBe("/new");
    expect(callsOf(fake, "modules")).toEqual([{ url: "https://github.com/acme/checkout-service" }]);
  });

  it("prepares the controller while one reads", async () => {
    const { fake } = renderApp("/", "first-run");
    expect(await screen.findByText("Getting this computer ready")).toBeVisible();
    await waitFor(() => expect(callsOf(fake, "prepare")).toHaveLength(1));
    expect(await screen.findByText("Installing")).toBeVisible();
    const operation = fake.world.operations[0];
    fake.failOperation(operation?.id ?? "", { code: "image_unavailable", message: "no image was found", hints: [], causes: [], details: [] });
    expect(await screen.findByText("No image was found.")).toBeVisible();
  });

  it("asks for one thing at a time on a computer whose engine isn't set up", async () => {
    const fake = new FakeBackend("first-run");
    const pool: Check = { id: "pool", group: "engine", state: "fail", reason: "missing", parameters: {}, title: "Storage pool", explanation: "The engine has no storage pool: it wasn't initialised.", evidence: "", fix: { id: "engine-init", commands: [["lxc", "storage", "create", "default", "dir"]], elevates: false, needsFile: false, byHand: false } };
    const well = fake.world.diagnosis;
    fake.world.diagnosis = { ok: false, checks: [pool, ...well.checks] };
    const { user } = renderApp("/", fake);
    await user.click(await screen.findByRole("button", { name: "Run" }));
    expect(screen.getByText("lxc storage create default dir")).toBeVisible();
    expect(callsOf(fake, "doctor_fix")).toEqual([{ id: "engine-init" }]);
    expect(callsOf(fake, "prepare")).toEqual([]);
    await expectAccessible();
    fake.world.diagnosis = well;
    const operation = fake.world.operations[0];
    if (operation !== undefined) fake.succeed(operation.id);
    await waitFor(() => expect(callsOf(fake, "prepare")).toHaveLength(1));
  });

  it("keeps the last known truth when the engine is away", async () => {
    const { fake } = renderApp();
    await machineRow("infra-tools");
    fake.goOffline();
    expect(await screen.findByRole("alert")).toHaveTextContent("LXD does not answer. Your machines are safe");
    const row = await machineRow("infra-tools");
    expect(row).toHaveTextContent("Unknown");
    expect(row).toHaveTextContent("was running just now");
    expect(row).toHaveTextContent("Gen 9");
    expect(within(row).getByRole("button", { name: "Start" })).toHaveAccessibleDescription("LXD does not answer");
    await expectAccessible();
    fake.setEngine({ available: true, controller: "running", problem: null });
    fake.change("infra-tools", { status: "running" });
    await waitFor(async () => expect(await machineRow("infra-tools")).toHaveTextContent("Running"));
  });

  it("says that the machines can't be read, and tries again", async () => {
    const fake = new FakeBackend("design");
    fake.world.failing.set("status", { code: "invalid_file", message: "settings.json is of a newer Codchi", hints: [], causes: [], details: [] });
    const { user } = renderApp("/", fake);
    expect(await screen.findByRole("alert")).toHaveTextContent("settings.json is of a newer Codchi");
    await expectAccessible();
    fake.world.failing.clear();
    await user.click(screen.getByRole("button", { name: "Retry" }));
    await machineRow("payments-api");
  });
});

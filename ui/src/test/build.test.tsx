import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBackend } from "@/platform/fake";
import type { LogLine, Operation } from "@/platform/contract";
import { callsOf, expectAccessible, renderApp } from "./render";

function operationOf(fake: FakeBackend, machine: string): Operation {
  const found = fake.world.machines.get(machine)?.operation;
  if (found === null || found === undefined) throw new Error(`${machine} has no operation`);
  return found;
}
function open(machine: string, fake = new FakeBackend("design")) {
  const operation = operationOf(fake, machine);
  return { operation, ...renderApp(`/builds/${operation.id}`, fake) };
}
const lines = (count: number, text = "new line"): LogLine[] => Array.from({ length: count }, (_, index) => ({ level: "output", text: `${text} ${index}` }));

/** jsdom has no layout: a scroller that says how tall it is. */
function layOut(log: HTMLElement): void {
  Object.defineProperty(log, "scrollHeight", { configurable: true, get: () => Number.parseFloat((log.firstElementChild as HTMLElement).style.height) });
}

describe("a running build", () => {
  it("shows phases, activities and the end of the log", async () => {
    const { operation } = open("webshop-frontend");
    expect(await screen.findByRole("heading", { level: 1, name: "Rebuild webshop-frontend" })).toBeVisible();
    const steps = within(screen.getByRole("list", { name: "Phases" })).getAllByRole("listitem");
    expect(steps).toHaveLength(8);
    expect(steps[4]).toHaveAttribute("aria-current", "step");
    expect(steps[4]).toHaveTextContent("Build");
    expect(steps[3]).toHaveTextContent("Asknone");
    expect(await screen.findByRole("treeitem", { name: /Building: webshop-frontend-4\.18\.0 check/ })).toHaveAttribute("aria-level", "2");
    expect(screen.getByRole("treeitem", { name: /Downloading: chromium-142\.0 61 of 118 MB/ })).toBeVisible();
    expect(screen.getByText("4 running, 7 planned")).toBeVisible();
    expect(screen.getByRole("log", { name: "Build log" })).toBeVisible();
    expect(operation.state).toBe("running");
    await expectAccessible();
  });

  it("follows the end, stops when one scrolls up, and counts what came since", async () => {
    const { user, fake, operation } = open("webshop-frontend");
    const log = await screen.findByRole("log");
    layOut(log);
    const follow = screen.getByRole("button", { name: "Follow the end" });
    expect(follow).toHaveAttribute("aria-pressed", "true");
    fake.print(operation.id, lines(3));
    expect(await within(log).findByText("new line 2")).toBeVisible();

    log.focus();
    await user.keyboard("{PageUp}");
    await waitFor(() => expect(follow).toHaveAttribute("aria-pressed", "false"));
    const scrolled = log.scrollTop;
    fake.print(operation.id, lines(214, "later"));
    const button = await screen.findByRole("button", { name: "Follow, 214 new lines" });
    expect(log.scrollTop).toBe(scrolled);
    await user.click(button);
    expect(await within(log).findByText("later 213")).toBeVisible();
    expect(follow).toHaveAttribute("aria-pressed", "true");
  });

  it("moves with events: activities, phases, and the end", async () => {
    const { fake, operation } = open("webshop-frontend");
    const row = await screen.findByRole("treeitem", { name: /webshop-frontend-4\.18\.0/ });
    const activity = fake.world.activities.get(operation.id)?.[1];
    if (activity === undefined) throw new Error("no activity");
    fake.activities(operation.id, [{ ...activity, phase: "installPhase" }]);
    await waitFor(() => expect(row).toHaveTextContent("install"));
    fake.enter(operation.id, "switch");
    await waitFor(() => expect(screen.getByText("Switch").closest("li")).toHaveAttribute("aria-current", "step"));
    fake.succeed(operation.id);
    expect(await screen.findByRole("button", { name: "Open webshop-frontend" })).toBeVisible();
    expect(screen.getByRole("heading", { level: 1 }).parentElement).toHaveTextContent("Done");
  });

  it("shows the log of one derivation, from the tree and from the list", async () => {
    const { user } = open("webshop-frontend");
    const log = await screen.findByRole("log");
    layOut(log);
    (await screen.findByRole("treeitem", { name: /playwright-browsers/ })).focus();
    await user.click(screen.getByRole("treeitem", { name: /playwright-browsers/ }));
    expect(await within(await screen.findByRole("log")).findByText("unpacking chromium-linux.zip")).toBeVisible();
    expect(screen.getByRole("treeitem", { name: /playwright-browsers/ })).toHaveAttribute("aria-selected", "true");
    expect(screen.getByRole("combobox", { name: "Show lines of" })).toHaveTextContent("playwright-browsers");
  });

  it("is walked by keys", async () => {
    const { user } = open("webshop-frontend");
    const root = await screen.findByRole("treeitem", { name: /nixos-system-webshop-frontend/ });
    root.focus();
    await user.keyboard("{ArrowDown}{ArrowDown}");
    await waitFor(() => expect(screen.getByRole("treeitem", { name: /pnpm-deps/ })).toHaveFocus());
    await user.keyboard("{ArrowLeft}");
    await waitFor(() => expect(screen.getByRole("treeitem", { name: /webshop-frontend-4/ })).toHaveFocus());
    await user.keyboard("{ArrowLeft}");
    await waitFor(() => expect(screen.queryByRole("treeitem", { name: /pnpm-deps/ })).not.toBeInTheDocument());
    await user.keyboard("{ArrowRight}");
    expect(await screen.findByRole("treeitem", { name: /pnpm-deps/ })).toBeVisible();
  });

  it("finds text and walks over the hits", async () => {
    const { user, fake, operation } = open("webshop-frontend");
    layOut(await screen.findByRole("log"));
    await user.keyboard("{Control>}f{/Control}");
    const search = screen.getByRole("searchbox", { name: "Search the log" });
    expect(search).toHaveFocus();
    await user.type(search, "Running PHASE");
    expect(await screen.findByText("1 of 4")).toBeVisible();
    await user.keyboard("{F3}");
    expect(await screen.findByText("2 of 4")).toBeVisible();
    await user.keyboard("{Shift>}{F3}{/Shift}{Shift>}{F3}{/Shift}");
    expect(await screen.findByText("4 of 4")).toBeVisible();
    await waitFor(() => expect(document.querySelector("mark[data-current]")).toHaveTextContent("Running phase"));
    expect(callsOf(fake, "operation_log_search")).toContainEqual({ id: operation.id, text: "running phase" });
    await user.clear(search);
    await user.type(search, "nowhere");
    expect(await screen.findByText("no hits")).toBeVisible();
  });

  it("answers while the build prints, and finds what came since", async () => {
    const { user, fake, operation } = open("webshop-frontend");
    layOut(await screen.findByRole("log"));
    const printing = setInterval(() => fake.print(operation.id, lines(1)), 30);
    try {
      await user.type(screen.getByRole("searchbox", { name: "Search the log" }), "running phase");
      expect(await screen.findByText("1 of 4")).toBeVisible();
      fake.print(operation.id, lines(1, "Running phase: test"));
      expect(await screen.findByText("1 of 5")).toBeVisible();
    } finally {
      clearInterval(printing);
    }
  });

  it("says that the log can't be read, and reads it again", async () => {
    const fake = new FakeBackend("design");
    fake.world.failing.set("operation_log", { code: "failed", message: "the log can't be read", hints: [], causes: [], details: [] });
    const { user } = open("webshop-frontend", fake);
    const alert = await screen.findByText("the log can't be read");
    fake.world.failing.delete("operation_log");
    await user.click(within(alert.parentElement as HTMLElement).getByRole("button", { name: "Retry" }));
    await waitFor(() => expect(screen.queryByText("the log can't be read")).not.toBeInTheDocument());
    expect((await screen.findByRole("log")).querySelectorAll("b").length).toBeGreaterThan(5);
  });

  it("gives the log away as plain text", async () => {
    const { user, fake, operation } = open("webshop-frontend");
    await user.click(await screen.findByRole("button", { name: "Copy log" }));
    await waitFor(() => expect(fake.copied[0]?.split("\n")).toHaveLength(1867));
    expect(fake.copied[0]).toContain("✓ built in 21.48s");
    expect(fake.copied[0]).not.toContain("\u001b");
    await user.click(screen.getByRole("button", { name: "Save log" }));
    await waitFor(() => expect(fake.saved[0]?.name).toBe(`codchi-${operation.id}.log`));
  });

  it("cancels when asked twice", async () => {
    const { user, fake, operation } = open("webshop-frontend");
    await user.click(await screen.findByRole("button", { name: "Cancel rebuild" }));
    await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Cancel it" }));
    await waitFor(() => expect(callsOf(fake, "operation_cancel")).toEqual([{ id: operation.id }]));
    expect(await screen.findByText("Cancelled by you.")).toBeVisible();
    expect(screen.getByText(/still has generation 22/)).toBeVisible();
  });

  it("takes a million lines without reading them all", async () => {
    const fake = new FakeBackend("log");
    const { user } = open("webshop-frontend", fake);
    const log = await screen.findByRole("log");
    layOut(log);
    await screen.findByText("1,000,000 lines");
    const follow = screen.getByRole("button", { name: "Follow the end" });
    await user.click(follow);
    await user.click(follow);
    expect(await within(log).findByText(/^line 999999:/)).toBeVisible();
    expect(log.querySelectorAll("b").length).toBeLessThan(100);
    expect(callsOf(fake, "operation_log").length).toBeLessThan(12);
  });
});

describe("a build that failed", () => {
  it("says what failed and what to do before any raw text, and stands at the line", async () => {
    const { user, fake } = open("legacy-billing");
    const alert = await screen.findByRole("alert");
    expect(within(alert).getByRole("heading", { name: "A part of the system did not build" })).toBeVisible();
    expect(alert).toHaveTextContent("billing-pnpm-deps did not build: it downloaded something other than what the module expects.");
    expect(alert).toHaveTextContent("legacy-billing still has generation 3; nothing was changed.");
    expect(screen.getByText("Build", { selector: "li *" }).closest("li")).toHaveAttribute("aria-current", "step");
    expect(await screen.findByRole("treeitem", { name: /Failed: billing-pnpm-deps/ })).toHaveAttribute("aria-selected", "true");
    expect(await screen.findByText("1 of 3")).toBeVisible();
    await expectAccessible();
    await user.click(within(alert).getByRole("button", { name: "Copy details" }));
    await waitFor(() => expect(fake.copied[0]).toContain("got:    sha256-Q9f3bZc4nA0yT6uKd81sPq2xv5LhE7mJw1E="));
    await user.click(within(alert).getByRole("button", { name: "Retry" }));
    await waitFor(() => expect(callsOf(fake, "rebuild")).toEqual([{ name: "legacy-billing", update: false, dryRun: false, askFor: "everything" }]));
  });

  it("waits for input in words", async () => {
    open("ml-notebooks");
    expect(await screen.findByText("Secret hugging-face-token")).toBeVisible();
    expect(screen.getByText("Ask").closest("li")).toHaveAttribute("aria-current", "step");
    await expectAccessible();
  });

  it("says that a build is not known", async () => {
    renderApp("/builds/nowhere");
    expect(await screen.findByRole("heading", { name: "This build is not known" })).toBeVisible();
    await expectAccessible();
  });
});

describe("the list of builds", () => {
  it("shows all operations, the newest first, and opens one", async () => {
    const { user, path } = renderApp("/builds");
    const table = await screen.findByRole("table");
    expect(within(table).getAllByRole("row").length).toBeGreaterThan(6);
    expect(screen.getByText("3 in progress")).toBeVisible();
    await expectAccessible();
    await user.click(within(table).getByText("legacy-billing"));
    await waitFor(() => expect(path()).toMatch(/^\/builds\/./));
    expect(await screen.findByRole("heading", { level: 1, name: "Rebuild legacy-billing" })).toBeVisible();
  });

  it("teaches when it is empty", async () => {
    renderApp("/builds", "empty");
    expect(await screen.findByRole("heading", { name: "No builds yet" })).toBeVisible();
    await expectAccessible();
  });
});

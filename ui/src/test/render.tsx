// There before a test wants it: it takes long to be transformed where much else runs.
import "@/app/rest";
import { createMemoryHistory } from "@tanstack/react-router";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { expect } from "vitest";
import { App } from "@/app/App";
import { createAppRouter } from "@/app/router";
import { FakeBackend } from "@/platform/fake";
import type { Scenario } from "@/platform/fake/scenarios";
import { connectEvents } from "@/state/events";
import { postponed } from "@/state/waiting";
import { createQueryClient } from "@/state/queries";

/** The whole window at a path, over a pretended controller. What waits there is answered later, unless the test is about asking. */
export function renderApp(path = "/", world: Scenario | FakeBackend = "design", asking = false) {
  const fake = world instanceof FakeBackend ? world : new FakeBackend(world);
  fake.world.settings.language = "en";
  postponed.write(asking ? [] : fake.world.operations.filter((operation) => operation.state === "waiting_for_input").map((operation) => operation.id));
  const router = createAppRouter(createMemoryHistory({ initialEntries: [path] }));
  const user = userEvent.setup({ delay: null });
  const client = createQueryClient();
  render(<App backend={fake} client={client} connected={connectEvents(fake, client)} router={router} />);
  return { fake, router, user, path: () => router.state.location.pathname };
}

export function callsOf(fake: FakeBackend, command: string): unknown[] {
  return fake.calls.filter((call) => call.command === command).map((call) => call.args);
}

/** The row of a machine in the list. */
export async function machineRow(name: string): Promise<HTMLElement> {
  return waitFor(() => {
    const row = screen.getAllByRole("row").find((each) => each.dataset.name === name);
    if (row === undefined) throw new Error(`no row ${name}`);
    return row;
  });
}

/** No violation of the accessibility rules that don't need a layout; contrast.test.ts measures that of the tokens. */
export async function expectAccessible(): Promise<void> {
  const { violations } = await axe.run(document.body, { rules: { "color-contrast": { enabled: false } } });
  expect(violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`)).toEqual([]);
}

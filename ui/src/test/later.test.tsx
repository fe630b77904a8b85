/** The time between the first paint and what is fetched after it (`app/rest.ts`). */
import { createMemoryHistory } from "@tanstack/react-router";
import { act, cleanup, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";
import { App } from "@/app/App";
import type { Rest } from "@/app/fetchRest";
import * as everything from "@/app/rest";
import { createAppRouter } from "@/app/router";
import { FakeBackend } from "@/platform/fake";
import { connectEvents } from "@/state/events";
import { createQueryClient } from "@/state/queries";
import { postponed } from "@/state/waiting";

const fetched = vi.hoisted(() => ({ rest: vi.fn<() => Promise<Rest>>() }));
vi.mock("@/app/fetchRest", () => ({ fetchRest: () => fetched.rest() }));

afterEach(cleanup);

/** The window, beginning anew, at the list; the rest of it comes when it is let in. */
async function begin(fake = new FakeBackend("design")) {
  fake.world.settings.language = "en";
  fake.world.known = true;
  let letIn = () => {};
  const here = new Promise<Rest>((resolve) => {
    letIn = () => resolve(everything);
  });
  fetched.rest.mockReset().mockReturnValue(here);
  const answerLater = (ids: string[]) => postponed.write(ids);
  answerLater(fake.world.operations.map((operation) => operation.id));
  const router = createAppRouter(createMemoryHistory({ initialEntries: ["/"] }));
  const client = createQueryClient();
  const connected = connectEvents(fake, client);
  await Promise.all([connected, router.load()]);
  render(<App backend={fake} client={client} connected={connected} router={router} />);
  return { fake, letIn, answerLater, user: userEvent.setup({ delay: null }), path: () => router.state.location.pathname };
}

const row = (name: string) => screen.findByText((_, element) => element?.getAttribute("data-name") === name);

describe("before the rest of the window is there", () => {
  it("the list is, and its machines can be worked with", async () => {
    const { fake, user, letIn } = await begin();
    (await row("payments-api")).focus();
    expect(screen.getByRole("heading", { level: 1, name: "Machines" })).toBeVisible();
    expect(screen.getByRole("link", { name: "Settings" })).toBeVisible();
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
    await user.keyboard("t");
    expect(fake.terminals).toEqual(["payments-api"]);
    // It is fetched after the first paint, unasked.
    await waitFor(() => expect(fetched.rest).toHaveBeenCalledOnce());
    letIn();
  });

  it("a key for it is kept", async () => {
    const { fake, user, letIn } = await begin();
    (await row("payments-api")).focus();
    await user.keyboard("{Control>}k{/Control}");
    await user.keyboard("t");
    expect(fake.terminals, "what is typed for it isn't the list's").toEqual([]);
    expect(screen.queryByRole("combobox", { name: "Search or run a command" })).not.toBeInTheDocument();
    letIn();
    const input = await screen.findByRole("combobox", { name: "Search or run a command" });
    await waitFor(() => expect(input).toHaveFocus());
  });

  it("a click that asks is kept", async () => {
    const { user, letIn } = await begin();
    await user.pointer({ target: await row("docs-site"), keys: "[MouseRight]" });
    await user.click(await screen.findByRole("menuitem", { name: "Rename…" }));
    expect(screen.queryByRole("dialog", { name: "Rename docs-site" })).not.toBeInTheDocument();
    letIn();
    expect(await screen.findByRole("dialog", { name: "Rename docs-site" })).toBeVisible();
  });

  it("a click on a page leads there when it comes, and the list stays until then", async () => {
    const { user, letIn, path } = await begin();
    await row("payments-api");
    await user.click(screen.getByRole("link", { name: "Settings" }));
    await waitFor(() => expect(path()).toBe("/settings"));
    expect(screen.getByRole("heading", { level: 1, name: "Machines" })).toBeVisible();
    letIn();
    expect(await screen.findByRole("heading", { level: 1, name: "Settings" })).toBeVisible();
  });

  it("what waits for an answer asks when it comes", async () => {
    const { answerLater, letIn } = await begin();
    await row("ml-notebooks");
    act(() => answerLater([]));
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
    letIn();
    expect(await screen.findByRole("dialog")).toHaveTextContent("ml-notebooks");
  });
});

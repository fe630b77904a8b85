import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { drafts } from "@/state/draft";
import { callsOf, expectAccessible, renderApp } from "./render";

const URL = "https://github.com/acme/checkout-service";

/** The wizard at the page of requirements of `checkout-service`. */
async function requirements() {
  const app = renderApp("/new");
  const { user, fake } = app;
  await user.type(await screen.findByRole("textbox", { name: "Repository address" }), `${URL}{Enter}`);
  await user.click(await screen.findByRole("checkbox", { name: "backend" }));
  await user.click(screen.getByRole("button", { name: /^Continue/ }));
  await screen.findByRole("heading", { name: "Reading what the modules ask for…" });
  const id = fake.world.operations[0]?.id ?? "";
  fake.ask(id);
  await screen.findByRole("heading", { name: "Before the build starts" });
  return { ...app, id };
}

describe("the page of requirements", () => {
  it("shows everything at once, says what is open, and gives all answers at once", async () => {
    const { user, fake, id, path } = await requirements();
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
    expect(screen.getByText("1 fix and 2 values to go.")).toBeVisible();
    await expectAccessible();
    const build = screen.getByRole("button", { name: /^Create machine/ });
    expect(build).toHaveAccessibleDescription("1 fix and 2 values to go.");
    await user.click(build);
    expect(callsOf(fake, "answer")).toEqual([]);
    await user.type(screen.getByLabelText(/^payment-provider-key/), "sk_0a1b");
    await user.type(screen.getByLabelText(/^nexus-token/), "nx-7f3a 91");
    expect(screen.getByLabelText(/^nexus-token/)).toHaveAccessibleDescription(/this has a space/);
    expect(screen.getByText("1 fix and 1 value to go.")).toBeVisible();
    await user.clear(screen.getByLabelText(/^nexus-token/));
    await user.type(screen.getByLabelText(/^nexus-token/), `nx-${"0a".repeat(16)}`);
    await user.click(screen.getByRole("button", { name: "Build without KVM" }));
    await user.click(screen.getByRole("checkbox", { name: "Git sign-in" }));
    expect(screen.getByText("All there.")).toBeVisible();
    await user.click(build);
    await screen.findByRole("heading", { level: 1, name: "Create checkout-service" });
    expect(path()).toBe(`/builds/${id}`);
    expect(callsOf(fake, "answer")).toEqual([
      {
        name: "checkout-service",
        answers: { secrets: { "payment-provider-key": "sk_0a1b", "nexus-token": `nx-${"0a".repeat(16)}` }, later: ["sentry-dsn"], hostSecrets: { caCertificates: false, gitCredentials: true }, without: ["kvm"], with: [] },
      },
    ]);
  });

  it("keeps what was typed when it is refused", async () => {
    const { user, fake } = await requirements();
    await user.click(screen.getByRole("button", { name: "Build without KVM" }));
    await user.type(screen.getByLabelText(/^payment-provider-key/), "sk_0a1b");
    await user.type(screen.getByLabelText(/^nexus-token/), `nx-${"0a".repeat(16)}`);
    fake.world.secrets.store = { kind: "keyring", state: "locked" };
    await user.click(screen.getByRole("button", { name: /^Create machine/ }));
    expect(await screen.findByText(/^The keyring is locked\. Unlock it/)).toBeVisible();
    expect(screen.getByLabelText(/^payment-provider-key/)).toHaveValue("sk_0a1b");
    await user.click(await screen.findByRole("button", { name: "Unlock" }));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Unlock" })).not.toBeInTheDocument());
    await user.click(screen.getByRole("button", { name: /^Create machine/ }));
    await screen.findByRole("heading", { level: 1, name: "Create checkout-service" });
  });

  it("takes back what was begun, and keeps the draft", async () => {
    const { user, fake, id } = await requirements();
    expect(drafts.read()).toBeNull();
    await user.click(within(screen.getByRole("main")).getAllByRole("button", { name: "Back" }).at(-1) ?? document.body);
    await waitFor(() => expect(callsOf(fake, "operation_cancel")).toEqual([{ id }]));
    await waitFor(() => expect(callsOf(fake, "delete")).toEqual([{ name: "checkout-service", keepSecrets: false }]));
    fake.succeed(fake.world.operations[0]?.id ?? "");
    await screen.findByRole("heading", { name: "What should be in the machine?" });
    expect(await screen.findByRole("checkbox", { name: "backend" })).toBeChecked();
    expect(screen.getByRole("textbox", { name: "Name" })).toHaveValue("checkout-service");
    await waitFor(() => expect(drafts.read()?.name).toBe("checkout-service"));
  });

  it("shows what was begun, and says why, when it can't be taken back", async () => {
    const { user, fake } = await requirements();
    await user.click(within(screen.getByRole("main")).getAllByRole("button", { name: "Back" }).at(-1) ?? document.body);
    await waitFor(() => expect(callsOf(fake, "delete")).toHaveLength(1));
    fake.failOperation(fake.world.operations[0]?.id ?? "", { code: "failed", message: "the engine keeps it", hints: [], causes: [], details: [] });
    expect(await screen.findAllByText(/the engine keeps it/)).not.toHaveLength(0);
    await screen.findByRole("heading", { level: 1, name: "Create checkout-service" });
  });

  it("leaves the machine waiting when it is left", async () => {
    const { user, fake, id } = await requirements();
    await user.keyboard("{Control>}1{/Control}");
    await screen.findByRole("heading", { level: 1, name: "Machines" });
    expect(fake.operation(id).state).toBe("waiting_for_input");
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
    expect(callsOf(fake, "operation_cancel")).toEqual([]);
  });
});

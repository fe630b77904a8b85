import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { callsOf, expectAccessible, renderApp } from "./render";

async function row(name: string): Promise<HTMLElement> {
  const list = await screen.findByRole("list", { name: "Secrets" });
  const found = within(list).getAllByRole("listitem").find((each) => each.textContent.startsWith(name));
  if (found === undefined) throw new Error(`no secret ${name}`);
  return found;
}

describe("a machine's secrets", () => {
  it("are listed without their values", async () => {
    const { fake } = renderApp("/machines/payments-api/secrets");
    expect(await row("nexus-token")).toHaveTextContent("NEXUS_TOKEN · used by backendSetchanged 5 wk ago");
    expect(await row("sentry-dsn")).toHaveTextContent("Not set");
    expect(await row("a-very-long")).toHaveTextContent("Missing");
    expect(screen.getByText("2 of 4 set")).toBeVisible();
    expect(screen.getByRole("tab", { name: /^Secrets/ })).toHaveTextContent("1 missing");
    expect(document.body).not.toHaveTextContent("nx-0a1b2c3d");
    expect(callsOf(fake, "secret_reveal")).toEqual([]);
    await expectAccessible();
  });

  it("are set and replaced, and the running machine has them at once", async () => {
    const { user, fake } = renderApp("/machines/payments-api/secrets");
    await user.click(within(await row("sentry-dsn")).getByRole("button", { name: "Set sentry-dsn" }));
    const dialog = await screen.findByRole("dialog", { name: "Set sentry-dsn" });
    await expectAccessible();
    await user.type(within(dialog).getByLabelText(/^Value/), "https://key@sentry.example/1{Enter}");
    expect(await screen.findByText("sentry-dsn is saved; payments-api has it now")).toBeVisible();
    await waitFor(async () => expect(await row("sentry-dsn")).toHaveTextContent("Set"));
    expect(callsOf(fake, "answer")).toEqual([{ name: "payments-api", answers: { secrets: { "sentry-dsn": "https://key@sentry.example/1" }, later: [], hostSecrets: {}, without: [], with: [] } }]);
  });

  it("are shown only after asking, and copied by the app", async () => {
    const { user, fake } = renderApp("/machines/payments-api/secrets");
    await user.click(within(await row("nexus-token")).getByRole("button", { name: "Copy nexus-token" }));
    expect(await screen.findByText("nexus-token is in the clipboard for 30 seconds")).toBeVisible();
    expect(fake.copied).toEqual(["nx-0a1b2c3d"]);
    await user.click(within(await row("nexus-token")).getByRole("button", { name: "More for nexus-token" }));
    await user.click(await screen.findByRole("menuitem", { name: "Show…" }));
    await user.click(await screen.findByRole("button", { name: "Show it" }));
    expect(await screen.findByText("nx-0a1b2c3d")).toBeVisible();
    await expectAccessible();
    await user.click(screen.getByRole("button", { name: "Close" }));
    await waitFor(() => expect(screen.queryByText("nx-0a1b2c3d")).not.toBeInTheDocument());
  });

  it("are forgotten after asking", async () => {
    const { user, fake } = renderApp("/machines/payments-api/secrets");
    await user.click(within(await row("nexus-token")).getByRole("button", { name: "More for nexus-token" }));
    await user.click(await screen.findByRole("menuitem", { name: "Forget…" }));
    await user.click(await screen.findByRole("button", { name: "Forget it" }));
    await waitFor(() => expect(callsOf(fake, "secret_unset")).toEqual([{ name: "payments-api", secret: "nexus-token" }]));
    await waitFor(async () => expect(await row("nexus-token")).toHaveTextContent("Missing"));
  });

  it("include the user's own, by consent", async () => {
    const { user, fake } = renderApp("/machines/payments-api/secrets");
    expect(await screen.findByRole("checkbox", { name: "SSH agent" })).toBeChecked();
    expect(screen.getByText("Not answered")).toBeVisible();
    await user.click(screen.getByRole("checkbox", { name: "Company certificates" }));
    await waitFor(() => expect(callsOf(fake, "answer")).toEqual([{ name: "payments-api", answers: { secrets: {}, later: [], hostSecrets: { caCertificates: true }, without: [], with: [] } }]));
    await waitFor(() => expect(screen.queryByText("Not answered")).not.toBeInTheDocument());
  });

  it("say so when there are none", async () => {
    renderApp("/machines/docs-site/secrets");
    expect(await screen.findByRole("heading", { name: "docs-site asks for no secrets" })).toBeVisible();
    await expectAccessible();
  });

  it("stay when the machine is deleted, if the user wants it", async () => {
    const { user, fake } = renderApp("/machines/payments-api");
    await user.click(await screen.findByRole("button", { name: "More actions" }));
    await user.click(await screen.findByRole("menuitem", { name: "Delete…" }));
    await user.click(await screen.findByRole("checkbox", { name: "Keep its secrets" }));
    await expectAccessible();
    await user.click(screen.getByRole("button", { name: "Delete payments-api" }));
    await waitFor(() => expect(callsOf(fake, "delete")).toEqual([{ name: "payments-api", keepSecrets: true }]));
  });
});

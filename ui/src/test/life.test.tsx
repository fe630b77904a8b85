import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBackend } from "@/platform/fake";
import { callsOf, expectAccessible, machineRow, renderApp } from "./render";

async function choose(user: ReturnType<typeof renderApp>["user"], what: string) {
  await user.click(await screen.findByRole("button", { name: "More actions" }));
  await user.click(await screen.findByRole("menuitem", { name: what }));
}

describe("a machine's copies and names", () => {
  it("is duplicated with what was said of its files and secrets", async () => {
    const { user, fake, path } = renderApp("/machines/payments-api");
    await choose(user, "Duplicate…");
    const dialog = await screen.findByRole("dialog", { name: "Duplicate payments-api" });
    const field = within(dialog).getByLabelText("New name");
    expect(field).toHaveValue("payments-api-2");
    await expectAccessible();
    await user.clear(field);
    await user.type(field, "payments-api");
    await user.click(within(dialog).getByRole("button", { name: "Duplicate" }));
    expect(callsOf(fake, "duplicate")).toEqual([]);
    await user.clear(field);
    await user.type(field, "next");
    await user.click(await within(dialog).findByRole("checkbox", { name: "Copy its secrets" }));
    await user.click(within(dialog).getByRole("button", { name: "Duplicate" }));
    await waitFor(() => expect(callsOf(fake, "duplicate")).toEqual([{ name: "payments-api", newName: "next", data: true, secrets: true, start: true, askFor: "everything" }]));
    await waitFor(() => expect(path()).toMatch(/^\/builds\//));
  });

  it("is renamed, and a refusal stays in the dialog", async () => {
    const fake = new FakeBackend("design");
    fake.world.failing.set("rename", { code: "busy", message: "payments-api is being worked on", hints: [], causes: [], details: [] });
    const { user, path } = renderApp("/machines/payments-api", fake);
    await choose(user, "Rename…");
    const dialog = await screen.findByRole("dialog", { name: "Rename payments-api" });
    const field = within(dialog).getByLabelText("New name");
    // Its own name is nothing wrong, there is only nothing to do.
    expect(field).toBeValid();
    await user.type(field, "{Enter}");
    expect(callsOf(fake, "rename")).toEqual([]);
    await user.clear(field);
    await user.type(field, "shop{Enter}");
    expect(await within(dialog).findByText(/is being worked on/)).toBeVisible();
    await expectAccessible();
    fake.world.failing.delete("rename");
    await user.click(within(dialog).getByRole("button", { name: "Rename" }));
    await waitFor(() => expect(path()).toMatch(/^\/builds\//));
    expect(callsOf(fake, "rename").at(-1)).toEqual({ name: "payments-api", newName: "shop" });
  });

  it("is exported without its secrets unless a passphrase was typed twice", async () => {
    const { user, fake } = renderApp("/machines/payments-api");
    await choose(user, "Export…");
    const dialog = await screen.findByRole("dialog", { name: "Export payments-api" });
    await user.click(await within(dialog).findByRole("checkbox", { name: "Also its secrets" }));
    await user.type(within(dialog).getByLabelText("Passphrase"), "correct horse");
    await user.type(within(dialog).getByLabelText("Once more"), "correct house");
    await user.click(within(dialog).getByRole("button", { name: "Export…" }));
    expect(await within(dialog).findByText("The two aren’t the same.")).toBeVisible();
    await expectAccessible();
    expect(callsOf(fake, "export")).toEqual([]);
    await user.clear(within(dialog).getByLabelText("Once more"));
    await user.type(within(dialog).getByLabelText("Once more"), "correct horse");
    await user.click(within(dialog).getByRole("button", { name: "Export…" }));
    await waitFor(() => expect(callsOf(fake, "export")).toEqual([{ name: "payments-api", path: "/home/me/payments-api.codchi", data: false, passphrase: "correct horse" }]));
  });

  it("is imported from a file, under a free name", async () => {
    const { user, fake, path } = renderApp("/");
    await machineRow("payments-api");
    await user.click(await screen.findByRole("button", { name: "More ways to make one" }));
    await user.click(await screen.findByRole("menuitem", { name: "Import…" }));
    const dialog = await screen.findByRole("dialog", { name: "Import a machine" });
    expect(dialog).toHaveTextContent("github:acme/shop");
    await expectAccessible();
    await user.type(within(dialog).getByLabelText("Passphrase"), "correct horse");
    await user.click(within(dialog).getByRole("button", { name: "Import" }));
    await waitFor(() => expect(callsOf(fake, "import")).toEqual([{ path: "/home/me/company-ca.pem", name: "shop", start: true, askFor: "everything", passphrase: "correct horse" }]));
    await waitFor(() => expect(path()).toMatch(/^\/builds\//));
  });
});

import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBackend } from "@/platform/fake";
import { callsOf, expectAccessible, renderApp } from "./render";

describe("this computer's access", () => {
  it("is shown, and tokens are added and forgotten without being shown", async () => {
    const { user, fake } = renderApp("/settings");
    const tokens = await screen.findByRole("list", { name: "Sign-in at repositories" });
    expect(tokens).toHaveTextContent("github.comas x-access-token");
    expect(screen.getByText("2 keys")).toBeVisible();
    expect(screen.getByText("CN=Acme Old Root").closest("li")).toHaveTextContent("Expired");
    await expectAccessible();
    await user.click(screen.getByRole("button", { name: "Sign in…" }));
    const dialog = await screen.findByRole("dialog", { name: "Sign in at a host of repositories" });
    await user.click(within(dialog).getByRole("button", { name: "Sign in" }));
    expect(within(dialog).getByText("Say which host.")).toBeVisible();
    await expectAccessible();
    await user.type(within(dialog).getByLabelText("Host"), "git.acme.example");
    await user.type(within(dialog).getByLabelText("Token"), "glpat-0a1b{Enter}");
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(callsOf(fake, "token_set")).toEqual([{ host: "git.acme.example", token: "glpat-0a1b" }]);
    expect(await screen.findByText("git.acme.example")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Forget the token for github.com" }));
    await user.click(await screen.findByRole("button", { name: "Forget it" }));
    await waitFor(() => expect(callsOf(fake, "token_remove")).toEqual([{ host: "github.com" }]));
  });

  it("is asked for where a repository is private", async () => {
    const fake = new FakeBackend("design");
    fake.world.failing.set("modules", { code: "access_denied", message: "git.acme.example refused the access", hints: [], causes: [], details: [] });
    const { user } = renderApp("/new", fake);
    await user.type(await screen.findByRole("textbox", { name: "Repository address" }), "https://git.acme.example/team/project{Enter}");
    await user.click(await screen.findByRole("button", { name: "Sign in…" }));
    const dialog = await screen.findByRole("dialog", { name: "Sign in at git.acme.example" });
    fake.world.failing.delete("modules");
    await user.type(within(dialog).getByLabelText("Token"), "glpat-0a1b{Enter}");
    await waitFor(() => expect(callsOf(fake, "token_set")).toEqual([{ host: "git.acme.example", token: "glpat-0a1b" }]));
    await waitFor(() => expect(callsOf(fake, "modules").length).toBeGreaterThan(1));
  });
});

describe("a machine's capabilities", () => {
  it("say what is there, what is built without and what is missing", async () => {
    renderApp("/machines/payments-api/capabilities");
    const list = await screen.findByRole("list", { name: "Capabilities" });
    expect(within(list).getAllByRole("listitem").map((row) => row.textContent)).toEqual([
      expect.stringMatching(/^KVMBuilt without.*Required/) as string,
      expect.stringMatching(/^VideoReady.*Required/) as string,
      expect.stringMatching(/^Graphics cardNot there.*Optional/) as string,
    ]);
    await expectAccessible();
  });

  it("are no part of a machine that was built without them, also when they are there by now", async () => {
    const fake = new FakeBackend("design");
    fake.world.capabilities.set("payments-api", (fake.world.capabilities.get("payments-api") ?? []).map((each) => ({ ...each, without: each.capability === "video" })));
    renderApp("/machines/payments-api/capabilities", fake);
    const list = await screen.findByRole("list", { name: "Capabilities" });
    const video = within(list).getByText("Video").closest("li");
    expect(video).toHaveTextContent(/^VideoBuilt without.*Build with it again$/);
  });

  it("say so when there are none", async () => {
    renderApp("/machines/docs-site/capabilities");
    expect(await screen.findByRole("heading", { name: "docs-site asks nothing of this computer" })).toBeVisible();
  });
});

describe("doctor", () => {
  it("mends what it shows, and checks again", async () => {
    const { user, fake } = renderApp("/doctor", "doctor");
    await user.click(await screen.findByRole("button", { name: /^Fix…/ }));
    await user.click(screen.getByRole("button", { name: "Run as administrator" }));
    await waitFor(() => expect(callsOf(fake, "doctor_fix")).toEqual([{ id: "join_group" }]));
    const asked = callsOf(fake, "doctor").length;
    fake.succeed(fake.world.operations[0]?.id ?? "");
    await waitFor(() => expect(callsOf(fake, "doctor").length).toBeGreaterThan(asked));
  });

  it("shows what diagnostics hold before they are saved", async () => {
    const { user, fake } = renderApp("/doctor");
    await user.click(await screen.findByRole("button", { name: "Save diagnostics…" }));
    const dialog = await screen.findByRole("dialog", { name: "Save diagnostics" });
    expect(await within(dialog).findByText("checks.json")).toBeVisible();
    expect(callsOf(fake, "diagnostics_save")).toEqual([]);
    await expectAccessible();
    await user.click(within(dialog).getByRole("button", { name: "Save as…" }));
    await waitFor(() => expect(callsOf(fake, "diagnostics_save")).toEqual([{ path: "/home/me/codchi-diagnostics-2026-01-01-120000.zip" }]));
    expect(await screen.findByText(/^Diagnostics saved to/)).toBeVisible();
  });
});

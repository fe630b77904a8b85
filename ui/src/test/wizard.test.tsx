import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBackend } from "@/platform/fake";
import { drafts } from "@/state/draft";
import { callsOf, expectAccessible, renderApp } from "./render";

const URL = "https://github.com/acme/checkout-service";

describe("the wizard", () => {
  it("goes from an address to a running build", async () => {
    const { user, fake, path } = renderApp("/new");
    const address = await screen.findByRole("textbox", { name: "Repository address" });
    expect(address).toHaveFocus();
    await expectAccessible();
    await user.type(address, URL);
    expect(callsOf(fake, "modules")).toEqual([]);
    await user.click(screen.getByRole("button", { name: /^Continue/ }));

    await screen.findByRole("heading", { name: "What should be in the machine?" });
    const backend = await screen.findByRole("checkbox", { name: "backend" });
    expect(backend).toHaveAccessibleDescription("Java 21, PostgreSQL 17, the service and its test database.");
    expect(backend).not.toBeChecked();
    await expectAccessible();

    await user.click(screen.getByRole("button", { name: /^Continue/ }));
    expect(await screen.findByText("Choose at least one module.")).toBeVisible();
    expect(callsOf(fake, "init")).toEqual([]);

    await user.click(backend);
    await user.click(screen.getByRole("checkbox", { name: "desktop" }));
    expect(screen.getByRole("textbox", { name: "Name" })).toHaveValue("checkout-service");
    expect(screen.getByRole("radio", { name: /^From backend/ })).toBeChecked();
    await user.click(screen.getByRole("radio", { name: "Built in" }));
    await user.keyboard("{Control>}{Enter}{/Control}");

    expect(await screen.findByRole("heading", { name: "Reading what the modules ask for…" })).toBeVisible();
    await expectAccessible();
    const [operation] = fake.world.operations;
    fake.enter(operation?.id ?? "", "build");
    await screen.findByRole("heading", { level: 1, name: "Create checkout-service" });
    expect(path()).toMatch(/^\/builds\//);
    expect(callsOf(fake, "init")).toEqual([{ name: "checkout-service", source: { url: URL }, modules: ["codchiModules.backend", "codchiModules.desktop"], nixpkgs: "builtin", start: true, askFor: "everything" }]);
    expect(drafts.read()).toBeNull();
  });

  it("leaves unticked what the user unticked, whatever else happens", async () => {
    const { user, fake } = renderApp("/new");
    await user.type(await screen.findByRole("textbox", { name: "Repository address" }), "git+file:///usr/share/codchi/examples/hello");
    await user.click(screen.getByRole("button", { name: /^Continue/ }));
    const [only] = await screen.findAllByRole("checkbox", { checked: true });
    await user.click(only as HTMLElement);
    fake.change("webshop-frontend", { status: "stopped" });
    await new Promise((resolve) => void setTimeout(resolve, 50));
    expect(only).not.toBeChecked();
  });

  it("hands over the branch and the module whose nixpkgs is followed", async () => {
    const { user, fake } = renderApp("/new");
    await user.type(await screen.findByRole("textbox", { name: "Repository address" }), URL);
    await user.click(screen.getByRole("radio", { name: "Branch" }));
    await user.click(screen.getByRole("button", { name: /^Continue/ }));
    expect(await screen.findByText("Say which one.")).toBeVisible();
    await user.type(screen.getByRole("textbox", { name: "Branch" }), "next{Enter}");
    await user.click(await screen.findByRole("checkbox", { name: "desktop" }));
    await user.click(screen.getByRole("button", { name: /^Continue/ }));
    await waitFor(() => expect(callsOf(fake, "init")).toEqual([{ name: "checkout-service", source: { url: URL, branch: "next" }, modules: ["codchiModules.desktop"], nixpkgs: "desktop", start: true, askFor: "everything" }]));
  });

  it("says at the field what is wrong with an address", async () => {
    const { user } = renderApp("/new");
    const address = await screen.findByRole("textbox", { name: "Repository address" });
    await user.keyboard("{Enter}");
    expect(await screen.findByText("Paste the address of a repository.")).toBeVisible();
    await user.type(address, "https://github.com/acme/nothing{Enter}");
    await waitFor(() => expect(address).toHaveAccessibleDescription(/was not found, or you may not see it/));
    expect(address).toBeInvalid();
    await expectAccessible();
    await user.clear(address);
    await user.type(address, "rubbish{Enter}");
    await waitFor(() => expect(address).toHaveAccessibleDescription(/is not the address of a repository. begin with https/));
    await user.clear(address);
    expect(address).toBeValid();
    await user.type(address, "github:acme/empty{Enter}");
    await waitFor(() => expect(address).toHaveAccessibleDescription("This repository offers no modules."));
  });

  it("says at the field what is wrong with a name", async () => {
    const { user, fake } = renderApp("/new");
    await user.type(await screen.findByRole("textbox", { name: "Repository address" }), `${URL}{Enter}`);
    await user.click(await screen.findByRole("checkbox", { name: "backend" }));
    const name = screen.getByRole("textbox", { name: "Name" });
    const says = async (typed: string, message: RegExp) => {
      await user.clear(name);
      if (typed !== "") await user.type(name, typed);
      await user.click(screen.getByRole("button", { name: /^Continue/ }));
      await waitFor(() => expect(name).toHaveAccessibleDescription(message));
    };
    await says("", /Give it a name/);
    await says("../x", /“\.” isn’t allowed/);
    await says("-x", /Begin with a letter/);
    await says("x-", /dash can’t be at the end/);
    await says("bücher", /“ü” isn’t allowed/);
    await says("Payments-API", /already a machine called Payments-API/);
    await says("controller", /reserved/);
    await says("a".repeat(49), /At most 48 characters/);
    expect(callsOf(fake, "init")).toEqual([]);
    fake.world.failing.set("init", { code: "invalid_name", message: "the engine doesn't like this name", hints: [], causes: [], details: [] });
    await says("fine", /the engine doesn't like this name/);
  });

  it("makes an empty machine", async () => {
    const { user, fake } = renderApp("/new");
    await user.click(await screen.findByRole("radio", { name: "Empty machine" }));
    await user.click(screen.getByRole("button", { name: /^Continue/ }));
    const name = await screen.findByRole("textbox", { name: "Name" });
    expect(name).toHaveFocus();
    await user.clear(name);
    await user.type(name, "plain{Enter}");
    await waitFor(() => expect(callsOf(fake, "init")).toEqual([{ name: "plain", source: null, modules: [], nixpkgs: "builtin", start: true, askFor: "everything" }]));
  });

  it("takes a folder of this computer", async () => {
    const { user, fake } = renderApp("/new");
    await user.click(await screen.findByRole("radio", { name: "Local checkout" }));
    await user.click(screen.getByRole("button", { name: "Choose…" }));
    expect(await screen.findByRole("textbox", { name: "Folder" })).toHaveValue("/home/me/src/project");
    await user.click(screen.getByRole("button", { name: /^Continue/ }));
    await waitFor(() => expect(callsOf(fake, "modules")).toEqual([{ url: "/home/me/src/project" }]));
  });

  it("keeps a draft, but never a password", async () => {
    const { user, path } = renderApp("/new");
    await user.type(await screen.findByRole("textbox", { name: "Repository address" }), "https://me:s3cret@example.org/a/b?access_token=t0ken");
    expect(screen.getByRole("textbox", { name: "Repository address" })).toHaveValue("https://me:s3cret@example.org/a/b?access_token=t0ken");
    expect(localStorage.getItem("codchi.draft")).toContain("https://example.org/a/b");
    expect(JSON.stringify({ ...localStorage })).not.toMatch(/s3cret|t0ken/);
    await user.click(screen.getByRole("button", { name: "Close" }));
    await waitFor(() => expect(path()).toBe("/"));
    await user.click(await screen.findByRole("link", { name: /New machine ?Draft/ }));
    expect(await screen.findByRole("textbox", { name: "Repository address" })).toHaveValue("https://example.org/a/b?access_token=");
  });

  it("goes back and forward without losing anything", async () => {
    const { user, router } = renderApp("/new");
    await user.type(await screen.findByRole("textbox", { name: "Repository address" }), `${URL}{Enter}`);
    await user.click(await screen.findByRole("checkbox", { name: "backend" }));
    await user.click(screen.getAllByRole("button", { name: "Back" }).at(-1) as HTMLElement);
    expect(await screen.findByRole("textbox", { name: "Repository address" })).toHaveValue(URL);
    router.history.back();
    expect(await screen.findByRole("checkbox", { name: "backend" })).toBeChecked();
  });

  it("is filled by a link from outside, and starts nothing but reading", async () => {
    const fake = new FakeBackend("design");
    renderApp(`/new?url=${encodeURIComponent("github:acme/checkout-service")}&read=true`, fake);
    await screen.findByRole("checkbox", { name: "backend" });
    expect(fake.calls.map((call) => call.command)).not.toContain("init");
  });

  it("chooses the only module by itself", async () => {
    const { user } = renderApp("/new");
    await user.click(await screen.findByRole("button", { name: /hello A program that greets/ }));
    await user.click(screen.getByRole("button", { name: /^Continue/ }));
    expect(await screen.findByRole("checkbox", { name: "hello" })).toBeChecked();
    expect(screen.getByRole("textbox", { name: "Name" })).toHaveValue("hello");
  });
});

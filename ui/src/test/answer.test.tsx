import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { FakeBackend } from "@/platform/fake";
import { asked, huggingFace, noKvm } from "@/platform/fake/data";
import type { FakeRequests } from "@/platform/fake/secrets";
import { callsOf, expectAccessible, machineRow, renderApp } from "./render";

const TOKEN = "hf_0a1b2c3d4e5f6a7b8c9d0e1f";

/** The machine `ml-notebooks` waits for this. */
function waitingFor(requests: Partial<FakeRequests>): FakeBackend {
  const fake = new FakeBackend("design");
  fake.world.secrets.requests.set("ml-notebooks", { secrets: [], hostSecrets: [], capabilities: [], ...requests });
  const operation = fake.world.machines.get("ml-notebooks")?.operation;
  fake.changeOperation(operation?.id ?? "", { asks: fake.world.secrets.open("ml-notebooks") });
  return fake;
}

const dialog = (name: string) => screen.findByRole("dialog", { name });
const answers = (fake: FakeBackend) => callsOf(fake, "answer");
const nothing = { secrets: {}, later: [], hostSecrets: {}, without: [], with: [] };

describe("a secret that is asked for", () => {
  it("is asked for whoever started the build, kept, and the build goes on", async () => {
    const { user, fake } = renderApp("/doctor", "design", true);
    const asking = await dialog("hugging-face-token");
    expect(asking).toHaveTextContent("ml-notebooks · module jupyter");
    expect(asking).toHaveTextContent("Starts with hf_. In the machine it is the environment variable HF_TOKEN.");
    expect(asking).toHaveTextContent("Kept in this computer’s keyring");
    const field = within(asking).getByLabelText(/^Value/);
    await waitFor(() => expect(field).toHaveFocus());
    expect(field).toHaveAttribute("type", "password");
    await expectAccessible();
    await user.click(within(asking).getByRole("link", { name: "Create one at huggingface.co" }));
    expect(fake.links).toEqual(["https://huggingface.co/settings/tokens"]);
    await user.click(within(asking).getByRole("button", { name: "Show what is typed" }));
    expect(within(asking).getByLabelText(/^Value/)).toHaveAttribute("type", "text");
    await user.type(within(asking).getByLabelText(/^Value/), `${TOKEN}{Enter}`);
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(answers(fake)).toEqual([{ name: "ml-notebooks", answers: { ...nothing, secrets: { "hugging-face-token": TOKEN } } }]);
    expect(fake.world.machines.get("ml-notebooks")?.operation?.state).toBe("running");
  });

  it("waits when it is answered later, until the user wants to", async () => {
    const { user, fake } = renderApp("/", "design", true);
    await dialog("hugging-face-token");
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(answers(fake)).toEqual([]);
    const operation = fake.world.machines.get("ml-notebooks")?.operation;
    expect(operation?.state).toBe("waiting_for_input");
    fake.changeOperation(operation?.id ?? "", { headline: "still" });
    const row = await machineRow("ml-notebooks");
    expect(row).toHaveTextContent("Secret hugging-face-token");
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
    await user.click(within(row).getByRole("button", { name: "Answer…" }));
    expect(await dialog("hugging-face-token")).toBeVisible();
  });

  it("is asked for from the build's page and from a notification", async () => {
    const fake = new FakeBackend("design");
    const id = fake.world.machines.get("ml-notebooks")?.operation?.id ?? "";
    const { user, path } = renderApp(`/builds/${id}`, fake);
    await user.click(await screen.findByRole("button", { name: "Answer…" }));
    await dialog("hugging-face-token");
    await user.click(screen.getByRole("button", { name: /^Answer later/ }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    fake.openPage(`/builds/${id}?answer=true`);
    await dialog("hugging-face-token");
    expect(path()).toBe(`/builds/${id}`);
  });

  it("must fit, and loses nothing that was typed", async () => {
    const { user, fake } = renderApp("/", "design", true);
    const asking = await dialog("hugging-face-token");
    const field = within(asking).getByLabelText(/^Value/);
    await user.type(field, "h");
    expect(field).toBeValid();
    await user.type(field, "f-wrong");
    expect(field).toBeInvalid();
    expect(field).toHaveAccessibleDescription("It must start with hf_.");
    await user.keyboard("{Enter}");
    expect(answers(fake)).toEqual([]);
    await user.clear(field);
    await user.type(field, TOKEN);
    fake.world.failing.set("answer", { code: "failed", message: "the disk is full", hints: [], causes: [], details: [] });
    await user.keyboard("{Enter}");
    expect(await within(asking).findByText("The disk is full.")).toBeVisible();
    expect(field).toHaveValue(TOKEN);
    fake.world.failing.delete("answer");
    await user.click(within(asking).getByRole("button", { name: /^Save and continue/ }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });

  it("comes with the others one after the other, and an optional one may come later", async () => {
    const fake = waitingFor({ secrets: [huggingFace, asked("sentry-dsn", null, { optional: true })], hostSecrets: ["sshAgent", "caCertificates"], capabilities: [noKvm] });
    const { user } = renderApp("/", fake, true);
    const lacks = await dialog("This computer lacks something");
    expect(lacks).toHaveTextContent("1 of 4");
    await user.click(within(lacks).getByRole("button", { name: /^Fix…/ }));
    expect(lacks).toHaveTextContent("sudo usermod -aG kvm j.berger");
    await expectAccessible();
    await user.click(within(lacks).getByRole("button", { name: "Build without KVM" }));
    const first = await dialog("hugging-face-token");
    expect(first).toHaveTextContent("2 of 4");
    await user.type(within(first).getByLabelText(/^Value/), `${TOKEN}{Enter}`);
    const second = await dialog("sentry-dsn");
    expect(second).toHaveTextContent("3 of 4");
    await user.click(within(second).getByRole("button", { name: "Provide later" }));
    const consent = await dialog("May the machine use these of yours?");
    await expectAccessible();
    await user.click(within(consent).getByRole("checkbox", { name: "Company certificates" }));
    await user.click(within(consent).getByRole("button", { name: "Continue" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(answers(fake)).toEqual([
      { name: "ml-notebooks", answers: { ...nothing, without: ["kvm"] } },
      { name: "ml-notebooks", answers: { ...nothing, secrets: { "hugging-face-token": TOKEN } } },
      { name: "ml-notebooks", answers: { ...nothing, later: ["sentry-dsn"] } },
      { name: "ml-notebooks", answers: { ...nothing, hostSecrets: { sshAgent: false, caCertificates: true } } },
    ]);
  });

  it("never has two dialogs: the next machine comes after this one", async () => {
    const fake = new FakeBackend("design");
    fake.world.secrets.requests.set("docs-site", { secrets: [asked("docs-token", "docs")], hostSecrets: [], capabilities: [] });
    const { user } = renderApp("/", fake, true);
    const first = await dialog("hugging-face-token");
    await user.type(within(first).getByLabelText(/^Value/), "hf_");
    const operation = await fake.call("rebuild", { name: "docs-site", update: true, dryRun: false });
    fake.ask(operation.id);
    await machineRow("docs-site");
    expect(screen.getAllByRole("dialog")).toHaveLength(1);
    expect(within(first).getByLabelText(/^Value/)).toHaveValue("hf_");
    await user.click(within(first).getByRole("button", { name: /^Answer later/ }));
    expect(await dialog("docs-token")).toBeVisible();
  });

  it("stays, with what was typed, while another operation comes to where the first one asked", async () => {
    const fake = waitingFor({ secrets: [huggingFace, asked("sentry-dsn", null)] });
    const { user } = renderApp("/", fake, true);
    await user.type(within(await dialog("hugging-face-token")).getByLabelText(/^Value/), `${TOKEN}{Enter}`);
    const second = await dialog("sentry-dsn");
    const waiting = fake.world.operations.find(({ machine, state }) => machine === "ml-notebooks" && state === "waiting_for_input");
    // Its process has ended; the answer made another one of it.
    fake.changeOperation(waiting?.id ?? "", { state: "interrupted", asks: null, ended: new Date().toISOString() });
    const operation = await fake.call("rebuild", { name: "ml-notebooks", update: true, dryRun: false });
    expect(fake.operation(operation.id).state).toBe("running");
    await user.type(within(second).getByLabelText(/^Value/), "https://");
    fake.ask(operation.id);
    expect(within(await dialog("sentry-dsn")).getByLabelText(/^Value/)).toHaveValue("https://");
    await user.click(within(second).getByRole("button", { name: /^Answer later/ }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });

  it("takes lines, and a file of bytes", async () => {
    const fake = waitingFor({ secrets: [asked("kubeconfig", null, { kind: "file" })] });
    const { user } = renderApp("/", fake, true);
    const asking = await dialog("kubeconfig");
    expect(asking).toHaveTextContent("In the machine it is the file /run/codchi/secrets/kubeconfig.");
    await user.type(within(asking).getByLabelText("Value"), "a{Enter}b");
    expect(within(asking).getByLabelText("Value")).toHaveValue("a\nb");
    await user.upload(within(asking).getByLabelText("Choose a file…", { selector: "input" }), new File([new Uint8Array([0xff, 0])], "client.p12"));
    expect(await within(asking).findByText("client.p12")).toBeVisible();
    expect(within(asking).getByRole("button", { name: "Value Take the file out" })).toBeVisible();
    await user.click(within(asking).getByRole("button", { name: /^Save and continue/ }));
    await waitFor(() => expect(answers(fake)).toEqual([{ name: "ml-notebooks", answers: { ...nothing, secrets: { kubeconfig: { base64: "/wA=" } } } }]));
  });

  it("keeps the lines of what is pasted", async () => {
    const { user } = renderApp("/", waitingFor({ secrets: [asked("private-key", null)] }), true);
    const asking = await dialog("private-key");
    await user.click(within(asking).getByLabelText(/^Value/));
    await user.paste("-----BEGIN\nabc\n-----END\n");
    await waitFor(() => expect(within(asking).getByLabelText(/^Value/)).toHaveValue("-----BEGIN\nabc\n-----END\n"));
  });
});

describe("where secrets are kept", () => {
  it("is unlocked in the dialog, and what was typed stays", async () => {
    const { user, fake } = renderApp("/", "locked", true);
    const asking = await dialog("hugging-face-token");
    expect(await within(asking).findByText("The keyring is locked.")).toBeVisible();
    await user.type(within(asking).getByLabelText(/^Value/), TOKEN);
    expect(within(asking).getByRole("button", { name: /^Save and continue/ })).toHaveAttribute("aria-disabled", "true");
    await expectAccessible();
    fake.world.secrets.promptIsAnswered = false;
    await user.click(within(asking).getByRole("button", { name: "Unlock" }));
    expect(await within(asking).findByText("Access to the keyring was denied.")).toBeVisible();
    fake.world.secrets.promptIsAnswered = true;
    await user.click(within(asking).getByRole("button", { name: "Unlock" }));
    await waitFor(() => expect(within(asking).queryByText("The keyring is locked.")).not.toBeInTheDocument());
    await user.click(within(asking).getByRole("button", { name: /^Save and continue/ }));
    await waitFor(() => expect(answers(fake)).toHaveLength(1));
  });

  it("is a vault where there is no keyring", async () => {
    const { user, fake } = renderApp("/", "no-keyring", true);
    const asking = await dialog("hugging-face-token");
    await user.type(await within(asking).findByLabelText("New passphrase"), "open sesame");
    await user.type(within(asking).getByLabelText("The same again"), "open sesam{Enter}");
    expect(await within(asking).findByText("It differs from the first.")).toBeVisible();
    await expectAccessible();
    await user.type(within(asking).getByLabelText("The same again"), "e{Enter}");
    expect(await within(asking).findByText(/^Kept in your encrypted vault/)).toBeVisible();
    expect(callsOf(fake, "secret_store_use")).toEqual([{ kind: "vault", passphrase: "open sesame" }]);
  });

  it("opens with a passphrase where it is a vault", async () => {
    const { user } = renderApp("/", "locked-vault", true);
    const asking = await dialog("hugging-face-token");
    await user.type(await within(asking).findByLabelText("Passphrase"), "wrong{Enter}");
    expect(await within(asking).findByText("The passphrase doesn't open the vault.")).toBeVisible();
    await user.clear(within(asking).getByLabelText("Passphrase"));
    await user.type(within(asking).getByLabelText("Passphrase"), "open sesame{Enter}");
    expect(await within(asking).findByText(/^Kept in your encrypted vault/)).toBeVisible();
  });

  it("is unlocked for what is kept already", async () => {
    const fake = new FakeBackend("design");
    fake.world.secrets.store = { kind: "vault", state: "locked" };
    fake.world.secrets.passphrase = "open sesame";
    fake.world.secrets.answers("ml-notebooks").values.set("hugging-face-token", { value: TOKEN, changed: "2026-01-01T00:00:00Z" });
    fake.changeOperation(fake.world.machines.get("ml-notebooks")?.operation?.id ?? "", { asks: fake.world.secrets.open("ml-notebooks") });
    const { user } = renderApp("/", fake, true);
    const asking = await dialog("ml-notebooks needs its secrets");
    await user.type(await within(asking).findByLabelText("Passphrase"), "open sesame{Enter}");
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    expect(fake.world.machines.get("ml-notebooks")?.operation?.state).toBe("running");
  });

  it("is chosen in the settings", async () => {
    const { user, fake } = renderApp("/settings");
    const section = await screen.findByRole("radio", { name: "This computer’s keyring" });
    expect(section).toBeChecked();
    await user.click(screen.getByRole("radio", { name: "An encrypted vault" }));
    const asking = await dialog("Keep secrets in a vault?");
    await expectAccessible();
    await user.type(within(asking).getByLabelText("New passphrase"), "open sesame");
    await user.type(within(asking).getByLabelText("The same again"), "open sesame{Enter}");
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
    await waitFor(() => expect(screen.getByRole("radio", { name: "An encrypted vault" })).toBeChecked());
    expect(fake.world.settings.secretStore).toBe("vault");
  });
});

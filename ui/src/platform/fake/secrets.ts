/** Secrets as a pretended controller keeps them: what modules ask for, what was answered, and where values are. */
import type { AskedSecret, Asks, Check, Failure, GivenAnswers, HostSecret, SecretList, StoreKind, StoreStatus } from "@/platform/contract";

/** What a machine's modules ask for. */
export interface FakeRequests {
  secrets: AskedSecret[];
  hostSecrets: HostSecret[];
  /** Capabilities that this computer lacks. */
  capabilities: Check[];
}

interface Answers {
  values: Map<string, { value: string; changed: string }>;
  later: Set<string>;
  hostSecrets: Map<HostSecret, boolean>;
  without: Set<string>;
}

const asksNothing: FakeRequests = { secrets: [], hostSecrets: [], capabilities: [] };

function refuse(code: Failure["code"], message: string, hints: string[] = []): Failure {
  return { code, message, hints, causes: [], details: [] };
}

export class FakeSecrets {
  store: StoreStatus = { kind: "keyring", state: "ready" };
  /** What opens the vault; empty while there is none. */
  passphrase = "";
  /** Whether the system's prompt is answered when the keyring is unlocked. */
  promptIsAnswered = true;
  readonly requests = new Map<string, FakeRequests>();
  readonly #answers = new Map<string, Answers>();

  answers(machine: string): Answers {
    const found = this.#answers.get(machine) ?? { values: new Map(), later: new Set(), hostSecrets: new Map(), without: new Set() };
    this.#answers.set(machine, found);
    return found;
  }

  /** What is open of what a machine asks for; null when nothing is. */
  open(machine: string): Asks | null {
    const { secrets, hostSecrets, capabilities } = this.requests.get(machine) ?? asksNothing;
    const answers = this.answers(machine);
    if (this.store.state === "locked" && answers.values.size > 0) return { secrets: [], hostSecrets: [], capabilities: [], unlock: this.store.kind };
    const asks: Asks = {
      secrets: secrets.filter(({ name, request }) => !answers.values.has(name) && !(request.optional && answers.later.has(name))),
      hostSecrets: hostSecrets.filter((secret) => !answers.hostSecrets.has(secret)),
      capabilities: capabilities.filter((check) => !answers.without.has(check.id.replace("capability.", ""))),
      unlock: null,
    };
    return asks.secrets.length + asks.hostSecrets.length + asks.capabilities.length === 0 ? null : asks;
  }

  list(machine: string): SecretList {
    const { secrets, hostSecrets } = this.requests.get(machine) ?? asksNothing;
    const answers = this.answers(machine);
    return {
      secrets: secrets.map(({ name, module, request }) => {
        const value = answers.values.get(name);
        return { name, kind: request.kind, module, set: value !== undefined, optional: request.optional, changed: value?.changed ?? null, request };
      }),
      hostSecrets: hostSecrets.map((secret) => ({ secret, allowed: answers.hostSecrets.get(secret) ?? null })),
    };
  }

  keep(machine: string, given: GivenAnswers): void {
    const known = new Map((this.requests.get(machine) ?? asksNothing).secrets.map((secret) => [secret.name, secret.request]));
    const answers = this.answers(machine);
    for (const [name, value] of Object.entries(given.secrets)) {
      const request = known.get(name);
      if (request === undefined) throw refuse("secret_not_found", `no module of ${machine} asks for the secret ${name}`);
      const text = typeof value === "string" ? value : value.base64;
      if (request.pattern !== null && !new RegExp(`^(?:${request.pattern})$`).test(text)) throw refuse("invalid_argument", `the value for the secret ${name} can't be used: it doesn't match the module's pattern ${request.pattern}`);
    }
    if (Object.keys(given.secrets).length > 0) this.#usable();
    for (const [name, value] of Object.entries(given.secrets)) answers.values.set(name, { value: typeof value === "string" ? value : atob(value.base64), changed: new Date().toISOString() });
    for (const name of given.later) answers.later.add(name);
    for (const [secret, allowed] of Object.entries(given.hostSecrets)) answers.hostSecrets.set(secret as HostSecret, allowed);
    for (const id of given.without) answers.without.add(id);
    for (const id of given.with) answers.without.delete(id);
  }

  reveal(machine: string, name: string): string {
    this.#usable();
    const value = this.answers(machine).values.get(name);
    if (value === undefined) throw refuse("secret_not_found", `the secret ${name} of ${machine} isn't set`);
    return value.value;
  }

  use(kind: StoreKind, passphrase: string | undefined): StoreStatus {
    if (kind === "vault") this.#openVault(passphrase);
    this.store = { kind, state: "ready" };
    return this.store;
  }

  unlock(passphrase: string | undefined): StoreStatus {
    if (this.store.state === "absent") throw refuse("store_unavailable", "this computer has no keyring", ["Keep secrets in the vault."]);
    if (this.store.kind === "vault") this.#openVault(passphrase);
    else if (!this.promptIsAnswered) throw refuse("store_unavailable", "access to the keyring was denied");
    this.store = { ...this.store, state: "ready" };
    return this.store;
  }

  #openVault(passphrase: string | undefined): void {
    if (passphrase === undefined) throw refuse("store_unavailable", "the vault is locked");
    if (this.passphrase === "") this.passphrase = passphrase;
    if (this.passphrase !== passphrase) throw refuse("store_unavailable", "the passphrase doesn't open the vault");
  }

  #usable(): void {
    const { kind, state } = this.store;
    if (state === "locked") throw refuse("store_unavailable", `the ${kind} is locked`, ["Unlock it, then try again."]);
    if (state === "absent") throw refuse("store_unavailable", `this computer has no ${kind}`, ["Keep secrets in the vault."]);
  }
}

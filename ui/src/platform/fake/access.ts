/** The user's access to servers as a pretended computer has it. Tokens are forgotten at once: only that they are kept is known. */
import type { AccessStatus } from "@/platform/contract";

/** A computer of a company, with an agent. */
export function accessStatus(): AccessStatus {
  return {
    tokens: [{ host: "github.com", user: "x-access-token", changed: "2026-03-02T09:30:00Z" }],
    agent: { keys: 2 },
    certificates: [
      { subject: "CN=Acme Root", expires: "2031-01-01T00:00:00Z", expired: false, source: "/usr/local/share/ca-certificates/acme.crt" },
      { subject: "CN=Acme Old Root", expires: "2024-01-01T00:00:00Z", expired: true, source: "/usr/local/share/ca-certificates/old.crt" },
    ],
    proxy: { http: null, https: "http://proxy.example.org:3128", all: null, no: "localhost" },
  };
}

/** With a token for a host, in place of the one before. */
export function withToken(access: AccessStatus, host: string, user: string | undefined, changed: string): AccessStatus {
  const tokens = [...access.tokens.filter((token) => token.host !== host), { host, user: user ?? "x-access-token", changed }];
  return { ...access, tokens: tokens.toSorted((a, b) => a.host.localeCompare(b.host)) };
}

/** Without the token for a host. */
export function withoutToken(access: AccessStatus, host: string): AccessStatus {
  return { ...access, tokens: access.tokens.filter((token) => token.host !== host) };
}

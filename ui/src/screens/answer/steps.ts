/** What a waiting operation asks for, one step each. Pure. */
import type { AskedSecret, Asks } from "@/platform/contract";

export type Step = { kind: "unlock" | "capabilities" | "consent"; key: string } | { kind: "secret"; key: string; secret: AskedSecret };

export function stepsOf(asks: Asks): Step[] {
  const one = (kind: "unlock" | "capabilities" | "consent", asked: boolean): Step[] => (asked ? [{ kind, key: kind }] : []);
  return [
    ...one("unlock", asks.unlock !== null),
    ...one("capabilities", asks.capabilities.length > 0),
    ...asks.secrets.map((secret): Step => ({ kind: "secret", key: `secret ${secret.name}`, secret })),
    ...one("consent", asks.hostSecrets.length > 0),
  ];
}

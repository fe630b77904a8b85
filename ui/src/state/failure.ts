import type { Failure } from "@/platform/contract";

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
}

/** What a rejected call carries, as a `Failure`, whatever was thrown. */
export function toFailure(thrown: unknown): Failure {
  if (typeof thrown === "object" && thrown !== null && "message" in thrown) {
    const { message, code, hints, causes, details } = thrown as Partial<Record<keyof Failure, unknown>>;
    return { code: (typeof code === "string" ? code : "failed") as Failure["code"], message: String(message), hints: strings(hints), causes: strings(causes), details: strings(details) };
  }
  return { code: "failed", message: String(thrown), hints: [], causes: [], details: [] };
}

/** Everything about it as plain text, for the clipboard. */
export function failureText(failure: Failure): string {
  const list = (items: string[]) => items.map((item) => `- ${item}`).join("\n");
  return [failure.message, list(failure.causes), list(failure.hints), failure.details.join("\n"), `(${failure.code})`].filter((part) => part !== "").join("\n\n");
}

/** A secret's value while it is being given: what was typed or chosen, and whether it fits what the module asks for. Pure. */
import type { GivenAnswers, SecretRequest } from "@/platform/contract";

/** The largest value, in bytes; the controller's own bound. */
export const MAX_BYTES = 64 << 10;

/** What is in the field: text, or a file that isn't text. */
export type SecretInput = { kind: "text"; text: string } | { kind: "file"; name: string; base64: string; size: number };

export const noInput: SecretInput = { kind: "text", text: "" };

export type ValueProblem =
  | { kind: "empty" }
  | { kind: "tooLarge" }
  | { kind: "notText" }
  /** It doesn't begin as it must. */
  | { kind: "start"; start: string }
  /** White space is in it where the pattern has no room for any. */
  | { kind: "space"; pattern: string }
  | { kind: "pattern"; pattern: string };

export function isEmpty(input: SecretInput): boolean {
  return input.kind === "text" && input.text === "";
}

/**
 * The module's pattern as the host checks it: the whole value must match. Null when there is none, when JavaScript reads it otherwise
 * than the host's engine (which knows no look-around and no back-references), or when it could take forever here: then only the host
 * checks it.
 */
export function patternOf(request: SecretRequest): RegExp | null {
  const { pattern } = request;
  if (pattern === null || /\(\?[=!<]|\\[1-9]|\\k</.test(pattern) || /[+*}]\)(?:[+*]|\{\d+,)/.test(pattern)) return null;
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    return null;
  }
}

/** What every value must begin with, as far as the pattern says it literally. */
export function literalStart(pattern: string): string {
  if (pattern.includes("|")) return "";
  const plain = /^\^?((?:[A-Za-z0-9_\-:/@=% ]|\\[.\-/+])*)/.exec(pattern)?.[1] ?? "";
  const after = pattern.replace(/^\^/, "").slice(plain.length);
  // The last character may be what is repeated or left out.
  const sure = /^[?*+{]/.test(after) ? plain.replace(/(?:\\.|[^\\])$/, "") : plain;
  const literal = sure.replaceAll("\\", "");
  return literal.length < 2 ? "" : literal;
}

/** Whether the value can be what the module asks for, as the host decides it; null when it can. */
export function problemOf(request: SecretRequest, input: SecretInput): ValueProblem | null {
  if (isEmpty(input)) return { kind: "empty" };
  const size = input.kind === "text" ? new TextEncoder().encode(input.text).length : input.size;
  if (size > MAX_BYTES) return { kind: "tooLarge" };
  if (request.kind === "env" && (input.kind === "file" || input.text.includes("\0"))) return { kind: "notText" };
  const pattern = patternOf(request);
  if (pattern === null || request.pattern === null) return null;
  if (input.kind === "file") return { kind: "pattern", pattern: request.pattern };
  if (pattern.test(input.text)) return null;
  if (/\s/u.test(input.text) && !/\.|\\s|\\W|\[\^| /.test(request.pattern.replaceAll("\\.", ""))) return { kind: "space", pattern: request.pattern };
  const start = literalStart(request.pattern);
  if (start !== "" && !input.text.startsWith(start)) return { kind: "start", start };
  return { kind: "pattern", pattern: request.pattern };
}

/** Whether what is typed so far may still become a value that fits. */
export function isOnTheWay(request: SecretRequest, input: SecretInput): boolean {
  return input.kind === "text" && (input.text === "" || literalStart(request.pattern ?? "").startsWith(input.text));
}

export function given(input: SecretInput): string | { base64: string } {
  return input.kind === "text" ? input.text : { base64: input.base64 };
}

export const nothingGiven: GivenAnswers = { secrets: {}, later: [], hostSecrets: {}, without: [], with: [] };

/** A file's content: text where it is text, else its bytes. */
export async function inputOfFile(file: File): Promise<SecretInput> {
  // What is too large is refused all the same, so it isn't read.
  if (file.size > MAX_BYTES) return { kind: "file", name: file.name, base64: "", size: file.size };
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes("\0")) return { kind: "text", text };
  } catch {
    // Not text: its bytes are the value.
  }
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { kind: "file", name: file.name, base64: btoa(binary), size: bytes.length };
}

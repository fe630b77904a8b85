/** Names of machines, by the controller's rules, so that a field can answer while one types. The controller has the last word. */

export const MAX_NAME = 48;
const RESERVED = /^(?:controller|con|prn|aux|nul|com[1-9]|lpt[1-9])$/i;

export type NameProblem = { kind: "empty" | "start" | "end" | "reserved" | "taken" } | { kind: "tooLong"; max: number } | { kind: "character"; found: string };

export function nameProblem(name: string, taken: readonly string[]): NameProblem | null {
  const letters = [...name];
  if (letters.length === 0) return { kind: "empty" };
  if (letters.length > MAX_NAME) return { kind: "tooLong", max: MAX_NAME };
  const found = letters.find((letter) => !/[a-z0-9-]/i.test(letter));
  if (found !== undefined) return { kind: "character", found };
  if (!/^[a-z]/i.test(name)) return { kind: "start" };
  if (name.endsWith("-")) return { kind: "end" };
  if (RESERVED.test(name)) return { kind: "reserved" };
  return taken.some((other) => other.toLowerCase() === name.toLowerCase()) ? { kind: "taken" } : null;
}

/** A valid, free name made of a repository's. */
export function suggestName(repository: string, taken: readonly string[]): string {
  const last = repository.split("/").findLast((part) => part !== "") ?? "";
  const valid =
    last
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^[^a-z]+/, "") || "machine";
  const ending = (end: string) => valid.slice(0, MAX_NAME - end.length).replace(/-+$/, "") + end;
  const free = (name: string) => nameProblem(name, taken) === null;
  for (let number = 1; ; number += 1) {
    const name = ending(number === 1 ? "" : `-${number}`);
    if (free(name)) return name;
  }
}

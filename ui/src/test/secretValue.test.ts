import { describe, expect, it } from "vitest";
import { asked } from "@/platform/fake/data";
import { inputOfFile, isOnTheWay, literalStart, MAX_BYTES, patternOf, problemOf, type SecretInput } from "@/state/secretValue";
import { stepsOf } from "@/screens/answer/steps";

const text = (value: string): SecretInput => ({ kind: "text", text: value });
const { request } = asked("token", "web", { pattern: "nx-[a-z0-9]{4}" });
const withPattern = (pattern: string) => ({ ...request, pattern });

describe("a secret's value", () => {
  it("is checked as the host does it", () => {
    expect(problemOf(request, text("nx-0a1b"))).toBeNull();
    expect(problemOf(request, text(""))).toEqual({ kind: "empty" });
    expect(problemOf(request, text("xx-nx-0a1b"))).toEqual({ kind: "start", start: "nx-" });
    expect(problemOf(request, text("nx-0a1b2"))).toEqual({ kind: "pattern", pattern: "nx-[a-z0-9]{4}" });
    expect(problemOf(request, text("nx-0a 1b"))).toEqual({ kind: "space", pattern: "nx-[a-z0-9]{4}" });
    expect(problemOf(withPattern("a|b"), text("ab"))).not.toBeNull();
    expect(problemOf({ ...request, pattern: null }, text("a\0b"))).toEqual({ kind: "notText" });
    expect(problemOf({ ...request, kind: "file", pattern: null }, { kind: "file", name: "key.p12", base64: "/w==", size: 1 })).toBeNull();
    expect(problemOf({ ...request, kind: "file" }, { kind: "file", name: "key.p12", base64: "/w==", size: 1 })).toMatchObject({ kind: "pattern" });
    expect(problemOf({ ...request, pattern: null }, text("é".repeat(MAX_BYTES / 2 + 1)))).toEqual({ kind: "tooLarge" });
  });

  it("is left to the host where JavaScript can't decide it", () => {
    expect(["(", "(?i)abc", "(?=a)b", "(a)\\1", "(a+)+", "(?P<x>a)"].filter((pattern) => patternOf(withPattern(pattern)) !== null)).toEqual([]);
    expect(problemOf(withPattern("("), text("anything"))).toBeNull();
    expect(patternOf(withPattern("\\p{L}+"))?.test("żółw")).toBe(true);
  });

  it("says how it begins where that is certain", () => {
    const starts: [string, string][] = [["hf_[a-z]+", "hf_"], ["glpat-.*", "glpat-"], ["ab|cd", ""], ["abc?", "ab"], ["https://.+", "https://"], ["sk\\.x[0-9]", "sk.x"], ["[a-z]+", ""], ["^gh_x$", "gh_x"], ["a+", ""]];
    expect(starts.map(([pattern]) => [pattern, literalStart(pattern)])).toEqual(starts);
  });

  it("is not blamed while it is begun", () => {
    expect(isOnTheWay(request, text("n"))).toBe(true);
    expect(isOnTheWay(request, text("nx-"))).toBe(true);
    expect(isOnTheWay(request, text("x"))).toBe(false);
  });

  it("comes from a file, as text or as bytes", async () => {
    expect(await inputOfFile(new File(["a\nb"], "cert.pem"))).toEqual({ kind: "text", text: "a\nb" });
    expect(await inputOfFile(new File([new Uint8Array([0xff, 0])], "key.p12"))).toEqual({ kind: "file", name: "key.p12", base64: "/wA=", size: 2 });
  });
});

describe("what is asked", () => {
  it("comes one after the other, what is in the way first", () => {
    const secrets = [asked("a", null), asked("b", null)];
    const steps = stepsOf({ secrets, hostSecrets: ["sshAgent"], capabilities: [], unlock: "vault" });
    expect(steps.map((step) => step.key)).toEqual(["unlock", "secret a", "secret b", "consent"]);
  });
});

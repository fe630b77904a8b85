import { describe, expect, it } from "vitest";
import { match } from "@/app/CommandPalette";
import { activeAndPinned } from "@/app/Sidebar";
import { shorten } from "@/components/midTruncate";
import { de } from "@/i18n/de";
import { en } from "@/i18n/en";
import { i18n, systemLanguage } from "@/i18n";
import { bundleWords } from "@/i18n/bundle";
import { explanation } from "@/i18n/explanations";
import * as format from "@/i18n/format";
import { iconNames } from "@/icons/Icon";
import sprite from "@/icons/icons.svg?raw";
import { FakeBackend } from "@/platform/fake";
import { activity, machine } from "@/platform/fake/data";
import { visibleRows } from "@/screens/build/activityTree";
import { RowOffsets } from "@/screens/build/RowOffsets";
import { commandLine } from "@/screens/doctor/FixDetail";
import { isShown, matches, toRows } from "@/screens/machines/rows";
import { MAX_NAME, nameProblem, suggestName } from "@/screens/new/names";
import { usedRepositories } from "@/screens/new/SourcePage";
import { plain, spans } from "@/state/ansi";
import { withoutCredentials } from "@/state/draft";
import { withActivities, withMachines, withOperation } from "@/state/events";
import { failureText, toFailure } from "@/state/failure";
import { keyName } from "@/state/useKeys";
import { groupOf, referenceOf, repositoryAddress, repositoryName } from "@/state/view";

describe("catalogues", () => {
  const leaves = (tree: object, path = ""): [string, string][] => Object.entries(tree).flatMap(([key, value]) => (typeof value === "string" ? [[path + key, value] as [string, string]] : leaves(value as object, `${path}${key}.`)));
  const holes = (text: string) => (text.match(/\{\{\w+|<\/?\w+>/g) ?? []).toSorted();

  it("have the same keys and the same holes in every language", () => {
    const german = new Map(leaves(de));
    for (const [key, text] of leaves(en)) expect([key, holes(german.get(key) ?? "")]).toEqual([key, holes(text)]);
    expect(german.size).toBe(leaves(en).length);
  });

  it("are spoken as the system wants", () => {
    expect(systemLanguage(["fr-FR", "de-AT", "en"])).toBe("de");
    expect(systemLanguage(["fr"])).toBe("en");
  });
});

describe("what a bundle's files are", () => {
  const sources = import.meta.glob<string>(["../../../crates/controller/src/diagnostics/mod.rs", "../../../crates/controller/src/operation/model.rs"], { query: "?raw", import: "default", eager: true });
  const source = (part: string) => Object.entries(sources).find(([file]) => file.includes(part))?.[1].split("#[cfg(test)]")[0] ?? "";

  it("is said in German", () => {
    const files = [...source("/diagnostics/").matchAll(/\.add(?:_json)?\(\s*[^;]*?,\s*"([^"]+)",/g)].map(([, about = ""]) => about);
    expect(files.length).toBeGreaterThan(10);
    expect(files).toContain("what Doctor found");
    expect(files.filter((about) => bundleWords(about, "de") === about)).toEqual([]);
    const code = /fn description[^]*?\n {4}\}/.exec(source("/operation/"))?.[0] ?? "";
    const named = (what: string) => [...code.matchAll(new RegExp(`${what}::\\w+ => "([^"]+)"`, "g"))].map(([, name = ""]) => name);
    expect([named("OperationKind").length, named("Door").length]).toEqual([10, 3]);
    for (const kind of named("OperationKind")) {
      for (const door of named("Door")) expect(bundleWords(`${kind}, started from ${door} at 09:41:00 UTC`, "de")).toMatch(/, begonnen vo.+ um 09:41:00 UTC$/);
    }
  });

  it("is in the controller's words where there are no others", () => {
    expect(bundleWords("what Doctor found", "en")).toBe("what Doctor found");
    expect(bundleWords("something new", "de")).toBe("something new");
    expect(bundleWords("create, started from the window at 09:41:00 UTC", "de")).toBe("Erstellen, begonnen vom Fenster um 09:41:00 UTC");
  });
});

describe("what checks found", () => {
  const sources = import.meta.glob<string>(["../../../crates/controller/src/doctor/checks/*.rs", "../../../crates/controller/src/doctor/{run,finding}.rs", "../../../crates/controller/src/capability/*.rs"], { query: "?raw", import: "default", eager: true });
  const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).toSorted();

  /** Every reason in the controller's sources, with its sentence and the checks that have it. */
  const found = Object.entries(sources).flatMap(([file, source]) => {
    const [code = ""] = source.split("#[cfg(test)]");
    const capability = file.includes("/capability/");
    const ids = [...code.matchAll(capability ? /name: "([\w-]+)",/g : /id: "([\w-]+)",/g)].map(([, id = ""]) => (capability ? `capability.${id}` : id));
    const reasons = [...code.matchAll(/"([a-z_]+)",\s*"((?:[A-Z]|\{\w+\} )(?:[^"\\]|\\.)*\.)"/g)];
    const everywhere = capability ? ["capability.kvm", "capability.fuse", "capability.tun"] : ["engine"];
    return reasons.flatMap(([, reason = "", sentence = ""]) => (ids.length === 0 ? everywhere : ids).map((id) => ({ id, reason, sentence })));
  });

  it("is read out of the sources", () => {
    expect(found.length).toBeGreaterThan(80);
    expect(found).toContainEqual({ id: "engine", reason: "no_engine", sentence: "The engine can't be asked." });
    expect(found).toContainEqual({ id: "capability.kvm", reason: "no_module", sentence: "The kernel's module {module} isn't loaded, or this kernel has none." });
  });

  it("is said in German, with the same parameters", () => {
    for (const { id, reason, sentence } of found) {
      const said = explanation({ id, reason, parameters: {}, explanation: sentence }, "de");
      expect([id, reason, said === sentence ? "not translated" : holes(said)]).toEqual([id, reason, holes(sentence)]);
    }
  });

  it("is in the controller's words where there are no others", () => {
    const check = { id: "certificates", reason: "expired", parameters: { host: "git.example", from: "a machine" }, explanation: "It is over." };
    expect(explanation(check, "en")).toBe("It is over.");
    expect(explanation({ ...check, reason: "newer" }, "de")).toBe("It is over.");
    expect(explanation(check, "de")).toBe("Das Zertifikat von git.example gilt jetzt nicht, gesehen von einer Maschine. Wenn die Uhr richtig geht, muss sein Besitzer es erneuern.");
  });
});

describe("times and sizes", () => {
  const t = i18n.t.bind(i18n);
  it("are short and in words", () => {
    const say = (h: number, min: number, s = 0) => format.duration(t, ((h * 60 + min) * 60 + s) * 1000);
    expect([say(0, 0, 5), say(0, 41), say(3, 12), say(3, 0), say(148, 0)]).toEqual(["5 s", "41 min", "3 h 12 min", "3 h", "6 d 4 h"]);
    const day = 86_400_000;
    expect([1, 20, 22, 61, 150, 800].map((days) => format.age(t, days * day))).toEqual(["1 d", "20 d", "3 wk", "2 mo", "5 mo", "2 y"]);
    expect(format.ago(t, 1000, 5000)).toBe("just now");
    expect([format.stopwatch(84_000), format.stopwatch(7_389_000)]).toEqual(["1:24", "2:03:09"]);
    expect([format.phaseTime(t, 4999), format.phaseTime(t, 77_000)]).toEqual(["4 s", "1:17"]);
  });
  it("follow the language", () => {
    expect(format.bytes(t, "en", 4_400_000_000)).toBe("4.4 GB");
    expect(format.bytes(t, "de", 4_400_000_000)).toBe("4,4 GB");
    expect(format.bytesOf(t, "en", 61e6, 118e6)).toBe("61 of 118 MB");
    expect(format.localeOf("en", ["de-DE", "en-GB"])).toBe("en-GB");
    expect(format.localeOf("de", ["en-GB"])).toBe("de");
  });
  it("say the day as one would", () => {
    const now = new Date(2026, 10, 22, 12, 0).getTime();
    const at = (...date: [number, number, number, number, number]) => format.dayAndTime(t, "en-GB", new Date(...date).toISOString(), now);
    expect(at(2026, 10, 22, 9, 5)).toBe("today, 09:05");
    expect(at(2026, 10, 21, 23, 59)).toBe("yesterday, 23:59");
    expect(at(2026, 9, 1, 8, 0)).toBe("1 Oct, 08:00");
    expect(at(2025, 9, 1, 8, 0)).toBe("1 Oct 2025, 08:00");
  });
});

describe("icons", () => {
  it("are all in the sprite", () => {
    const there = [...sprite.matchAll(/id="i-([^"]+)"/g)].map((found) => found[1]).toSorted();
    expect([...iconNames].toSorted()).toEqual(there);
  });
});

describe("names", () => {
  it("obey the controller's rules", () => {
    expect(nameProblem("", [])).toEqual({ kind: "empty" });
    expect(nameProblem("a".repeat(300), [])).toEqual({ kind: "tooLong", max: MAX_NAME });
    expect(nameProblem("../x", [])).toEqual({ kind: "character", found: "." });
    expect(nameProblem("-x", [])).toEqual({ kind: "start" });
    expect(nameProblem("1x", [])).toEqual({ kind: "start" });
    expect(nameProblem("x-", [])).toEqual({ kind: "end" });
    expect(nameProblem("COM1", [])).toEqual({ kind: "reserved" });
    expect(nameProblem("Hello", ["hello"])).toEqual({ kind: "taken" });
    expect(nameProblem("Hello-2", ["hello"])).toBeNull();
  });
  it("are suggested valid and free", () => {
    expect(suggestName("acme/Checkout_Service", [])).toBe("checkout-service");
    expect(suggestName("acme/web", ["web", "web-2"])).toBe("web-3");
    expect(suggestName("acme/2048.Über", [])).toBe("uber");
    expect(suggestName("日本", [])).toBe("machine");
    expect(suggestName(`x/${"ab-".repeat(40)}`, []).length).toBeLessThanOrEqual(MAX_NAME);
    // One as long as names may be is numbered as any other.
    const longest = "n".repeat(MAX_NAME);
    expect(suggestName(longest, [])).toBe(longest);
    expect(suggestName(longest, [longest])).toBe(`${"n".repeat(MAX_NAME - 2)}-2`);
  });
});

describe("addresses", () => {
  it("are called as people call them", () => {
    expect(repositoryName("github:acme/webshop?ref=main")).toBe("acme/webshop");
    expect(repositoryName("git+https://gitlab.acme.internal/platform/data.git")).toBe("platform/data");
    expect(repositoryName("git+file:///home/me/src/hello")).toBe("hello");
    expect(repositoryAddress("github:acme/webshop/v2")).toBe("github.com/acme/webshop/v2");
    expect(repositoryAddress("git+ssh://git@host.example/team/repo.git")).toBe("host.example/team/repo");
    expect(repositoryAddress("path:/home/me/x")).toBe("/home/me/x");
  });
  it("may name what they follow", () => {
    expect(referenceOf("github:acme/webshop")).toBeNull();
    expect(referenceOf("github:acme/webshop/v2.3")).toBe("v2.3");
    expect(referenceOf("git+https://x.org/a/b?ref=refs/tags/v1&rev=0")).toBe("v1");
  });
  it("lose their passwords", () => {
    expect(withoutCredentials("https://me:pw@example.org/a?token=t&x=1")).toBe("https://example.org/a?token=&x=1");
    expect(withoutCredentials("git@github.com:acme/x")).toBe("git@github.com:acme/x");
  });
  it("are listed by how many machines use them", () => {
    const { world } = new FakeBackend("design");
    expect(usedRepositories([...world.machines.values()])[0]?.names).toHaveLength(1);
  });
});

describe("log lines", () => {
  it("keep colours and nothing else of what a terminal could do", () => {
    expect(spans("a \u001b[31mred \u001b[1;92mbold\u001b[0m z")).toEqual([
      { text: "a ", colour: null, bold: false, dim: false },
      { text: "red ", colour: "red", bold: false, dim: false },
      { text: "bold", colour: "bright-green", bold: true, dim: false },
      { text: " z", colour: null, bold: false, dim: false },
    ]);
    expect(spans("\u001b[38;5;196mx\u001b[48;2;1;2;3my\u001b[39m")).toEqual([
      { text: "x", colour: null, bold: false, dim: false },
      { text: "y", colour: null, bold: false, dim: false },
    ]);
  });
  it("can't be made to lie", () => {
    expect(plain("\u001b]0;title\u0007a\u001b[2J\u001b[1;1Hb\rc\u0008d\u202ee\u001bPq\u001b\\f\u009bg\u001b")).toBe("abcdefg");
    expect(plain("\tx")).toBe("    x");
  });
});

describe("row offsets", () => {
  it("agree with adding up, whatever was measured", () => {
    const offsets = new RowOffsets(18);
    const heights = Array.from({ length: 5000 }, () => 18);
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    offsets.resize(700);
    for (let step = 0; step < 2000; step += 1) {
      if (step === 900) offsets.resize(5000);
      const row = random(offsets.count);
      const height = 18 * (1 + random(4));
      expect(offsets.set(row, height)).toBe(height - (heights[row] as number));
      heights[row] = height;
    }
    let sum = 0;
    for (let row = 0; row < 5000; row += 1) {
      expect(offsets.offset(row)).toBe(sum);
      expect(offsets.at(sum)).toBe(row);
      expect(offsets.at(sum + (heights[row] as number) - 1)).toBe(row);
      sum += heights[row] as number;
    }
    expect(offsets.total).toBe(sum);
    offsets.reset();
    expect(offsets.total).toBe(5000 * 18);
  });
});

describe("shortening", () => {
  const measure = (text: string) => [...text].length;
  it("keeps the end and prefers to cut at a dash", () => {
    expect(shorten("data-platform-ingestion-and-reporting-eu-central", 24, measure)).toBe("data-platform…eu-central");
    expect(shorten("short", 24, measure)).toBe("short");
    expect(shorten("x".repeat(300), 10, measure)).toHaveLength(10);
    for (let width = 3; width < 50; width += 1) expect(measure(shorten("kundenportal-staging-eu-central-0007", width, measure))).toBeLessThanOrEqual(width);
  });
});

describe("the rows of the list", () => {
  const { world } = new FakeBackend("design");
  const machines = [...world.machines.values()];
  const groups = new Map(machines.map((each) => [each.name, groupOf(each)]));
  it("are grouped by what one must do, then by name", () => {
    expect(toRows(machines, groups).map((row) => (row.kind === "group" ? `# ${row.group} ${row.count}` : row.machine.name))).toEqual([
      "# needs 2", "legacy-billing", "ml-notebooks",
      "# working 2", "mobile-android", "webshop-frontend",
      "# running 3", "data-platform-ingestion-and-reporting-eu-central", "infra-tools", "payments-api",
      "# stopped 1", "docs-site",
    ]);
    expect(toRows(machines, null)[0]).toMatchObject({ kind: "machine", machine: { name: "data-platform-ingestion-and-reporting-eu-central" } });
  });
  it("are filtered by every word", () => {
    const names = (filter: string) => machines.filter((each) => matches(each, filter)).map((each) => each.name);
    expect(names("acme infra")).toEqual(["infra-tools"]);
    expect(names("KUBECTL 10.114")).toEqual(["infra-tools"]);
    expect(names("  ")).toHaveLength(8);
    expect(machines.filter((each) => isShown(each, "needs"))).toHaveLength(2);
  });
  it("put into the sidebar what is active or pinned", () => {
    expect(activeAndPinned(machines, []).map((each) => each.name)).not.toContain("docs-site");
    expect(activeAndPinned(machines, ["docs-site"]).at(-1)?.name).toBe("docs-site");
  });
});

describe("the activity tree", () => {
  it("shows what matters first and folds what is over", () => {
    const root = activity("system", "running");
    const activities = [root, activity("done-child", "done", { parent: root.id }), activity("failed-child", "failed", { parent: root.id }), activity("a", "done"), activity("b", "done"), activity("later", "planned")];
    const names = (toggled: string[], only = false) => visibleRows(activities, new Set(toggled), only).map((row) => (row.kind === "finished" ? `${row.count} finished` : `${"  ".repeat(row.level)}${row.activity.name}`));
    expect(visibleRows(activities, new Set(), false).map((row) => `${row.position}/${row.siblings}`)).toEqual(["1/3", "1/2", "2/2", "2/3", "3/3"]);
    expect(names([])).toEqual(["system", "  failed-child", "  done-child", "later", "2 finished"]);
    expect(names(["finished", String(root.id)])).toEqual(["system", "later", "2 finished", "  a", "  b"]);
    expect(names([], true)).toEqual(["system", "  failed-child"]);
  });
  it("survives a cycle and a parent that is not there", () => {
    const one = activity("one", "running", { id: 9001, parent: 9002 });
    const two = activity("two", "running", { id: 9002, parent: 9001 });
    const orphan = activity("orphan", "running", { parent: 4711 });
    expect(visibleRows([one, two, orphan], new Set(), false)).toHaveLength(1);
  });
  it("takes ten thousand activities", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => activity(`d${index}`, index % 3 === 0 ? "running" : "planned"));
    expect(visibleRows(many, new Set(), false)).toHaveLength(10_000);
  });
});

describe("events", () => {
  it("replace, add and remove", () => {
    const list = [machine("a"), machine("c")];
    expect(withMachines(list, [machine("b"), machine("c", { status: "running" })], ["a"]).map((each) => `${each.name} ${each.status}`)).toEqual(["b stopped", "c running"]);
    const [one, two] = [activity("x", "planned"), activity("y", "planned")];
    expect(withActivities([one, two], new Map([[one.id, { ...one, state: "done" as const }]])).map((each) => each.state)).toEqual(["done", "planned"]);
    const { world } = new FakeBackend("design");
    const [first] = world.operations;
    if (first === undefined) throw new Error("no operation");
    expect(withOperation(world.operations, { ...first, state: "succeeded" })).toHaveLength(world.operations.length);
    expect(withOperation(world.operations, { ...first, id: "new" })[0]?.id).toBe("new");
  });
});

describe("failures", () => {
  it("are made of whatever was thrown", () => {
    expect(toFailure("text")).toMatchObject({ code: "failed", message: "text", hints: [] });
    expect(toFailure(new Error("broken"))).toMatchObject({ code: "failed", message: "broken" });
    expect(toFailure({ code: "busy", message: "m", hints: ["h", 1], causes: null })).toEqual({ code: "busy", message: "m", hints: ["h"], causes: [], details: [] });
    expect(failureText({ code: "busy", message: "m", hints: ["h"], causes: ["c"], details: ["d"] })).toBe("m\n\n- c\n\n- h\n\nd\n\n(busy)");
  });
});

describe("small things", () => {
  it("keys have one name each", () => {
    const press = (key: string, keys: Partial<Record<"ctrlKey" | "altKey" | "shiftKey", boolean>> = {}) => keyName({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...keys });
    expect([press("k", { ctrlKey: true }), press("F3", { shiftKey: true }), press("s"), press("?", { shiftKey: true }), press("ArrowLeft", { altKey: true })]).toEqual(["Ctrl+K", "Shift+F3", "S", "?", "Alt+ArrowLeft"]);
  });
  it("commands are shown as one would type them", () => {
    expect(commandLine(["usermod", "-aG", "lxd", "it's me"])).toBe("usermod -aG lxd 'it'\\''s me'");
  });
  it("the palette prefers beginnings", () => {
    expect([match("payments-api", "pay")?.rank, match("web-pay", "pay")?.rank, match("repay", "pay")?.rank, match("x", "pay")]).toEqual([0, 1, 2, null]);
  });
});

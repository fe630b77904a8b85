/** WCAG's contrast of the tokens that are used together, in both themes (https://www.w3.org/TR/WCAG22/#contrast-minimum). */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

type Colour = readonly [number, number, number];
const css = readFileSync(resolve("src/styles/tokens.css"), "utf8");

/** The two values of a role: light, dark. */
function role(name: string): [string, string] {
  const found = new RegExp(`--${name}: light-dark\\((.+?)\\);`).exec(css)?.[1];
  const parts = /^(#\w+|oklch\([^)]+\)), (#\w+|oklch\([^)]+\))$/.exec(found ?? "");
  if (parts?.[1] === undefined || parts[2] === undefined) throw new Error(`no opaque role --${name}`);
  return [parts[1], parts[2]];
}

/** Linear sRGB (https://www.w3.org/TR/css-color-4/#color-conversion-code). */
function linear(colour: string): Colour {
  const hex = /^#(\w\w)(\w\w)(\w\w)$/.exec(colour);
  if (hex !== null) {
    const [r, g, b] = hex.slice(1).map((part) => {
      const value = Number.parseInt(part, 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return [r ?? 0, g ?? 0, b ?? 0];
  }
  const [lightness = 0, chroma = 0, hue = 0] = (/^oklch\(([\d. ]+)\)$/.exec(colour)?.[1] ?? "").split(" ").map(Number);
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const inside = (value: number) => Math.min(1, Math.max(0, value));
  return [
    inside(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    inside(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    inside(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function contrast(one: string, other: string): number {
  const [bright = 0, dark = 0] = [one, other]
    .map((colour) => {
      const [r, g, b] = linear(colour);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    })
    .toSorted((a, b) => b - a);
  return bright / dark;
}

function tooLittle(fronts: string[], backs: string[], least: number): string[] {
  return fronts.flatMap((front) =>
    backs.flatMap((back) =>
      (["light", "dark"] as const).flatMap((theme, index) => {
        const ratio = contrast(role(front)[index] ?? "", role(back)[index] ?? "");
        return ratio >= least ? [] : [`${theme}: --${front} on --${back} has ${ratio.toFixed(2)}`];
      }),
    ),
  );
}

const planes = ["canvas", "surface", "raised", "sunken"];
const states = ["busy", "ok", "wait", "fail"];
const terminal = ["red", "green", "yellow", "blue", "magenta", "cyan", "white"].flatMap((colour) => [`term-${colour}`, `term-bright-${colour}`]);

describe("contrast", () => {
  it("is measured as the standard says", () => {
    expect(contrast("#ffffff", "#000000")).toBeCloseTo(21);
    expect(contrast("#767676", "#ffffff")).toBeCloseTo(4.54, 2);
    expect(contrast("oklch(1 0 0)", "oklch(0 0 0)")).toBeCloseTo(21);
  });
  it("of text is enough on every plane", () => expect(tooLittle(["fg", "fg-2", "fg-3"], [...planes, "selected"], 4.5)).toEqual([]));
  it("of text is enough on what has a state", () => {
    expect(tooLittle(["fg", "fg-2"], [...states.map((state) => `${state}-tint`), "off-tint"], 4.5)).toEqual([]);
    expect(states.flatMap((state) => tooLittle([`${state}-fg`], [...planes, "selected", `${state}-tint`], 4.5))).toEqual([]);
  });
  it("of glyphs and bars is enough", () => {
    expect(tooLittle([...states, "off"], planes, 3)).toEqual([]);
    expect(states.flatMap((state) => tooLittle([state], [`${state}-tint`], 3))).toEqual([]);
  });
  it("of buttons, edges of fields and the focus is enough", () => {
    expect(tooLittle(["on-ink"], ["ink", "ink-hover"], 4.5)).toEqual([]);
    expect(tooLittle(["on-danger"], ["danger"], 4.5)).toEqual([]);
    expect(tooLittle(["line-control", "focus"], ["surface", "raised"], 3)).toEqual([]);
  });
  it("of a log's text is enough", () => expect(tooLittle(["term-fg", "term-dim", ...terminal], ["term-bg"], 4.5)).toEqual([]));
});

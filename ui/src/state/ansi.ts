/** Colours of a log line, made safe: SGR colours become roles, every other escape and control character disappears. Pure. */

export interface Span { text: string; colour: string | null; bold: boolean; dim: boolean }

const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
// The escape character is what is looked for.
// oxlint-disable-next-line no-control-regex
const escape = /\u001b(?:\[([0-9;:?]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[@-Z\\^_]?)/g;
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function plain(text: string): string {
  return text.replace(escape, "").replace(control, "").replaceAll("\t", "    ");
}

export function spans(text: string): Span[] {
  if (!text.includes("\u001b")) return [{ text: plain(text), colour: null, bold: false, dim: false }];
  const found: Span[] = [];
  let style = { colour: null as string | null, bold: false, dim: false };
  let end = 0;
  const push = (piece: string) => {
    const clean = plain(piece);
    if (clean !== "") found.push({ text: clean, ...style });
  };
  for (const match of text.matchAll(escape)) {
    push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[2] === "m") style = applySgr(style, match[1] ?? "");
  }
  push(text.slice(end));
  return found;
}

function applySgr(style: { colour: string | null; bold: boolean; dim: boolean }, parameters: string): typeof style {
  let next = { ...style };
  const codes = parameters.split(/[;:]/).map(Number);
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 0) next = { colour: null, bold: false, dim: false };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code >= 30 && code <= 37) next.colour = names[code - 30] ?? null;
    else if (code >= 90 && code <= 97) next.colour = `bright-${names[code - 90] ?? "white"}`;
    else if (code === 39) next.colour = null;
    // Colours of 256 or 16 million can't be told apart from the background in both themes; their numbers are skipped.
    else if (code === 38 || code === 48) index += codes[index + 1] === 5 ? 2 : 4;
  }
  return next;
}

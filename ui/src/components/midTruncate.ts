/** Measuring text and cutting its middle out. Pure but for the canvas that measures. */

let context: CanvasRenderingContext2D | null | undefined;
const widths = new Map<string, Map<string, number>>();

/** Runs when fonts have arrived, because everything measured before was measured in another one. */
export function onFontsLoaded(run: () => void): () => void {
  const { fonts } = document;
  if (fonts === undefined) return () => {};
  const loaded = () => {
    widths.clear();
    run();
  };
  fonts.addEventListener("loadingdone", loaded);
  return () => fonts.removeEventListener("loadingdone", loaded);
}

/** Width of a text in pixels; measured once per font and text. `spacing` comes after each letter. */
export function textMeasure(font: string, spacing: number): (text: string) => number {
  let ofFont = widths.get(font);
  if (ofFont === undefined) widths.set(font, (ofFont = new Map()));
  const known = ofFont;
  return (text) => {
    let width = known.get(text);
    if (width === undefined) {
      // Nothing is drawn: without the hint a whole graphics context would be made for it.
      context ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      if (context === null) return 0;
      context.font = font;
      width = context.measureText(text).width;
      if (known.size > 5000) known.clear();
      known.set(text, width);
    }
    return width + spacing * text.length;
  };
}

/**
 * The text as it is if it fits `width`, else its beginning, "…" and its end. The end keeps about half of the room and begins after a
 * dash where one is near, because names are made of words.
 */
export function shorten(text: string, width: number, measure: (text: string) => number): string {
  if (width <= 0 || measure(text) <= width) return text;
  const letters = [...text];
  let low = 0;
  let high = letters.length - 1;
  // The most letters that fit, a little more of them at the beginning.
  while (low < high) {
    const keep = Math.ceil((low + high) / 2);
    if (measure(cut(letters, keep)) <= width) low = keep;
    else high = keep - 1;
  }
  return cut(letters, low);
}

function cut(letters: string[], keep: number): string {
  let tail = Math.floor(keep * 0.48);
  const start = letters.length - tail;
  const dash = letters.findIndex((letter, index) => index >= start - 1 && index < start + Math.ceil(tail / 2) && (letter === "-" || letter === "_" || letter === "."));
  if (dash !== -1) tail = letters.length - dash - 1;
  return `${letters.slice(0, keep - tail).join("").replace(/[-_.]$/, "")}…${letters.slice(letters.length - tail).join("")}`;
}

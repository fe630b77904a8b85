/** The first paint, before which nothing is done that it doesn't show. */

/** A window that nobody sees is not painted; what waits for that goes on after this long. */
const PATIENCE = 1000;

let tell = () => {};

/** Resolves when the first page is painted. */
export const painted = new Promise<void>((resolve) => {
  tell = resolve;
});

/** Called when the first page is in the document. */
export function firstPage(): void {
  // The second frame comes when the first one is on the screen.
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(tell, 0)));
  setTimeout(tell, PATIENCE);
}

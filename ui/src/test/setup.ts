import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";
import { i18n } from "@/i18n";
import { drafts } from "@/state/draft";
import { pins, selectedMachine, singleKeys, statusBarShown } from "@/state/preferences";

// What a browser has and jsdom lacks. Sizes are those of a real window, so that virtual lists show rows.
class NoResize {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
globalThis.ResizeObserver = NoResize;
globalThis.PointerEvent = class extends MouseEvent {
  readonly pointerType = "mouse";
  readonly pointerId = 1;
} as unknown as typeof PointerEvent;
Element.prototype.scrollTo = function scrollTo(this: Element, to?: ScrollToOptions | number) {
  if (typeof to === "object" && to.top !== undefined) this.scrollTop = to.top;
} as typeof Element.prototype.scrollTo;
Element.prototype.scrollIntoView = () => {};
Element.prototype.getAnimations = () => [];
HTMLCanvasElement.prototype.getContext = () => null;
const size = (width: number, height: number) => ({ offsetWidth: { configurable: true, get: () => width }, offsetHeight: { configurable: true, get: () => height }, clientHeight: { configurable: true, get: () => height }, clientWidth: { configurable: true, get: () => width } });
Object.defineProperties(HTMLElement.prototype, size(960, 620));
globalThis.CSS = { ...globalThis.CSS, escape: (text: string) => text.replace(/["\\]/g, "\\$&") };
window.matchMedia = (query) => ({ matches: false, media: query, onchange: null, addEventListener() {}, removeEventListener() {}, addListener() {}, removeListener() {}, dispatchEvent: () => false });

window.scrollTo = () => {};
Blob.prototype.arrayBuffer = function arrayBuffer(this: Blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result as ArrayBuffer));
    reader.addEventListener("error", () => reject(reader.error ?? new Error("unreadable")));
    reader.readAsArrayBuffer(this);
  });
};

// Whether something is hidden is what makes queries slow here; that nothing wrong is hidden says axe.
configure({ asyncUtilTimeout: 15_000, defaultHidden: true });

beforeEach(async () => {
  localStorage.clear();
  drafts.write(null);
  pins.write([]);
  singleKeys.write(true);
  statusBarShown.write(true);
  selectedMachine.write(null);
  await i18n.changeLanguage("en");
});
afterEach(cleanup);

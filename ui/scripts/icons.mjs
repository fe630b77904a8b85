// Regenerates ../icons from ../icons/codchi.svg: app icon sizes, the Windows .ico and the tray icon in four states.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Resvg } from "@resvg/resvg-js";

const icons = new URL("../../icons/", import.meta.url);
const source = readFileSync(new URL("codchi.svg", icons), "utf8");

/** The group with this id, cut out of the source. */
function group(id) {
  const found = source.match(new RegExp(`<g id="${id}"[\\s\\S]*?</g>`));
  if (found === null) throw new Error(`icons/codchi.svg has no group "${id}"`);
  return found[0];
}

function png(svg, width) {
  return new Resvg(svg, { fitTo: { mode: "width", value: width } }).render().asPng();
}

/** An ICO whose images are PNGs (understood since Windows Vista); layout: ICONDIR, ICONDIRENTRY per image, images. */
function ico(images) {
  const head = Buffer.alloc(6 + 16 * images.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(images.length, 4);
  let offset = head.length;
  images.forEach(({ size, data }, index) => {
    const at = 6 + 16 * index;
    head.writeUInt8(size % 256, at);
    head.writeUInt8(size % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(data.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += data.length;
  });
  return Buffer.concat([head, ...images.map((image) => image.data)]);
}

function write(name, data) {
  writeFileSync(new URL(name, icons), data);
  console.log(`icons/${name} ${data.length} bytes`);
}

for (const [name, size] of [["32x32.png", 32], ["128x128.png", 128], ["128x128@2x.png", 256], ["icon.png", 512]]) {
  write(name, png(source, size));
}
write("icon.ico", ico([16, 24, 32, 48, 64, 256].map((size) => ({ size, data: png(source, size) }))));

mkdirSync(new URL("tray/", icons), { recursive: true });
const inks = { light: "#1b1f25", dark: "#f3f4f6", template: "#000000" };
for (const state of ["idle", "busy", "running", "problem"]) {
  for (const [theme, ink] of Object.entries(inks)) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16" height="16" color="${ink}">${group("outline")}${group(`core-${state}`)}</svg>`;
    write(`tray/${state}-${theme}.png`, png(svg, 32));
    write(`tray/${state}-${theme}@2x.png`, png(svg, 64));
  }
}

// Pictures of every screen over the pretended controller: `npm run shots -- DIRECTORY [NAME…]`. Needs a Chromium (CHROMIUM, else
// /usr/bin/chromium). Each in light and dark, at 1200 × 800 and 900 × 600; each is also held against the accessibility rules, with the
// contrast that only a real browser can measure.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { createServer } from "vite";

const [directory = "shots", ...only] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });

/** Address below `/`, scenario, and what is done before the picture is taken. */
const screens = {
  machines: { act: (page) => page.locator('[data-name="payments-api"]').click() },
  "machines-de": { language: "de", fake: "many", act: (page) => page.locator('[role="row"][tabindex="0"]').focus() },
  "machines-many": { fake: "many" },
  "machines-loading": { fake: "loading", wait: 400 },
  "machines-offline": { fake: "offline" },
  "machines-nomatch": { act: (page) => page.getByRole("searchbox").first().fill("xyz") },
  "machines-menu": { act: (page) => page.locator('[data-name="payments-api"]').click({ button: "right" }) },
  onboarding: { fake: "no-engine" },
  "onboarding-de": { fake: "no-engine", language: "de" },
  "first-run": { fake: "empty" },
  "first-run-preparing": { fake: "first-run", wait: 300 },
  "new-source": { path: "new" },
  "new-source-filled": { path: "new", act: (page) => page.getByLabel("Repository address").fill("https://github.com/acme/checkout-service") },
  "new-source-error": {
    path: "new",
    act: async (page) => {
      await page.getByLabel("Repository address").fill("https://github.com/acme/nothing");
      await page.getByRole("button", { name: /^Continue/ }).click();
    },
  },
  "new-modules": {
    path: "new",
    act: async (page) => {
      await page.getByLabel("Repository address").fill("https://github.com/acme/checkout-service");
      await page.getByRole("button", { name: /^Continue/ }).click();
      await page.getByRole("checkbox", { name: "backend" }).click();
      await page.getByRole("checkbox", { name: "desktop" }).click();
      await page.getByLabel("Name").focus();
    },
  },
  "new-modules-de": {
    path: "new",
    language: "de",
    act: async (page) => {
      await page.locator("[data-first]").fill("https://github.com/acme/checkout-service");
      await page.keyboard.press("Enter");
      await page.getByRole("checkbox", { name: "backend" }).click();
    },
  },
  "new-reading": { path: "new", act: requirements },
  "new-requirements": {
    path: "new",
    act: async (page) => {
      await requirements(page);
      await page.evaluate(() => window.fake.ask(window.fake.world.operations[0].id));
      await page.getByLabel("payment-provider-key").fill("sk_sandbox_0a1b2c3d4e5f");
      const token = page.getByLabel("nexus-token");
      await token.fill("nx-7f3a 91");
      await token.locator("..").getByRole("button").click();
      await page.getByRole("checkbox", { name: "Company certificates" }).click();
      await page.getByRole("button", { name: "Fix…" }).click();
    },
  },
  "secret-prompt": { later: false, act: (page) => page.getByLabel(/^Value/).fill("hf_0a1b2c3d4e5f6a7b8c9d0e1f") },
  "secret-prompt-de": { later: false, language: "de" },
  "secret-wrong": {
    later: false,
    act: async (page) => {
      await page.getByLabel(/^Value/).fill("hf_0a1b");
      await page.getByRole("button", { name: "Show what is typed" }).click();
    },
  },
  "secret-locked": { later: false, fake: "locked", act: (page) => page.getByLabel(/^Value/).fill("hf_0a1b2c3d4e5f6a7b8c9d0e1f") },
  "secret-no-keyring": { later: false, fake: "no-keyring" },
  "secret-vault": { later: false, fake: "locked-vault" },
  "machine-secrets": { path: "machines/payments-api/secrets" },
  "machine-secrets-de": { path: "machines/payments-api/secrets", language: "de" },
  "machine-secret-file": { path: "machines/payments-api/secrets", act: (page) => page.getByRole("button", { name: "Replace kubeconfig" }).click() },
  "secret-revealed": { path: "machines/payments-api/secrets", act: async (page) => {
    await page.getByRole("button", { name: /^More for/ }).first().click();
    await page.getByRole("menuitem", { name: "Show…" }).click();
    await page.getByRole("button", { name: "Show it" }).click();
  } },
  "machine-duplicate": { act: (page) => ofPayments(page, /^Duplicate/) },
  "machine-rename": { act: (page) => ofPayments(page, /^Rename/) },
  "machine-rename-de": { language: "de", act: (page) => ofPayments(page, /^Umbenennen/) },
  "machine-export": { act: (page) => ofPayments(page, /^Export/) },
  "machine-export-de": { language: "de", act: (page) => ofPayments(page, /^Exportieren/) },
  "machine-import": { act: async (page) => {
    await page.getByRole("button", { name: "More ways to make one" }).click();
    await page.getByRole("menuitem", { name: /^Import/ }).click();
  } },
  "machine-secrets-none": { path: "machines/docs-site/secrets" },
  "delete-secrets": {
    path: "machines/payments-api",
    act: async (page) => {
      await page.getByRole("button", { name: "More actions" }).click();
      await page.getByRole("menuitem", { name: /^Delete/ }).click();
    },
  },
  machine: { path: "machines/payments-api" },
  "machine-de": { path: "machines/payments-api", language: "de" },
  "machine-failed": { path: "machines/legacy-billing" },
  "machine-modules": { path: "machines/payments-api/modules" },
  "machine-add": {
    path: "machines/payments-api/modules?add=true",
    act: async (page) => {
      await page.getByRole("dialog").getByRole("textbox").fill("github:acme/checkout-service");
      await page.keyboard.press("Enter");
      await page.getByRole("checkbox", { name: "backend" }).click();
    },
  },
  "machine-generations": { path: "machines/payments-api/generations" },
  "machine-builds": { path: "machines/payments-api/builds" },
  builds: { path: "builds" },
  build: { path: "builds/0199-000003", act: (page) => page.getByText("webshop-frontend-4.18.0").first().hover() },
  "build-wrap": { path: "builds/0199-000003", act: (page) => page.getByRole("button", { name: "Wrap lines" }).click() },
  "build-failed": { path: "builds/0199-000002" },
  "build-failed-de": { path: "builds/0199-000002", language: "de" },
  "build-waiting": { path: "builds/0199-000001" },
  "build-million": { path: "builds/0199-000001", fake: "log" },
  doctor: { path: "doctor", fake: "doctor", act: (page) => page.getByRole("button", { name: "Fix…" }).first().click() },
  "doctor-good": { path: "doctor" },
  "doctor-de": { path: "doctor", fake: "doctor", language: "de" },
  diagnostics: { path: "doctor", act: (page) => page.getByRole("button", { name: "Save diagnostics…" }).click() },
  "machine-capabilities": { path: "machines/payments-api/capabilities" },
  "settings-token": {
    path: "settings",
    act: async (page) => {
      await page.getByRole("button", { name: "Sign in…" }).click();
    },
  },
  settings: { path: "settings" },
  "settings-de": { path: "settings", language: "de" },
  palette: {
    act: async (page) => {
      await page.keyboard.press("Control+k");
      await page.keyboard.type("pay");
    },
  },
  help: { act: (page) => page.keyboard.press("?") },
  delete: {
    act: async (page) => {
      await page.locator('[data-name="docs-site"]').focus();
      await page.keyboard.press("Delete");
    },
  },
};

/** An entry of a machine's menu. */
async function ofPayments(page, entry) {
  await page.locator('[data-name="payments-api"]').click({ button: "right" });
  await page.getByRole("menuitem", { name: entry }).click();
}

async function requirements(page) {
  await page.getByLabel("Repository address").fill("https://github.com/acme/checkout-service");
  await page.getByRole("button", { name: /^Continue/ }).click();
  await page.getByRole("checkbox", { name: "backend" }).click();
  await page.getByRole("button", { name: /^Continue/ }).click();
  await page.getByText("Reading what the modules ask for").first().waitFor();
  await page.evaluate(() => window.fake.enter(window.fake.world.operations[0].id, "requirements"));
}

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const server = await createServer({ root: new URL("..", import.meta.url).pathname, server: { port: 0, strictPort: false }, logLevel: "error" });
await server.listen();
const { port } = server.httpServer.address();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
let broken = 0;
for (const [name, screen] of Object.entries(screens)) {
  if (only.length > 0 && !only.includes(name)) continue;
  for (const theme of ["light", "dark"]) {
    for (const [width, height] of [[1200, 800], [900, 600]]) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme, reducedMotion: "reduce", locale: "en-GB" });
      page.on("pageerror", (error) => {
        broken += 1;
        console.error(`${name}: ${error.stack}`);
      });
      page.on("console", (message) => message.type() === "error" && !message.text().includes("ERR_NETWORK_CHANGED") && console.error(`${name}: ${message.text()}`));
      // As the desktop app does.
      await page.addInitScript(() => {
        Object.freeze(Object.prototype);
      });
      const query = new URLSearchParams({ fake: screen.fake ?? "design", language: screen.language ?? "en", theme, play: "no" });
      const path = screen.path ?? "";
      const address = `http://127.0.0.1:${port}/${path}${path.includes("?") ? "&" : "?"}${query}`;
      // Chromium drops requests when any network interface of the host comes or goes.
      for (let attempt = 0; attempt < 5; attempt += 1) {
        await page.goto(address).catch(() => {});
        if (await page.locator("h1").first().waitFor({ timeout: 5000 }).then(() => true, () => false)) break;
      }
      // The machine that waits asks at once; only some pictures are about that.
      if (screen.later !== false) {
        const later = page.getByRole("button", { name: /^(?:Answer later|Später antworten)/ });
        if (await later.waitFor({ timeout: 1000 }).then(() => true, () => false)) await later.click();
      }
      await page.evaluate(() => document.fonts.ready);
      await page.waitForTimeout(screen.wait ?? 250);
      try {
        await screen.act?.(page);
      } catch (error) {
        broken += 1;
        console.error(`${name} ${width}: ${error.message.split("\n")[0]}`);
      }
      await page.waitForTimeout(250);
      await page.addScriptTag({ path: axe });
      // The focus guards are how Base UI keeps Tab inside what floats: they pass the focus on as soon as they get it.
      const violations = await page.evaluate(async () => (await window.axe.run({ exclude: "[data-base-ui-focus-guard]" })).violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 140)).join(" | ")}`));
      for (const violation of violations) {
        broken += 1;
        console.error(`${name} ${width} ${theme}: ${violation}`);
      }
      await page.screenshot({ path: `${directory}/${name}-${width}-${theme}.png` });
      await page.close();
    }
  }
  console.log(name);
}
await browser.close();
await server.close();
if (broken > 0) process.exit(1);

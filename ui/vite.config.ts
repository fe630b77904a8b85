import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  // Tauri looks at this port in development and needs it to be the one it was told.
  // Tests read the controller's sentences out of its sources beside this directory.
  server: { port: 1420, strictPort: true, host: "127.0.0.1", fs: { allow: [".."] } },
  build: {
    // WebKitGTK 2.44 (light-dark() and OKLCH, which the tokens use) and any current WebView2.
    target: ["safari17.5", "chrome123"],
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // Two files, read from the disk: what the first paint shows, and the rest (`src/app/rest.ts`).
    chunkSizeWarningLimit: 900,
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/test/setup.ts"],
    css: { modules: { classNameStrategy: "non-scoped" } },
    restoreMocks: true,
    // The machine may be busy with everything else that is tested.
    testTimeout: 60_000,
  },
});

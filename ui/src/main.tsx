import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { createAppRouter } from "./app/router";
import type { Backend } from "./platform";
import { tauriBackend } from "./platform/tauri";
import { connectEvents } from "./state/events";
import { createQueryClient, settingsQuery } from "./state/queries";
import { applySettings } from "./state/theme";
import "./styles/tokens.css";
import "./styles/fonts.css";
import "./styles/base.css";

/** In a plain browser during development there is no desktop app; `?fake=SCENARIO` chooses what is pretended. */
async function backend(): Promise<Backend> {
  if (import.meta.env.DEV && !("__TAURI_INTERNALS__" in window)) {
    const { fakeFromAddress } = await import("./platform/fake");
    return fakeFromAddress(new URLSearchParams(location.search));
  }
  return tauriBackend;
}

async function begin(root: HTMLElement): Promise<void> {
  const found = await backend();
  const client = createQueryClient();
  const router = createAppRouter();
  const connected = connectEvents(found, client);
  // So that the first paint is the page with what is known on it.
  await Promise.allSettled([connected, router.load()]);
  const settings = client.getQueryData(settingsQuery(found).queryKey);
  if (settings !== undefined) applySettings(settings);
  createRoot(root).render(
    <StrictMode>
      <App backend={found} client={client} connected={connected} router={router} />
    </StrictMode>,
  );
}

const root = document.getElementById("root");
if (root !== null) void begin(root);

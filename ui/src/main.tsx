import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { createAppRouter } from "./app/router";
import type { Backend } from "./platform";
import { tauriBackend } from "./platform/tauri";
import { createQueryClient } from "./state/queries";
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

const root = document.getElementById("root");
if (root !== null) {
  void backend().then((found) =>
    createRoot(root).render(
      <StrictMode>
        <App backend={found} client={createQueryClient()} router={createAppRouter()} />
      </StrictMode>,
    ),
  );
}

import { type QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { I18nextProvider } from "react-i18next";
import { Layers } from "@/components/Layers";
import { ToastLayer, toastFailure } from "@/components/Toasts";
import { TooltipLayer } from "@/components/Tooltip";
import { i18n } from "@/i18n";
import { Sprite } from "@/icons/Icon";
import { type Backend, BackendProvider, useBackend } from "@/platform";
import { ConfirmProvider } from "@/state/Confirm";
import { firstPage } from "@/state/painted";
import { settingsQuery } from "@/state/queries";
import { useAppliedSettings } from "@/state/theme";
import type { createAppRouter } from "./router";

interface Props {
  backend: Backend;
  /** Filled by events. */
  client: QueryClient;
  /** Fails when they don't come. */
  connected: Promise<void>;
  router: ReturnType<typeof createAppRouter>;
}

export function App({ backend, client, connected, router }: Props) {
  useEffect(firstPage, []);
  useEffect(() => {
    connected.catch((thrown: unknown) => toastFailure(i18n.t("errors.title"), thrown));
  }, [connected]);
  useEffect(() => {
    const stop = backend.onOpenPage((path) => router.history.push(path));
    return () => void stop.then((unlisten) => unlisten());
  }, [backend, router]);
  return (
    <I18nextProvider i18n={i18n}>
      <QueryClientProvider client={client}>
        <BackendProvider backend={backend}>
          <Sprite />
          <Applied>
            <ToastLayer>
              <ConfirmProvider>
                <RouterProvider router={router} />
              </ConfirmProvider>
            </ToastLayer>
            <Layers />
            <TooltipLayer />
          </Applied>
        </BackendProvider>
      </QueryClientProvider>
    </I18nextProvider>
  );
}

function Applied({ children }: { children: ReactNode }) {
  useAppliedSettings(useQuery(settingsQuery(useBackend())).data);
  return children;
}

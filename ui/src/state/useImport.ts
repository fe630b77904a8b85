import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { toastFailure } from "@/components/Toasts";
import { useBackend } from "@/platform";
import { useLife } from "./life";

/** Asks for a file that a machine was exported to, and then what is to become of it. */
export function useImport(): () => Promise<void> {
  const { t } = useTranslation();
  const backend = useBackend();
  const life = useLife();
  return useCallback(async () => {
    try {
      const path = await backend.chooseFile(t("life.importTitle"));
      if (path !== null) life({ kind: "import", path, contents: await backend.call("archive", { path }) });
    } catch (thrown) {
      toastFailure(t("life.failed"), thrown);
    }
  }, [t, backend, life]);
}

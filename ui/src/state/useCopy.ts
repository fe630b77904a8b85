import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { toastDone, toastFailure } from "@/components/Toasts";
import { useBackend } from "@/platform";

/** Copies and says so. */
export function useCopy(): (text: string, said?: string) => void {
  const backend = useBackend();
  const { t } = useTranslation();
  return useCallback(
    (text, said) => {
      backend.copy(text).then(
        () => toastDone(said ?? t("common.copied")),
        (thrown: unknown) => toastFailure(t("errors.title"), thrown),
      );
    },
    [backend, t],
  );
}

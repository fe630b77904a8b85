import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { toastFailure } from "@/components/Toasts";
import { useBackend } from "@/platform";
import { nothingGiven } from "@/state/secretValue";

/** Has a build that waits for what this computer lacks look again: an answer that answers nothing. */
export function CheckAgain({ machine, size }: { machine: string; size?: "sm" }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const [busy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    try {
      await backend.call("answer", { name: machine, answers: nothingGiven });
    } catch (thrown) {
      toastFailure(t("errors.title"), thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button icon="rebuild" {...(size === undefined ? {} : { size })} disabledReason={busy ? t("doctor.checking") : null} onClick={() => void look()}>
      {t("doctor.checkAgain")}
    </Button>
  );
}

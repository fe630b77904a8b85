import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { sentence } from "@/components/FailurePanel";
import { useBackend } from "@/platform";
import type { SecretStatus } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { keys } from "@/state/queries";
import { given, nothingGiven } from "@/state/secretValue";
import { SecretForm } from "../answer/SecretForm";
import { useStoreStatus } from "../answer/StoreGate";
import { useSecretField } from "../answer/useSecretField";
import { useChanged } from "./Secrets";

/** Sets a secret, or replaces its value. */
export function SecretDialog({ machine, secret, onClose }: { machine: string; secret: SecretStatus; onClose: () => void }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const changed = useChanged(machine);
  const store = useStoreStatus();
  const field = useSecretField(secret.request);
  const input = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const [busy, setBusy] = useState(false);
  const closed = store !== undefined && store.state !== "ready";
  const save = async () => {
    if (!field.check() || closed || busy) return;
    setBusy(true);
    try {
      const answered = await backend.call("answer", { name: machine, answers: { ...nothingGiven, secrets: { [secret.name]: given(field.value) } } });
      changed(answered, t("secrets.saved", { name: secret.name }));
      onClose();
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.code === "store_unavailable") void client.invalidateQueries({ queryKey: keys.store });
      field.refuse([failure.message, ...failure.hints].map(sentence).join(" "));
      setBusy(false);
    }
  };
  return (
    <Dialog
      stays
      open
      onClose={onClose}
      title={t(secret.set ? "secrets.replaceNamed" : "secrets.setNamed", { name: secret.name })}
      initialFocus={input}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" kbd={t("keys.enter")} onClick={() => void save()} disabledReason={busy ? t("secrets.saving") : closed ? t("store.unlockFirst") : null}>
            {t("secrets.save")}
          </Button>
        </>
      }
    >
      <SecretForm request={secret.request} field={field} store={store} onEnter={() => void save()} inputRef={input} />
    </Dialog>
  );
}

import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { sentence } from "@/components/FailurePanel";
import { Field, Input } from "@/components/Field";
import { SecretInput } from "@/components/SecretInput";
import { toastDone } from "@/components/Toasts";
import { useBackend } from "@/platform";
import { toFailure } from "@/state/failure";
import { keys } from "@/state/queries";
import { isEmpty, noInput } from "@/state/secretValue";
import { KeptIn } from "../answer/SecretWords";
import { StoreGate, useStoreStatus } from "../answer/StoreGate";

/** Signs in at a host of repositories: its token goes to where secrets are kept. */
export function TokenDialog({ host: known, onClose, onSaved }: { host?: string | undefined; onClose: () => void; onSaved?: () => void }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const store = useStoreStatus();
  const [host, setHost] = useState(known ?? "");
  const [user, setUser] = useState("");
  const [token, setToken] = useState(noInput);
  const [checked, setChecked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const first = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const closed = store !== undefined && store.state !== "ready";
  const save = async () => {
    setChecked(true);
    if (host.trim() === "" || isEmpty(token) || token.kind !== "text" || closed || busy) return;
    setBusy(true);
    setError(null);
    try {
      const access = await backend.call("token_set", { host: host.trim(), token: token.text.trim(), ...(user.trim() === "" ? {} : { user: user.trim() }) });
      client.setQueryData(keys.access, access);
      toastDone(t("access.saved", { host: host.trim() }));
      onSaved?.();
      onClose();
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.code === "store_unavailable") void client.invalidateQueries({ queryKey: keys.store });
      setError([failure.message, ...failure.hints].map(sentence).join(" "));
      setBusy(false);
    }
  };
  return (
    <Dialog
      stays
      open
      onClose={onClose}
      title={known === undefined ? t("access.addTitle") : t("access.signInTitle", { host: known })}
      initialFocus={first}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" disabledReason={busy ? t("secrets.saving") : closed ? t("store.unlockFirst") : null} onClick={() => void save()}>
            {t("access.signIn")}
          </Button>
        </>
      }
    >
      <p>{t("access.addText")}</p>
      {store !== undefined && <StoreGate store={store} />}
      <Field label={t("access.host")} hint={t("access.hostHint")} error={checked && host.trim() === "" ? t("access.hostMissing") : null}>
        {(control) => <Input {...control} ref={known === undefined ? first : undefined} mono icon="globe" placeholder="github.com" value={host} onChange={(event) => setHost(event.target.value)} />}
      </Field>
      <Field label={t("access.token")} error={error ?? (checked && isEmpty(token) ? t("secrets.problems.empty") : null)}>
        {(control) => <SecretInput {...control} inputRef={known === undefined ? undefined : first} value={token} onChange={setToken} onEnter={() => void save()} />}
      </Field>
      <Field label={t("access.user")} hint={t("access.userHint")}>
        {(control) => <Input {...control} icon="user" value={user} onChange={(event) => setUser(event.target.value)} />}
      </Field>
      {store?.state === "ready" && <KeptIn kind={store.kind} token />}
    </Dialog>
  );
}

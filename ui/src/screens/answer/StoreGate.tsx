import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { sentence } from "@/components/FailurePanel";
import { Field } from "@/components/Field";
import { SecretInput } from "@/components/SecretInput";
import { StateGlyph } from "@/icons/StateGlyph";
import { useBackend } from "@/platform";
import type { StoreStatus } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { keys, storeQuery } from "@/state/queries";
import { noInput } from "@/state/secretValue";
import styles from "./Answer.module.css";

/** How the store of secrets is; looked at anew by whoever needs it. */
export function useStoreStatus(): StoreStatus | undefined {
  return useQuery({ ...storeQuery(useBackend()), refetchOnMount: "always" }).data;
}

/** What is in the way of keeping secrets, and the way past it; nothing when the store can be used. */
export function StoreGate({ store, onReady }: { store: StoreStatus; onReady?: () => void }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const open = useMutation({
    mutationFn: (passphrase: string | undefined) => {
      const secret = passphrase === undefined ? {} : { passphrase };
      // Without a keyring there is the vault.
      if (store.kind === "keyring" && store.state === "absent") return backend.call("secret_store_use", { kind: "vault", ...secret });
      return backend.call("secret_store_unlock", secret);
    },
    onSuccess: (status) => {
      client.setQueryData(keys.store, status);
      onReady?.();
    },
  });
  if (store.state === "ready") return null;
  const failure = open.isError ? sentence(toFailure(open.error).message) : null;
  const asks = store.kind === "vault" || store.state === "absent";
  return (
    <section className={styles.Gate} data-state="wait" aria-label={t(`store.${store.kind}.${store.state}`)}>
      <StateGlyph shape="waiting" />
      <div className={styles.GateBody}>
        <p>
          <strong>{t(`store.${store.kind}.${store.state}`)}</strong> {t(`store.${store.kind}.${store.state}Text`)}
        </p>
        {asks ? (
          <Passphrase twice={store.state === "absent"} action={t(store.state === "absent" ? "store.createVault" : "store.unlock")} busy={open.isPending} error={failure} onDone={(passphrase) => open.mutate(passphrase)} />
        ) : (
          <>
            <div>
              <Button size="sm" icon="lock" disabledReason={open.isPending ? t("store.unlocking") : null} onClick={() => open.mutate(undefined)}>
                {t("store.unlock")}
              </Button>
            </div>
            <span role="alert" className={failure === null ? "sr" : styles.Error}>
              {failure}
            </span>
          </>
        )}
      </div>
    </section>
  );
}

/** A passphrase that is typed, twice where it is new; `done` looks at it first. */
export function usePassphrase(twice: boolean, busy: boolean, onDone: (passphrase: string) => void) {
  const { t } = useTranslation();
  const [first, setFirst] = useState(noInput);
  const [second, setSecond] = useState(noInput);
  const [checked, setChecked] = useState(false);
  const passphrase = first.kind === "text" ? first.text : "";
  const again = second.kind === "text" ? second.text : "";
  const missing = passphrase === "" ? t("store.passphraseMissing") : null;
  const differs = twice && again !== passphrase ? t("store.passphraseDiffers") : null;
  const done = () => {
    setChecked(true);
    if (missing === null && differs === null && !busy) onDone(passphrase);
  };
  return { twice, first, setFirst, second, setSecond, missing: checked ? missing : null, differs: checked && missing === null ? differs : null, done };
}

/** Its fields. */
export function PassphraseFields({ passphrase, error }: { passphrase: ReturnType<typeof usePassphrase>; error: string | null }) {
  const { t } = useTranslation();
  const { twice, done } = passphrase;
  return (
    <>
      <Field label={t(twice ? "store.newPassphrase" : "store.passphrase")} error={passphrase.missing ?? error} hint={twice ? t("store.passphraseHint") : undefined}>
        {(control) => <SecretInput {...control} value={passphrase.first} onChange={passphrase.setFirst} onEnter={twice ? undefined : done} />}
      </Field>
      {twice && (
        <Field label={t("store.passphraseAgain")} error={passphrase.differs}>
          {(control) => <SecretInput {...control} value={passphrase.second} onChange={passphrase.setSecond} onEnter={done} />}
        </Field>
      )}
    </>
  );
}

function Passphrase({ twice, action, busy, error, onDone }: { twice: boolean; action: string; busy: boolean; error: string | null; onDone: (passphrase: string) => void }) {
  const { t } = useTranslation();
  const passphrase = usePassphrase(twice, busy, onDone);
  const enter = (event: KeyboardEvent) => {
    if (event.key === "Enter") event.stopPropagation();
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- Enter in these fields is theirs
    <div className={styles.Passphrase} onKeyDown={enter}>
      <PassphraseFields passphrase={passphrase} error={error} />
      <div>
        <Button size="sm" icon="lock" disabledReason={busy ? t("store.unlocking") : null} onClick={passphrase.done}>
          {action}
        </Button>
      </div>
    </div>
  );
}

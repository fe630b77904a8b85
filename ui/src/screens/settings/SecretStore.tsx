import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { sentence } from "@/components/FailurePanel";
import { PanelBody, Panel, Skeleton } from "@/components/Page";
import { RadioList } from "@/components/Option";
import { StateBadge } from "@/components/StateBadge";
import { useBackend } from "@/platform";
import type { StoreKind, StoreStatus } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { keys } from "@/state/queries";
import type { StateView } from "@/state/view";
import { PassphraseFields, StoreGate, usePassphrase, useStoreStatus } from "../answer/StoreGate";
import styles from "./Settings.module.css";

/** Where secrets are kept, how that is, and keeping them elsewhere. */
export function SecretStore() {
  const { t } = useTranslation();
  const store = useStoreStatus();
  const [switching, setSwitching] = useState<StoreKind | null>(null);
  return (
    <Panel title={t("store.title")} actions={store === undefined ? undefined : <StoreState store={store} />}>
      <PanelBody>
        {store === undefined ? (
          <div role="status" aria-label={t("common.loading")}>
            <Skeleton width={240} />
          </div>
        ) : (
          <div className={styles.Lines}>
            <RadioList
              label={t("store.title")}
              value={store.kind}
              onChange={(kind) => kind !== store.kind && setSwitching(kind as StoreKind)}
              options={(["keyring", "vault"] as const).map((value) => ({ value, title: t(`store.names.${value}`), text: t(`store.texts.${value}`) }))}
            />
            <StoreGate store={store} />
          </div>
        )}
      </PanelBody>
      {store !== undefined && switching !== null && <SwitchDialog to={switching} onClose={() => setSwitching(null)} />}
    </Panel>
  );
}

function StoreState({ store }: { store: StoreStatus }) {
  const { t } = useTranslation();
  const views: Record<StoreStatus["state"], StateView> = {
    ready: { shape: "done", role: "ok", word: t("store.states.ready") },
    locked: { shape: "waiting", role: "wait", word: t("store.states.locked") },
    absent: { shape: "warn", role: "wait", word: t("store.states.absent") },
  };
  return (
    <span className={styles.PanelState} role="status">
      <StateBadge view={views[store.state]} />
    </span>
  );
}

function SwitchDialog({ to, onClose }: { to: StoreKind; onClose: () => void }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const move = useMutation({
    mutationFn: (passphrase: string | undefined) => backend.call("secret_store_use", { kind: to, ...(passphrase === undefined ? {} : { passphrase }) }),
    onSuccess: (status) => {
      client.setQueryData(keys.store, status);
      void client.invalidateQueries({ queryKey: keys.settings });
      onClose();
    },
  });
  const failure = move.isError ? toFailure(move.error) : null;
  const error = failure === null ? null : [failure.message, ...failure.hints].map(sentence).join(" ");
  const passphrase = usePassphrase(true, move.isPending, move.mutate);
  return (
    <Dialog stays open onClose={onClose} title={t(`store.switchTo.${to}`)} foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" disabledReason={move.isPending ? t("store.moving") : null} onClick={to === "vault" ? passphrase.done : () => move.mutate(undefined)}>
            {t("store.move")}
          </Button>
        </>
      }
    >
      <p>{t(`store.switchText.${to}`)}</p>
      {to === "vault" && <PassphraseFields passphrase={passphrase} error={error} />}
      {to === "keyring" && (
        <span role="alert" className={error === null ? "sr" : styles.Error}>
          {error}
        </span>
      )}
    </Dialog>
  );
}

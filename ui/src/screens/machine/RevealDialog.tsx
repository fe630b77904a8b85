import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { FailurePanel } from "@/components/FailurePanel";
import { Skeleton } from "@/components/Page";
import { toastDone, toastFailure } from "@/components/Toasts";
import { useBackend } from "@/platform";
import type { SecretStatus } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import styles from "./Secrets.module.css";

/** A secret's value, for as long as the dialog is open. */
export function RevealDialog({ machine, secret, onClose }: { machine: string; secret: SecretStatus; onClose: () => void }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const { name } = secret;
  // Nothing of it is kept after the dialog.
  const value = useQuery({ queryKey: ["reveal", machine, name], queryFn: () => backend.call("secret_reveal", { name: machine, secret: name }), gcTime: 0, staleTime: 0 });
  const copy = () => void backend.copySecret(machine, name).then(() => toastDone(t("secrets.copied", { name })), (thrown: unknown) => toastFailure(t("errors.title"), thrown));
  return (
    <Dialog
      open
      onClose={onClose}
      title={name}
      foot={
        <>
          <Button icon="copy" onClick={copy} disabledReason={value.data === undefined ? t("common.loading") : value.data.text === null ? t("secrets.notText") : null}>
            {t("secrets.copyValue")}
          </Button>
          <Button kind="primary" onClick={onClose}>
            {t("common.close")}
          </Button>
        </>
      }
    >
      {value.isError ? (
        <FailurePanel failure={toFailure(value.error)} onRetry={() => void value.refetch()} />
      ) : value.data === undefined ? (
        <div role="status" aria-label={t("common.loading")}>
          <Skeleton width="70%" />
        </div>
      ) : (
        <>
          {value.data.text === null && <p>{t("secrets.bytes")}</p>}
          {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls */}
          <pre className={styles.Value} tabIndex={0} aria-label={t("secrets.value")}>
            {value.data.text ?? value.data.base64}
          </pre>
        </>
      )}
    </Dialog>
  );
}

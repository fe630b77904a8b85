import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { FailurePanel } from "@/components/FailurePanel";
import { MidTruncate } from "@/components/MidTruncate";
import { Skeleton } from "@/components/Page";
import table from "@/components/Table.module.css";
import { toastDone, toastFailure } from "@/components/Toasts";
import { bundleWords } from "@/i18n/bundle";
import { useFormat } from "@/i18n/useFormat";
import { useBackend } from "@/platform";
import { toFailure } from "@/state/failure";
import styles from "./Doctor.module.css";

/** What a diagnostics bundle would have in it, before it is saved. */
export function DiagnosticsDialog({ onClose }: { onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const format = useFormat();
  const backend = useBackend();
  const contents = useQuery({ queryKey: ["diagnostics"], queryFn: () => backend.call("diagnostics_contents", {}), gcTime: 0, staleTime: 0 });
  const save = useMutation({
    mutationFn: async (suggestedName: string) => {
      const path = await backend.choosePlace(t("doctor.saveDiagnostics"), suggestedName);
      return path === null ? null : backend.call("diagnostics_save", { path });
    },
    onSuccess: (saved) => {
      if (saved === null) return;
      toastDone(t("doctor.diagnosticsSaved", { path: saved.path }));
      onClose();
    },
    onError: (thrown) => toastFailure(t("doctor.diagnosticsFailed"), thrown),
  });
  const { data } = contents;
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={t("doctor.diagnosticsTitle")}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" icon="download" disabledReason={data === undefined ? t("doctor.collecting") : save.isPending ? t("doctor.saving") : null} onClick={() => data !== undefined && save.mutate(data.suggestedName)}>
            {t("doctor.saveAs")}
          </Button>
        </>
      }
    >
      <p>{t("doctor.diagnosticsText")}</p>
      {contents.isError ? (
        <FailurePanel failure={toFailure(contents.error)} onRetry={() => void contents.refetch()} />
      ) : data === undefined ? (
        <div className={styles.DoctorLoading} role="status" aria-label={t("doctor.collecting")}>
          <Skeleton width="60%" />
          <Skeleton width="48%" />
        </div>
      ) : (
        <div className={styles.Bundle}>
          <table className={table.Table}>
            <colgroup>
              <col style={{ width: "40%" }} />
              <col />
              <col style={{ width: 88 }} />
            </colgroup>
            <thead>
              <tr>
                <th scope="col">{t("doctor.file")}</th>
                <th scope="col">{t("doctor.what")}</th>
                <th scope="col" className={table.TableNumber}>
                  {t("doctor.size")}
                </th>
              </tr>
            </thead>
            <tbody>
              {data.files.map((file) => (
                <tr key={file.name}>
                  <td className="mono">
                    <MidTruncate text={file.name} />
                  </td>
                  <td title={bundleWords(file.about, i18n.language)}>{bundleWords(file.about, i18n.language)}</td>
                  <td className={table.TableNumber}>{format.bytes(file.bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Dialog>
  );
}

import { Toast } from "@base-ui/react/toast";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { StateGlyph } from "@/icons/StateGlyph";
import type { Failure } from "@/platform/contract";
import { failureText, toFailure } from "@/state/failure";
import { useCopy } from "@/state/useCopy";
import { Button, IconButton } from "./Button";
import styles from "./Toasts.module.css";

interface ToastData { failure?: Failure }
const toasts = Toast.createToastManager<ToastData>();

/** Says what went wrong; stays until it is closed. */
export function toastFailure(title: string, thrown: unknown): void {
  const failure = toFailure(thrown);
  toasts.add({ title, description: failure.message, priority: "high", timeout: 0, data: { failure } });
}

/** Says in passing that something was done. */
export function toastDone(title: string): void {
  toasts.add({ title, timeout: 3500 });
}

export function ToastLayer({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={toasts} limit={4}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className={styles.Viewport}>
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { t } = useTranslation();
  const copy = useCopy();
  const { toasts: list } = Toast.useToastManager<ToastData>();
  return list.map((toast) => {
    const failure = toast.data?.failure;
    return (
      <Toast.Root key={toast.id} toast={toast} className={styles.Toast} data-state={failure === undefined ? "ok" : "fail"} swipeDirection={[]}>
        <StateGlyph shape={failure === undefined ? "done" : "failed"} />
        <div className={styles.ToastBody}>
          <Toast.Title className={styles.ToastTitle} />
          <Toast.Description className={styles.ToastText} />
          {failure !== undefined && failure.hints.length > 0 && (
            <ul className={styles.ToastHints}>
              {failure.hints.map((hint) => (
                <li key={hint}>{hint}</li>
              ))}
            </ul>
          )}
          {failure !== undefined && (
            <div className={styles.ToastActions}>
              <Button size="sm" icon="copy" onClick={() => copy(failureText(failure))}>
                {t("common.copyDetails")}
              </Button>
            </div>
          )}
        </div>
        <Toast.Close render={<IconButton size="sm" icon="x" label={t("common.close")} />} />
      </Toast.Root>
    );
  });
}

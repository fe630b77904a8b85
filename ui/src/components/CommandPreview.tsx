import { useTranslation } from "react-i18next";
import { useCopy } from "@/state/useCopy";
import { IconButton } from "./Button";
import styles from "./CommandPreview.module.css";

/** An exact command (or another thing to paste) with a copy button. */
export function CommandPreview({ text, prompt = true, copyLabel }: { text: string; prompt?: boolean; copyLabel?: string }) {
  const { t } = useTranslation();
  const copy = useCopy();
  return (
    <div className={styles.CommandPreview}>
      {prompt && (
        <span className={styles.CommandPrompt} aria-hidden="true">
          $
        </span>
      )}
      <span className={styles.CommandText}>{text}</span>
      <IconButton size="sm" icon="copy" label={copyLabel ?? t("doctor.copyCommand")} onClick={() => copy(text)} />
    </div>
  );
}

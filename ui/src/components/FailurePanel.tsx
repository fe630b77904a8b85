import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { StateGlyph } from "@/icons/StateGlyph";
import type { Failure } from "@/platform/contract";
import { failureText } from "@/state/failure";
import { useCopy } from "@/state/useCopy";
import { Button } from "./Button";
import styles from "./FailurePanel.module.css";

interface Props {
  failure: Failure;
  /** What did not work; else the failure's kind in words. */
  title?: string;
  /** What was left as it was. */
  note?: ReactNode;
  actions?: ReactNode;
  onRetry?: (() => void) | undefined;
  retryDisabledReason?: string | null;
}

/** Everything that a failure says, the last lines included, so that the raw text is seldom needed. */
const LINES = 10;

/** What failed, what to do, the last lines, in this order, before any raw text. */
export function FailurePanel({ failure, title, note, actions, onRetry, retryDisabledReason }: Props) {
  const { t } = useTranslation();
  const copy = useCopy();
  const lines = failure.details.slice(-LINES);
  return (
    <section className={styles.FailurePanel} role="alert" data-state="fail">
      <div className={styles.FailureHead}>
        <StateGlyph shape="failed" />
        <div>
          <h2>{title ?? t(`failure.titles.${failure.code}`)}</h2>
          <p className={styles.FailureMessage}>{sentence(failure.message)}</p>
        </div>
      </div>
      {(failure.hints.length > 0 || failure.causes.length > 0 || lines.length > 0) && (
        <div className={styles.FailureBody} data-lines={lines.length > 0 || undefined}>
          {(failure.hints.length > 0 || failure.causes.length > 0) && (
            <div>
              {failure.hints.length > 0 && (
                <>
                  <h3>{t("failure.whatToDo")}</h3>
                  <ol>
                    {failure.hints.map((hint) => (
                      <li key={hint}>
                        <span>{sentence(hint)}</span>
                      </li>
                    ))}
                  </ol>
                </>
              )}
              {failure.causes.length > 0 && (
                <>
                  <h3>{t("failure.cause")}</h3>
                  {failure.causes.map((cause) => (
                    <p key={cause} className={styles.FailureCause}>
                      {sentence(cause)}
                    </p>
                  ))}
                </>
              )}
            </div>
          )}
          {lines.length > 0 && (
            <div>
              <h3>{t("failure.lastLines")}</h3>
              {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls */}
              <pre ref={showEnd} className={styles.FailureLines} tabIndex={0} aria-label={t("failure.lastLines")}>
                {lines.join("\n")}
              </pre>
            </div>
          )}
        </div>
      )}
      <div className={styles.FailureFoot}>
        <span className="grow">{note}</span>
        <Button size="sm" icon="copy" onClick={() => copy(failureText(failure))}>
          {t("common.copyDetails")}
        </Button>
        {actions}
        {onRetry !== undefined && (
          <Button size="sm" kind="primary" icon="rebuild" onClick={onRetry} disabledReason={retryDisabledReason}>
            {t("actions.retry")}
          </Button>
        )}
      </div>
    </section>
  );
}

/** What went wrong is in the last of them. */
function showEnd(lines: HTMLElement | null): void {
  if (lines !== null) lines.scrollTop = lines.scrollHeight;
}

/** The controller's messages begin small and end without a full stop, so that they can be joined; alone they are sentences. */
export function sentence(text: string): string {
  // A derivation, an address or a file keeps its own spelling.
  const first = /^[a-z]+[ ,']/.test(text) ? text.slice(0, 1).toUpperCase() + text.slice(1) : text;
  return /[.!?:…]$/.test(first) ? first : `${first}.`;
}

import type { TFunction } from "i18next";
import { Trans, useTranslation } from "react-i18next";
import { mono } from "@/components/Mono";
import type { SecretRequest, StoreKind } from "@/platform/contract";
import { literalStart, type ValueProblem } from "@/state/secretValue";
import { Icon } from "@/icons/Icon";
import styles from "./Answer.module.css";

/** What is wrong with a value, in words. */
export function problemText(t: TFunction, problem: ValueProblem): string {
  switch (problem.kind) {
    case "start":
      return t("secrets.problems.start", { start: problem.start });
    case "space":
      return t("secrets.problems.space", { pattern: problem.pattern });
    case "pattern":
      return t("secrets.problems.pattern", { pattern: problem.pattern });
    default:
      return t(`secrets.problems.${problem.kind}`);
  }
}

/** What a value looks like, where that is known. */
export function Form({ request }: { request: SecretRequest }) {
  const start = literalStart(request.pattern ?? "");
  if (start !== "") return <Trans i18nKey="secrets.startsWith" values={{ start }} components={mono} />;
  return request.pattern !== null && <Trans i18nKey="secrets.looksLike" values={{ pattern: request.pattern }} components={mono} />;
}

/** What a value looks like, and where the machine has it. */
export function Place({ request }: { request: SecretRequest }) {
  const { t } = useTranslation();
  return (
    <>
      <Form request={request} />{" "}
      {request.kind === "env" && request.env !== null ? (
        <Trans i18nKey="secrets.asVariable" values={{ name: request.env }} components={mono} />
      ) : (
        <Trans i18nKey="secrets.asFile" values={{ path: request.path ?? t("secrets.itsFile") }} components={mono} />
      )}
    </>
  );
}

/** Where values are kept, and where they never are. */
export function KeptIn({ kind, token = false }: { kind: StoreKind; token?: boolean }) {
  const { t } = useTranslation();
  return (
    <p className={styles.Kept}>
      <Icon name="shield" />
      <span>{t(token ? `access.kept.${kind}` : `secrets.kept.${kind}`)}</span>
    </p>
  );
}

import { useTranslation } from "react-i18next";
import { Check } from "@/components/Option";
import type { HostSecret } from "@/platform/contract";
import styles from "./Answer.module.css";

export type Consents = Partial<Record<HostSecret, boolean>>;

/** Which of the user's own secrets the machine may use. Nothing is ticked beforehand. */
export function ConsentList({ secrets, consents, onChange }: { secrets: HostSecret[]; consents: Consents; onChange: (consents: Consents) => void }) {
  const { t } = useTranslation();
  return (
    <div className={styles.Consents} role="group" aria-label={t("consent.title")}>
      {secrets.map((secret) => (
        <Check key={secret} label={t(`consent.names.${secret}`)} hint={t(`consent.texts.${secret}`)} checked={consents[secret] ?? false} onChange={(allowed) => onChange({ ...consents, [secret]: allowed })} />
      ))}
    </div>
  );
}

/** Every secret answered: what isn't ticked is refused. */
export function allConsents(secrets: HostSecret[], consents: Consents): Consents {
  return Object.fromEntries(secrets.map((secret) => [secret, consents[secret] ?? false]));
}

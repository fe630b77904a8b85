import { useTranslation } from "react-i18next";
import { Markdown } from "@/components/Markdown";
import { Panel, Section, Skeleton } from "@/components/Page";
import { PhaseStepper } from "@/components/Progress";
import { SecretInput } from "@/components/SecretInput";
import { StateGlyph } from "@/icons/StateGlyph";
import { Tag } from "@/components/Tag";
import { Button } from "@/components/Button";
import { WizardHead } from "@/components/Wizard";
import type { AskedSecret, Operation, StoreStatus } from "@/platform/contract";
import { isEmpty, isOnTheWay, noInput, problemOf, type SecretInput as Value } from "@/state/secretValue";
import { capabilityOf } from "@/state/view";
import { CheckAgain } from "../answer/CheckAgain";
import { ConsentList } from "../answer/Consent";
import { LackList } from "../answer/Lacks";
import { Form, problemText } from "../answer/SecretWords";
import { StoreGate } from "../answer/StoreGate";
import styles from "./Requirements.module.css";
import type { Requirements } from "./useRequirements";

/** While the modules are read: what is done, in words, and how far. */
export function ReadingRequirements({ operation }: { operation: Operation | undefined }) {
  const { t } = useTranslation();
  const phases = operation?.phases.filter((each) => each.phase === "resolve" || each.phase === "requirements" || each.phase === "check") ?? [];
  return (
    <>
      <WizardHead title={t("requirements.reading")}>{t("requirements.readingText")}</WizardHead>
      {phases.length > 0 && <PhaseStepper phases={phases} />}
      <div className={styles.Reading} role="status">
        <span className="sub">{operation?.headline ?? t("requirements.reading")}</span>
        <Skeleton width="60%" />
        <Skeleton width="44%" />
        <Skeleton width="52%" />
      </div>
    </>
  );
}

/** Everything that the machine's modules ask for, on one page. */
export function RequirementsPage({ machine, requirements, store }: { machine: string | null; requirements: Requirements; store: StoreStatus | undefined }) {
  const { t } = useTranslation();
  const { asks, values, checked, change, later, toggleLater, consents, setConsents, without, buildWith, error } = requirements;
  const lacks = asks.capabilities.filter((check) => !without.includes(capabilityOf(check)));
  const locked = store !== undefined && store.state !== "ready" && asks.secrets.length > 0;
  return (
    <>
      <WizardHead title={t("requirements.title")}>{t("requirements.text")}</WizardHead>
      {error !== null && (
        <p role="alert" className={styles.Error} data-state="fail">
          <StateGlyph shape="failed" />
          <span>{error}</span>
        </p>
      )}
      {asks.capabilities.length > 0 && (
        <Section title={t("requirements.computer")} note={lacks.length === 0 ? t("requirements.overridden") : t("requirements.needFix", { count: lacks.length })} actions={machine === null ? undefined : <CheckAgain machine={machine} size="sm" />}>
          <Panel>
            <LackList checks={asks.capabilities} without={without} onUndo={buildWith} />
          </Panel>
        </Section>
      )}
      {asks.secrets.length > 0 && (
        <Section title={t("requirements.secrets")} note={t(`requirements.kept.${store?.kind ?? "keyring"}`)}>
          {locked && <StoreGate store={store} />}
          <Panel>
            <ul>
              {asks.secrets.map((secret, index) => (
                <SecretRow
                  key={secret.name}
                  first={index === 0}
                  secret={secret}
                  value={values[secret.name] ?? noInput}
                  checked={checked}
                  later={later.includes(secret.name)}
                  onChange={(value) => change(secret.name, value)}
                  onLater={() => toggleLater(secret.name)}
                />
              ))}
            </ul>
          </Panel>
        </Section>
      )}
      {asks.hostSecrets.length > 0 && (
        <Section title={t("consent.title")}>
          <Panel>
            <div className={styles.Consents}>
              <ConsentList secrets={asks.hostSecrets} consents={consents} onChange={setConsents} />
            </div>
          </Panel>
        </Section>
      )}
    </>
  );
}

function SecretRow({ first, secret, value, checked, later, onChange, onLater }: { first: boolean; secret: AskedSecret; value: Value; checked: boolean; later: boolean; onChange: (value: Value) => void; onLater: () => void }) {
  const { t } = useTranslation();
  const { name, request } = secret;
  const id = `secret-${name}`;
  const problem = problemOf(request, value);
  const empty = isEmpty(value);
  const silent = empty ? !checked || request.optional : !checked && isOnTheWay(request, value);
  const error = problem === null || silent ? null : problemText(t, problem);
  return (
    <li className={styles.Secret}>
      <div className={styles.SecretWords}>
        <label id={`${id}-l`} htmlFor={id} className={styles.SecretName}>
          <span className={styles.SecretTitle}>{name}</span>{" "}
          <span className={`${styles.SecretPlace} truncate`}>{request.env ?? request.path}</span>{" "}
          {request.optional && <Tag>{t("secrets.optional")}</Tag>}
        </label>
        {request.description.trim() !== "" && (
          <div className={styles.SecretText}>
            <Markdown text={request.description} />
          </div>
        )}
      </div>
      <div className={styles.SecretField}>
        <div className="row">
          <span className="grow">
            <SecretInput
              id={id}
              aria-describedby={`${id}-h ${id}-e`}
              first={first}
              value={value}
              onChange={onChange}
              invalid={error !== null}
              fits={!empty && problem === null}
              file={request.kind === "file"}
              placeholder={later ? t("secrets.later") : t("secrets.notSet")}
            />
          </span>
          {request.optional && empty && (
            <Button kind="quiet" aria-pressed={later} onClick={onLater} icon={later ? "check" : "clock"}>
              {t("secrets.laterShort")}
            </Button>
          )}
        </div>
        <span id={`${id}-h`} className={error === null && request.pattern !== null ? styles.Hint : "sr"}>
          <Form request={request} />
        </span>
        <span role="alert" id={`${id}-e`} className={error === null ? "sr" : styles.SecretError}>
          {error !== null && (
            <>
              <StateGlyph shape="failed" state="fail" size={12} />
              <span>{error}</span>
            </>
          )}
        </span>
      </div>
    </li>
  );
}

import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "@/icons/Icon";
import styles from "./Wizard.module.css";

export interface WizardStepItem<S extends string> {
  key: S;
  name: string;
  /** What was decided there. */
  note?: string | undefined;
}

interface Props<S extends string> {
  title: string;
  steps: WizardStepItem<S>[];
  current: S;
  onStep: (step: S) => void;
  note: string;
  foot: ReactNode;
  children: ReactNode;
}

/** One page at a time; what is done can be gone back to, what comes can be seen. */
export function Wizard<S extends string>({ title, steps, current, onStep, note, foot, children }: Props<S>) {
  const { t } = useTranslation();
  const now = steps.findIndex((step) => step.key === current);
  const page = useRef<HTMLDivElement>(null);
  useEffect(() => {
    page.current?.scrollTo?.({ top: 0 });
    page.current?.querySelector<HTMLElement>("[data-first]")?.focus();
  }, [current]);
  return (
    <div className={styles.Wizard}>
      <section className={styles.WizardSteps} aria-label={t("wizard.steps")}>
        <h1>{title}</h1>
        <ol>
          {steps.map((step, index) => {
            const state = index < now ? "done" : index === now ? "now" : "todo";
            return (
              <li key={step.key} className={styles.WizardStep} data-s={state} aria-current={state === "now" ? "step" : undefined}>
                <span className={styles.WizardDot} aria-hidden="true">
                  {state === "done" ? <Icon name="check" size={12} /> : index + 1}
                </span>
                <div className={styles.WizardWords}>
                  <div className={styles.WizardName}>
                    {state === "done" ? (
                      <button type="button" onClick={() => onStep(step.key)}>
                        {step.name}
                      </button>
                    ) : (
                      step.name
                    )}
                  </div>
                  {step.note !== undefined && <div className={`${styles.WizardNote} truncate`}>{step.note}</div>}
                </div>
              </li>
            );
          })}
        </ol>
        <span className="grow" />
        <p className={styles.WizardNote}>{note}</p>
      </section>
      <div className={styles.WizardBody}>
        <div ref={page} className={styles.WizardPage}>
          {children}
        </div>
        <div className={styles.WizardFoot}>{foot}</div>
      </div>
    </div>
  );
}

export function WizardHead({ title, children }: { title: string; children: ReactNode }) {
  return (
    <header className={styles.WizardHead}>
      <h2>{title}</h2>
      <p>{children}</p>
    </header>
  );
}

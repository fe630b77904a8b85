import type { CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import type { StateRole } from "@/icons/StateGlyph";
import type { PhaseProgress } from "@/platform/contract";
import { useFormat } from "@/i18n/useFormat";
import { useNow } from "@/state/useNow";
import styles from "./Progress.module.css";

const at = (part: number) => ({ "--at": `${Math.round(part * 100)}%` }) as CSSProperties;

function mark(phase: PhaseProgress): "done" | "now" | "fail" | "todo" {
  if (phase.state === "done" || phase.state === "skipped") return "done";
  return phase.state === "running" ? "now" : phase.state === "failed" ? "fail" : "todo";
}

/** The pipeline at a glance, for rows. Decoration: words stand beside it. `part` is how far the running phase is. */
export function PhaseBar({ phases, part = 0.5, state = "busy" }: { phases: PhaseProgress[]; part?: number | undefined; state?: StateRole }) {
  return (
    <span className={styles.PhaseBar} data-state={state} style={{ "--n": phases.length } as CSSProperties} aria-hidden="true">
      {phases.map((phase) => (
        <i key={phase.phase} data-p={mark(phase)} style={phase.state === "running" ? at(part) : undefined} />
      ))}
    </span>
  );
}

/** A bar with a number beside it, which the caller writes. */
export function ProgressBar({ part, label, mini = false }: { part: number; label: string; mini?: boolean }) {
  return (
    <span className={styles.ProgressBar} data-mini={mini || undefined} role="progressbar" aria-label={label} aria-valuenow={Math.round(part * 100)} aria-valuemin={0} aria-valuemax={100} style={at(part)}>
      <i />
    </span>
  );
}

function PhaseTime({ phase }: { phase: PhaseProgress }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(phase.state === "running" ? "second" : "frozen");
  if (phase.state === "skipped") return t("phases.skipped");
  if (phase.started === null) return "";
  return format.phaseTime((phase.ended === null ? now : Date.parse(phase.ended)) - Date.parse(phase.started));
}

/** The same pipeline with words, for the build page. */
export function PhaseStepper({ phases, part = 0.5, waiting = false }: { phases: PhaseProgress[]; part?: number | undefined; waiting?: boolean }) {
  const { t } = useTranslation();
  return (
    <ol className={styles.PhaseStepper} style={{ "--n": phases.length } as CSSProperties} aria-label={t("phases.label")}>
      {phases.map((phase) => {
        const p = mark(phase);
        const role = p === "fail" ? "fail" : p === "now" ? (waiting ? "wait" : "busy") : "off";
        return (
          <li key={phase.phase} data-p={p} data-state={role} style={p === "now" ? at(part) : undefined} aria-current={p === "now" || p === "fail" ? "step" : undefined}>
            <span className={styles.PhaseStepperBar} />
            <span className={styles.PhaseStepperName}>
              <span className="truncate">{t(`phases.${phase.phase}`)}</span>
            </span>
            <span className={styles.PhaseStepperTime}>
              <PhaseTime phase={phase} />
            </span>
            <span className="sr">{p === "done" ? t("phases.done") : p === "now" ? t("phases.now") : p === "fail" ? t("phases.failed") : t("phases.todo")}</span>
          </li>
        );
      })}
    </ol>
  );
}

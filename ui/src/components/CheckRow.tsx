import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { StateGlyph } from "@/icons/StateGlyph";
import type { StateView } from "@/state/view";
import { Button } from "./Button";
import { Mono } from "./Mono";
import styles from "./CheckRow.module.css";

interface CheckRowProps {
  /** What is checked, for those who look for it. */
  id?: string;
  view: StateView;
  title: string;
  text?: string | undefined;
  evidence?: string;
  /** One line, for what passed. */
  compact?: boolean;
  /** What "Fix…" opens. */
  fix?: ReactNode;
  /** Whether that is open at first. */
  opened?: boolean;
  /** Stands at the right end instead of "Fix…". */
  end?: ReactNode;
}

/** What stands between backticks is for a terminal. */
function marked(text: string | undefined): ReactNode {
  // oxlint-disable-next-line react/no-array-index-key -- a part's place is its identity
  return text?.split("`").map((part, index) => (index % 2 === 1 ? <Mono key={index}>{part}</Mono> : part));
}

/** One check of Doctor, first run, and later of requirements and capabilities. Two lines when it needs you, one when it passed. */
export function CheckRow({ id, view, title, text, evidence, compact = false, fix, opened = false, end }: CheckRowProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(opened);
  const detail = useId();
  if (compact) {
    return (
      <li className={styles.CheckRow} data-check={id} data-compact data-state={view.role}>
        <StateGlyph shape={view.shape} />
        <span className={`${styles.CheckName} truncate`} title={title}>
          {title}
        </span>
        <span className={styles.CheckWord}>{view.word}</span>
        <span className={`${styles.CheckText} truncate`} title={[text, evidence].filter((part) => part !== undefined && part !== "").join("\n")}>
          {marked(text)}
        </span>
        <span className={`${styles.CheckEvidence} truncate`} title={evidence}>
          {evidence}
        </span>
      </li>
    );
  }
  return (
    <li className={styles.CheckRow} data-check={id} data-state={view.role}>
      <StateGlyph shape={view.shape} />
      <div className={styles.CheckBody}>
        <div className={styles.CheckTitle}>
          {title}
          <span className={styles.CheckWord}>{view.word}</span>
        </div>
        {text !== undefined && (
          <div className={styles.CheckText}>
            <span className={styles.CheckSaid}>{marked(text)}</span> {evidence !== undefined && evidence !== "" && <span className={styles.CheckEvidence}>{evidence}</span>}
          </div>
        )}
      </div>
      <div className="row">
        {end}
        {fix !== undefined && (
          <Button size="sm" aria-expanded={open} aria-controls={detail} onClick={() => setOpen(!open)}>
            {open ? t("doctor.hideFix") : t("doctor.fix")}
            <span className="sr"> {title}</span>
          </Button>
        )}
      </div>
      {fix !== undefined && open && (
        <div className={styles.CheckDetail} id={detail}>
          {fix}
        </div>
      )}
    </li>
  );
}

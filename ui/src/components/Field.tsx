import type { ComponentProps, ReactNode } from "react";
import { useId } from "react";
import { Icon, type IconName } from "@/icons/Icon";
import { StateGlyph } from "@/icons/StateGlyph";
import styles from "./Field.module.css";

export interface InputProps extends Omit<ComponentProps<"input">, "size"> {
  icon?: IconName;
  size?: "sm" | "lg";
  mono?: boolean;
  invalid?: boolean;
  /** What stands at the right end: a key, a state, a button. */
  end?: ReactNode;
}

export function Input({ icon, size, mono = false, invalid = false, end, style, ...rest }: InputProps) {
  return (
    <span className={styles.Input} data-size={size} data-invalid={invalid || undefined} style={style}>
      {icon !== undefined && <Icon name={icon} />}
      <input autoComplete="off" autoCorrect="off" autoCapitalize="off" spellCheck={false} {...rest} className={mono ? styles.InputMono : undefined} aria-invalid={invalid || undefined} />
      {end}
    </span>
  );
}

interface FieldProps {
  label: string;
  /** What it is called in the machine or a file; beside the label. */
  note?: string | null | undefined;
  hint?: ReactNode;
  error?: string | null | undefined;
  /** Gets what ties the control to label, hint and error. */
  children: (control: { id: string; "aria-describedby": string | undefined; invalid: boolean }) => ReactNode;
}

/** Label, control, hint, error. The error takes the hint's place and is announced. */
export function Field({ label, note, hint, error, children }: FieldProps) {
  const id = useId();
  const bad = error !== null && error !== undefined;
  const described = bad ? `${id}-e` : hint === undefined ? undefined : `${id}-h`;
  return (
    <div className={styles.Field}>
      <label className={styles.FieldLabel} id={`${id}-l`} htmlFor={id}>
        {label}
        {note !== undefined && note !== null && <span className={styles.FieldNote}> {note}</span>}
      </label>
      {children({ id, "aria-describedby": described, invalid: bad })}
      {!bad && hint !== undefined && (
        <span className={styles.FieldHint} id={`${id}-h`}>
          {hint}
        </span>
      )}
      <span role="alert" className={bad ? styles.FieldError : "sr"} id={`${id}-e`}>
        {bad && (
          <>
            <StateGlyph shape="failed" state="fail" size={12} />
            <span>{error}</span>
          </>
        )}
      </span>
    </div>
  );
}

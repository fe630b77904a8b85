import type { ComponentProps, MouseEvent, ReactNode } from "react";
import { Icon, type IconName } from "@/icons/Icon";
import styles from "./Button.module.css";
import { Kbd } from "./Kbd";
import { Tip } from "./Tooltip";

interface Common extends Omit<ComponentProps<"button">, "disabled" | "title"> {
  /** Why it can't be pressed now; it stays focusable and says so. */
  disabledReason?: string | null | undefined;
}

/** What a button that is unavailable for a reason needs besides its looks. */
function unavailable(reason: string | null | undefined, onClick: Common["onClick"]) {
  const off = reason !== null && reason !== undefined;
  return {
    "aria-disabled": off ? true : undefined,
    "aria-description": off ? reason : undefined,
    onClick: (event: MouseEvent<HTMLButtonElement>) => {
      if (off) event.preventDefault();
      else onClick?.(event);
    },
  };
}

export interface ButtonProps extends Common {
  kind?: "primary" | "quiet" | "danger";
  size?: "sm";
  icon?: IconName;
  kbd?: string | undefined;
  children: ReactNode;
}

export function Button({ kind, size, icon, kbd, children, disabledReason, onClick, className, ...rest }: ButtonProps) {
  return (
    <Tip text={disabledReason}>
      <button type="button" {...rest} {...unavailable(disabledReason, onClick)} className={className === undefined ? styles.Button : `${styles.Button} ${className}`} data-kind={kind} data-size={size}>
        {icon !== undefined && <Icon name={icon} />}
        {children}
        {kbd !== undefined && <Kbd>{kbd}</Kbd>}
      </button>
    </Tip>
  );
}

export interface IconButtonProps extends Common {
  /** The accessible name, also the tooltip. */
  label: string;
  icon: IconName;
  size?: "sm";
}

export function IconButton({ label, icon, size, disabledReason, onClick, ...rest }: IconButtonProps) {
  return (
    <Tip text={disabledReason ?? label}>
      <button type="button" {...rest} {...unavailable(disabledReason, onClick)} className={styles.IconButton} data-size={size} aria-label={label}>
        <Icon name={icon} />
      </button>
    </Tip>
  );
}

export function ButtonGroup({ children }: { children: ReactNode }) {
  return <div className={styles.ButtonGroup}>{children}</div>;
}

/** A button with a menu of its variants at its right edge. */
export function SplitButton({ children }: { children: ReactNode }) {
  return <span className={styles.SplitButton}>{children}</span>;
}

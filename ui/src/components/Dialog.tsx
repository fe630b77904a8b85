import { Dialog as Base } from "@base-ui/react/dialog";
import type { ReactNode, RefObject } from "react";
import styles from "./Dialog.module.css";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  /** Stands over the title: what it is about. */
  lead?: ReactNode;
  children: ReactNode;
  foot?: ReactNode;
  /** What has the focus at first. */
  initialFocus?: RefObject<HTMLElement | null>;
  /** Asks something that must be answered: a click beside it doesn't close it. */
  alert?: boolean;
  /** Has something typed in it that a click beside it must not lose. */
  stays?: boolean;
  wide?: boolean;
}

export function Dialog({ open, onClose, title, lead, children, foot, initialFocus, alert = false, stays = false, wide = false }: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()} disablePointerDismissal={alert || stays}>
      <Base.Portal>
        <Base.Backdrop className={styles.Scrim} />
        <Base.Viewport className={styles.Viewport}>
          <Base.Popup className={styles.Dialog} data-covers data-wide={wide || undefined} role={alert ? "alertdialog" : "dialog"} initialFocus={initialFocus}>
            <div className={styles.DialogHead}>
              {lead}
              <Base.Title>{title}</Base.Title>
            </div>
            {alert ? <Base.Description render={<div />} className={styles.DialogBody}>{children}</Base.Description> : <div className={styles.DialogBody}>{children}</div>}
            {foot !== undefined && <div className={styles.DialogFoot}>{foot}</div>}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

import { Menu as Base } from "@base-ui/react/menu";
import type { ReactElement, ReactNode } from "react";
import { Icon, type IconName } from "@/icons/Icon";
import { layers } from "./Layers";
import styles from "./Menu.module.css";

interface MenuEntry {
  key: string;
  label: string;
  icon?: IconName;
  note?: ReactNode;
  disabledReason?: string | null;
  onSelect: () => void;
}
/** Groups of entries; a line between two groups. */
export type MenuGroups = MenuEntry[][];

function Entries({ groups }: { groups: MenuGroups }) {
  return groups
    .filter((group) => group.length > 0)
    .map((group, index) => (
      <Base.Group key={group[0]?.key}>
        {index > 0 && <Base.Separator className={styles.MenuLine} />}
        {group.map((entry) => {
          const reason = entry.disabledReason ?? null;
          return (
            <Base.Item key={entry.key} className={styles.MenuItem} disabled={reason !== null} aria-description={reason ?? undefined} title={reason ?? undefined} onClick={entry.onSelect}>
              <span className={styles.MenuIcon}>{entry.icon !== undefined && <Icon name={entry.icon} />}</span>
              <span className="truncate">{entry.label}</span>
              {entry.note !== undefined && <span className={styles.MenuNote}>{entry.note}</span>}
            </Base.Item>
          );
        })}
      </Base.Group>
    ));
}

/** A menu under its trigger. */
export function Menu({ trigger, groups }: { trigger: ReactElement; groups: MenuGroups }) {
  return (
    <Base.Root modal={false}>
      <Base.Trigger render={trigger} />
      <MenuPopup groups={groups} />
    </Base.Root>
  );
}

export type MenuHandle<P> = Base.Handle<P>;
export const createMenuHandle = <P,>(): MenuHandle<P> => Base.createHandle<P>();
export const MenuTrigger = Base.Trigger;

/** One menu for many triggers, such as the rows of a list; what it offers depends on the trigger's payload. */
export function SharedMenu<P>({ handle, groups }: { handle: MenuHandle<P>; groups: (payload: P) => MenuGroups }) {
  return (
    <Base.Root handle={handle} modal={false}>
      {({ payload }: { payload: P | undefined }) => <MenuPopup groups={payload === undefined ? [] : groups(payload)} />}
    </Base.Root>
  );
}

function MenuPopup({ groups }: { groups: MenuGroups }) {
  return (
    <Base.Portal container={layers}>
      <Base.Positioner className={styles.Positioner} sideOffset={4} align="end">
        <Base.Popup className={styles.Menu} data-covers>
          <Entries groups={groups} />
        </Base.Popup>
      </Base.Positioner>
    </Base.Portal>
  );
}

import { Select as Base } from "@base-ui/react/select";
import { Icon } from "@/icons/Icon";
import { layers } from "./Layers";
import styles from "./Select.module.css";

export interface SelectOption { value: string; label: string }

/** One of several; the popup is the system's list in our looks. */
export function Select({ label, value, options, onChange, size, maxWidth }: { label: string; value: string; options: SelectOption[]; onChange: (value: string) => void; size?: "sm"; maxWidth?: number }) {
  return (
    <Base.Root items={options} value={value} onValueChange={(next) => next !== null && onChange(next)} modal={false}>
      <Base.Trigger className={styles.Select} data-size={size} aria-label={label} style={{ maxWidth }}>
        <Base.Value className="truncate" />
        <Icon name="chev-d" size={14} />
      </Base.Trigger>
      <Base.Portal container={layers}>
        <Base.Positioner className={styles.Positioner} sideOffset={4} align="start" alignItemWithTrigger={false}>
          <Base.Popup className={styles.Popup} data-covers>
            {options.map((option) => (
              <Base.Item key={option.value} value={option.value} className={styles.Item}>
                <Base.ItemIndicator className={styles.Indicator} keepMounted>
                  <Icon name="check" size={14} />
                </Base.ItemIndicator>
                <Base.ItemText className="truncate">{option.label}</Base.ItemText>
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

import { Checkbox } from "@base-ui/react/checkbox";
import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import type { ReactNode } from "react";
import { useId } from "react";
import { Icon } from "@/icons/Icon";
import styles from "./Option.module.css";

export interface OptionItem {
  value: string;
  title: ReactNode;
  text?: ReactNode;
  side?: ReactNode;
  /** Why it can't be chosen. */
  disabledReason?: string | null;
  /** Whether that is a failure. */
  failed?: boolean;
}

function Body({ option, id }: { option: OptionItem; id: string }) {
  return (
    <>
      <span className={styles.OptionBody}>
        <span className={styles.OptionTitle} id={`${id}-t`}>
          {option.title}
        </span>
        <span className={styles.OptionText} id={`${id}-x`} data-bad={option.failed === true || undefined}>
          {option.disabledReason ?? option.text}
        </span>
      </span>
      <span className={styles.OptionSide}>{option.side}</span>
    </>
  );
}

/** Several of these; the whole row is the target. */
export function CheckList({ label, options, chosen, onChange }: { label: string; options: OptionItem[]; chosen: string[]; onChange: (chosen: string[]) => void }) {
  const id = useId();
  return (
    <div className={styles.OptionList} role="group" aria-label={label}>
      {options.map((option, index) => {
        const on = chosen.includes(option.value);
        const own = `${id}-${index}`;
        return (
          <label key={option.value} className={styles.Option} data-on={on || undefined} data-off={(option.disabledReason ?? null) !== null || undefined}>
            <Checkbox.Root
              className={styles.Check}
              checked={on}
              disabled={(option.disabledReason ?? null) !== null}
              onCheckedChange={(checked) => onChange(checked ? [...chosen, option.value] : chosen.filter((each) => each !== option.value))}
              aria-labelledby={`${own}-t`}
              aria-describedby={`${own}-x`}
            >
              <Checkbox.Indicator keepMounted>
                <Icon name="check" size={12} />
              </Checkbox.Indicator>
            </Checkbox.Root>
            <Body option={option} id={own} />
          </label>
        );
      })}
    </div>
  );
}

/** One of these; the whole row is the target. */
export function RadioList({ label, options, value, onChange }: { label: string; options: OptionItem[]; value: string; onChange: (value: string) => void }) {
  const id = useId();
  return (
    <RadioGroup className={styles.OptionList} aria-label={label} value={value} onValueChange={(next) => onChange(next as string)}>
      {options.map((option, index) => {
        const own = `${id}-${index}`;
        return (
          <label key={option.value} className={styles.Option} data-on={value === option.value || undefined}>
            <Radio.Root className={styles.Radio} value={option.value} aria-labelledby={`${own}-t`} aria-describedby={`${own}-x`} />
            <Body option={option} id={own} />
          </label>
        );
      })}
    </RadioGroup>
  );
}

/** A check box with its words beside it. */
export function Check({ label, hint, checked, onChange }: { label: string; hint?: string; checked: boolean; onChange: (checked: boolean) => void }) {
  const id = useId();
  return (
    <label className={styles.CheckLine}>
      <Checkbox.Root className={styles.Check} checked={checked} onCheckedChange={onChange} aria-labelledby={`${id}-t`} aria-describedby={hint === undefined ? undefined : `${id}-x`}>
        <Checkbox.Indicator keepMounted>
          <Icon name="check" size={12} />
        </Checkbox.Indicator>
      </Checkbox.Root>
      <span className={styles.OptionBody}>
        <span className={styles.OptionTitle} id={`${id}-t`}>
          {label}
        </span>
        {hint !== undefined && (
          <span className={styles.OptionText} id={`${id}-x`}>
            {hint}
          </span>
        )}
      </span>
    </label>
  );
}

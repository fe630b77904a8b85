import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
import { Icon, type IconName } from "@/icons/Icon";
import styles from "./Segmented.module.css";

interface Segment<V extends string> {
  value: V;
  label: string;
  icon?: IconName;
  /** A number behind the word, for filters. */
  count?: string;
}

interface Props<V extends string> {
  label: string;
  value: V;
  segments: Segment<V>[];
  onChange: (value: V) => void;
  /** A choice among values, or a filter of what is below. */
  kind?: "choice" | "filter";
}

function Content<V extends string>({ segment }: { segment: Segment<V> }) {
  return (
    <>
      {segment.icon !== undefined && <Icon name={segment.icon} size={14} />}
      {segment.label}
      {segment.count !== undefined && <span className={styles.SegmentedCount}>{segment.count}</span>}
    </>
  );
}

export function Segmented<V extends string>({ label, value, segments, onChange, kind = "choice" }: Props<V>) {
  if (kind === "filter") {
    return (
      <ToggleGroup className={styles.Segmented} aria-label={label} value={[value]} onValueChange={([next]) => next !== undefined && onChange(next as V)}>
        {segments.map((segment) => (
          <Toggle key={segment.value} value={segment.value} className={styles.SegmentedItem}>
            <Content segment={segment} />
          </Toggle>
        ))}
      </ToggleGroup>
    );
  }
  return (
    <RadioGroup className={styles.Segmented} aria-label={label} value={value} onValueChange={(next) => onChange(next as V)}>
      {segments.map((segment) => (
        <Radio.Root key={segment.value} value={segment.value} nativeButton render={<button type="button" />} className={styles.SegmentedItem}>
          <Content segment={segment} />
        </Radio.Root>
      ))}
    </RadioGroup>
  );
}

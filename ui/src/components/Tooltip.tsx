import { Tooltip } from "@base-ui/react/tooltip";
import type { ReactElement } from "react";
import { layers } from "./Layers";
import styles from "./Tooltip.module.css";

/** One popup for all triggers: a list of a thousand buttons costs one tooltip. */
const handle = Tooltip.createHandle<string>();

/** Shows `text` over its child on hover and focus. Without text it is only its child. */
export function Tip({ text, children }: { text: string | null | undefined; children: ReactElement }) {
  return <Tooltip.Trigger handle={handle} payload={text ?? ""} disabled={text === null || text === undefined || text === ""} closeOnClick={false} render={children} />;
}

/** Where tooltips appear; once in the window. */
export function TooltipLayer() {
  return (
    <Tooltip.Root handle={handle}>
      {({ payload }: { payload: string | undefined }) => (
        <Tooltip.Portal container={layers}>
          <Tooltip.Positioner sideOffset={6} className={styles.Positioner}>
            <Tooltip.Popup className={styles.Tooltip}>{payload}</Tooltip.Popup>
          </Tooltip.Positioner>
        </Tooltip.Portal>
      )}
    </Tooltip.Root>
  );
}

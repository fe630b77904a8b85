import { useTranslation } from "react-i18next";

/** Where menus, lists and tooltips are put: a landmark of its own, over the page. */
export const layers: { current: HTMLElement | null } = { current: null };

export function Layers() {
  const { t } = useTranslation();
  return (
    <section
      aria-label={t("app.layers")}
      ref={(element) => {
        layers.current = element;
      }}
    />
  );
}

import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Kbd } from "@/components/Kbd";
import { Section } from "@/components/Page";
import styles from "./HelpDialog.module.css";

/** All keys, by place. */
export function HelpDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const ctrl = t("keys.ctrl");
  const places: [title: string, keys: [keys: string[], what: string][]][] = [
    [
      t("help.global"),
      [
        [[ctrl, t("keys.k")], t("help.palette")],
        [[ctrl, "N"], t("help.new")],
        [[ctrl, "1…4"], t("help.pages")],
        [["Alt", "← →"], t("help.history")],
        [["F6"], t("help.regions")],
        [["/"], t("help.filter")],
        [["Esc"], t("help.escape")],
        [["?"], t("help.keys")],
      ],
    ],
    [
      t("help.list"),
      [
        [["↑", "↓"], t("keys.select")],
        [["↵"], t("keys.open")],
        [["S"], t("keys.startOrStop")],
        [["R"], t("keys.rebuild")],
        [["T"], t("keys.terminal")],
        [[t("keys.space")], t("keys.pin")],
        [["."], t("help.menu")],
        [["→"], t("help.rowActions")],
        [[t("keys.delete")], t("help.delete")],
        [["A…Z"], t("help.jump")],
      ],
    ],
    [
      t("help.build"),
      [
        [["↑", "↓", "←", "→"], t("help.tree")],
        [["↵"], t("keys.filterLog")],
        [[ctrl, "F"], t("keys.search")],
        [["F3"], t("keys.nextHit")],
        [[t("keys.end")], t("help.followLog")],
      ],
    ],
  ];
  return (
    <Dialog open={open} onClose={onClose} title={t("help.title")} wide foot={<Button kind="primary" onClick={onClose}>{t("common.close")}</Button>}>
      <div className={styles.Places}>
        {places.map(([title, keys]) => (
          <Section key={title} title={title}>
            <dl className={styles.Keys}>
              {keys.map(([names, what]) => (
                <div key={what} className={styles.Key}>
                  <dt>
                    {names.map((name) => (
                      <Kbd key={name}>{name}</Kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </Section>
        ))}
      </div>
    </Dialog>
  );
}

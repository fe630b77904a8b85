import { useQuery } from "@tanstack/react-query";
import { Link, useLocation, useParams, useRouter } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/components/Button";
import { Kbd } from "@/components/Kbd";
import { Icon } from "@/icons/Icon";
import { useBackend } from "@/platform";
import { operationQuery } from "@/state/queries";
import styles from "./AppShell.module.css";

export function TopBar({ onCommand }: { onCommand: () => void }) {
  const { t } = useTranslation();
  return (
    <div className={styles.TopBar} data-tauri-drag-region>
      <History />
      <Breadcrumbs />
      <button type="button" className={styles.CommandButton} onClick={onCommand}>
        <Icon name="search" />
        <span className="truncate">{t("palette.label")}</span>
        <span className={styles.CommandKeys}>
          <Kbd>{t("keys.ctrl")}</Kbd>
          <Kbd>{t("keys.k")}</Kbd>
        </span>
      </button>
    </div>
  );
}

function History() {
  const { t } = useTranslation();
  const router = useRouter();
  const index = useLocation({ select: (location) => location.state.__TSR_index });
  const { length } = router.history;
  const [furthest, setFurthest] = useState({ index, length });
  // A push cuts off what was ahead; the history's length tells it from going back.
  if (length !== furthest.length || index > furthest.index) setFurthest({ index, length });
  return (
    <div className={styles.TopBarHistory}>
      <IconButton icon="chev-l" label={t("app.back")} disabledReason={index > 0 ? null : t("app.nothingBack")} onClick={() => router.history.back()} />
      <IconButton icon="chev-r" label={t("app.forward")} disabledReason={index < furthest.index ? null : t("app.nothingForward")} onClick={() => router.history.forward()} />
    </div>
  );
}

const exact = { exact: true };

function Breadcrumbs() {
  const path = useLocation({ select: (location) => location.pathname });
  const { name, id } = useParams({ strict: false });
  const { t } = useTranslation();
  if (path === "/new") return <Crumbs items={[<Link key="m" to="/">{t("nav.machines")}</Link>]} current={t("wizard.title")} />;
  if (name !== undefined) {
    const tab = /\/(modules|generations|secrets|capabilities|builds)$/.exec(path)?.[1] as "modules" | "generations" | "secrets" | "capabilities" | "builds" | undefined;
    const machines = <Link key="m" to="/">{t("nav.machines")}</Link>;
    if (tab === undefined) return <Crumbs items={[machines]} current={name} />;
    return <Crumbs items={[machines, <Link key="n" to="/machines/$name" params={{ name }} activeOptions={exact}>{name}</Link>]} current={t(`machine.tabs.${tab}`)} />;
  }
  return id === undefined ? null : <OperationCrumbs id={id} />;
}

function OperationCrumbs({ id }: { id: string }) {
  const { t } = useTranslation();
  const operation = useQuery(operationQuery(useBackend(), id)).data?.operation;
  const items = [<Link key="b" to="/builds" activeOptions={exact}>{t("nav.builds")}</Link>];
  if (operation === undefined) return <Crumbs items={items} current="…" />;
  if (operation.machine !== null) items.push(<Link key="n" to="/machines/$name" params={{ name: operation.machine }}>{operation.machine}</Link>);
  return <Crumbs items={items} current={t(`operation.crumb.${operation.kind}`)} />;
}

function Crumbs({ items, current }: { items: ReactNode[]; current: string }) {
  const { t } = useTranslation();
  return (
    <nav className={styles.Breadcrumbs} aria-label={t("app.breadcrumbs")}>
      <ol>
        {items.map((item, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- a crumb's place is its identity
          <li key={index} data-page={index === 0 || undefined}>
            {item}
            <Icon name="chev-r" size={12} />
          </li>
        ))}
        <li data-page={items.length > 1 || undefined}>
          <span aria-current="page" className="truncate" title={current}>
            {current}
          </span>
        </li>
      </ol>
    </nav>
  );
}

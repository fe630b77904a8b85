import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { FailurePanel } from "@/components/FailurePanel";
import { EmptyState, PageBody, Panel, Skeleton } from "@/components/Page";
import { MidTruncate } from "@/components/MidTruncate";
import { Tag } from "@/components/Tag";
import { useFormat } from "@/i18n/useFormat";
import { useBackend } from "@/platform";
import { toFailure } from "@/state/failure";
import { generationsQuery } from "@/state/queries";
import { useNow } from "@/state/useNow";
import { engineName } from "@/state/view";
import styles from "./Machine.module.css";
import { useMachine } from "./MachineScreen";

/** What was built, newest first. Comparing and going back come beside it. */
export function Generations() {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const { machine, engine, name } = useMachine();
  const query = useQuery({ ...generationsQuery(useBackend(), name), enabled: engine?.available === true });
  if (machine === undefined || engine === undefined) return null;
  if (machine.generation === null) {
    return <EmptyState title={t("generations.none")}>{t("generations.noneText")}</EmptyState>;
  }
  if (!engine.available) return <EmptyState title={t("engine.offlineTitle", { engine: engineName(t, engine) })}>{t("engine.offlineText")}</EmptyState>;
  if (query.isError) {
    return (
      <PageBody className={styles.Single}>
        <FailurePanel title={t("generations.failed")} failure={toFailure(query.error)} onRetry={() => void query.refetch()} />
      </PageBody>
    );
  }
  const newestFirst = query.data?.toReversed();
  return (
    <PageBody className={styles.Single} takesFocus>
      <Panel title={t("generations.title")} note={newestFirst?.length === 1 ? t("generations.one") : t("generations.hint")}>
        {newestFirst === undefined ? (
          <div className={styles.PanelSkeleton} role="status" aria-label={t("common.loading")}>
            <Skeleton width="50%" />
            <Skeleton width="62%" />
          </div>
        ) : (
          <ul aria-label={t("generations.list")}>
            {newestFirst.map((generation) => (
              <li key={generation.number} className={styles.Generation}>
                <span className={styles.GenerationNumber}>{generation.number}</span>
                <span className="grow">
                  <span className="row">
                    <span className={styles.GenerationAge}>{format.ago(generation.created, now)}</span>
                    {generation.current && <Tag state={machine.status === "running" ? "ok" : "off"}>{machine.status === "running" ? t("generations.current") : t("generations.installed")}</Tag>}
                  </span>
                  <span className={`mono ${styles.GenerationSystem}`}>
                    <MidTruncate text={generation.system} />
                  </span>
                </span>
                <span className="sub num nowrap">{format.dayAndTime(generation.created, now)}</span>
              </li>
            ))}
          </ul>
        )}
      </Panel>
    </PageBody>
  );
}

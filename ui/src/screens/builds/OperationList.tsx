import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { FailurePanel } from "@/components/FailurePanel";
import { MidTruncate } from "@/components/MidTruncate";
import { EmptyState, Panel, Skeleton } from "@/components/Page";
import { PhaseBar } from "@/components/Progress";
import { StateBadge } from "@/components/StateBadge";
import table from "@/components/Table.module.css";
import { useFormat } from "@/i18n/useFormat";
import { useBackend } from "@/platform";
import type { Operation } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { operationsQuery } from "@/state/queries";
import { useNow } from "@/state/useNow";
import { builtPart, isWorking, operationView } from "@/state/view";
import styles from "./Builds.module.css";

/** Operations as a table, of all machines or of one. */
export function OperationList({ machine }: { machine?: string }) {
  const { t } = useTranslation();
  const query = useQuery(operationsQuery(useBackend()));
  if (query.isError) return <FailurePanel title={t("builds.failed")} failure={toFailure(query.error)} onRetry={() => void query.refetch()} />;
  if (query.data === undefined) {
    return (
      <div className={styles.Loading} role="status" aria-label={t("common.loading")}>
        <Skeleton width="70%" />
        <Skeleton width="55%" />
        <Skeleton width="64%" />
      </div>
    );
  }
  const operations = machine === undefined ? query.data : query.data.filter((operation) => operation.machine === machine);
  if (operations.length === 0) {
    return machine === undefined ? <EmptyState title={t("builds.none")}>{t("builds.noneText")}</EmptyState> : <EmptyState title={t("builds.none")}>{t("builds.noneOfMachine")}</EmptyState>;
  }
  return (
    <Panel label={t("builds.list")}>
      <table className={table.Table}>
        <colgroup>
          <col style={{ width: "24%" }} />
          {machine === undefined && <col style={{ width: "24%" }} />}
          <col style={{ width: machine === undefined ? "20%" : "28%" }} />
          <col />
          <col style={{ width: 76 }} />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">{t("builds.columns.what")}</th>
            {machine === undefined && <th scope="col">{t("builds.columns.machine")}</th>}
            <th scope="col">{t("builds.columns.state")}</th>
            <th scope="col">{t("builds.columns.when")}</th>
            <th scope="col" className={table.TableNumber}>
              {t("builds.columns.took")}
            </th>
          </tr>
        </thead>
        <tbody>
          {operations.map((operation) => (
            <Row key={operation.id} operation={operation} named={machine === undefined} />
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

const Row = memo(function Row({ operation, named }: { operation: Operation; named: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const working = isWorking(operation);
  const now = useNow(working ? "second" : "age");
  const took = (operation.ended === null ? now : Date.parse(operation.ended)) - Date.parse(operation.started);
  const params = { id: operation.id };
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions -- the link in it has the keys
    <tr onClick={() => void navigate({ to: "/builds/$id", params })}>
      <td>
        <Link to="/builds/$id" params={params} className={styles.What} onClick={(event) => event.stopPropagation()}>
          {t(`operation.crumb.${operation.kind}`)}
        </Link>
      </td>
      {named && <td>{operation.machine === null ? "" : <MidTruncate text={operation.machine} />}</td>}
      <td>
        <span className={styles.State}>
          <StateBadge view={operationView(t, operation)} />
          {working && operation.phases.length > 2 && (
            <span className={styles.Bar}>
              <PhaseBar phases={operation.phases} part={builtPart(operation)} />
            </span>
          )}
        </span>
      </td>
      <td className="num">{format.dayAndTime(operation.started, now)}</td>
      <td className={table.TableNumber}>{format.stopwatch(took)}</td>
    </tr>
  );
});

import type { TFunction } from "i18next";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { StateGlyph } from "@/icons/StateGlyph";
import { useFormat } from "@/i18n/useFormat";
import type { Operation } from "@/platform/contract";
import { useNow } from "@/state/useNow";
import { isWorking, operationView, operationWord } from "@/state/view";
import styles from "./Builds.module.css";

/** One line about an operation, in a panel: what was done, what came of it, when. */
export function OperationRow({ operation }: { operation: Operation }) {
  const { t } = useTranslation();
  const format = useFormat();
  const working = isWorking(operation);
  const now = useNow(working ? "second" : "age");
  const view = operationView(t, operation);
  const took = (operation.ended === null ? now : Date.parse(operation.ended)) - Date.parse(operation.started);
  return (
    <li>
      <Link to="/builds/$id" params={{ id: operation.id }} className={styles.OperationRow} data-state={view.role}>
        <StateGlyph shape={view.shape} part={view.part} />
        <span className="grow truncate">
          <span className="sr">{view.word}: </span>
          <span className="fg">{summary(t, operation)}</span>
          <Detail operation={operation} />
        </span>
        <span className="sub num nowrap">
          {working ? format.stopwatch(took) : `${format.ago(operation.started, now)} · ${format.stopwatch(took)}`}
        </span>
      </Link>
    </li>
  );
}

function summary(t: TFunction, operation: Operation): string {
  if (isWorking(operation)) return operationWord(t, operation.kind);
  if (operation.state === "succeeded") {
    const generation = operation.outcome?.generation ?? null;
    const builds = operation.kind === "create" || operation.kind === "rebuild";
    const what = t(`operation.past.${operation.kind}`);
    return builds && generation !== null ? t("operation.pastTo", { what, n: generation }) : what;
  }
  if (operation.state === "failed") return t(`operation.pastFailed.${operation.kind}`);
  return t("operation.endedAs", { what: t(`operation.crumb.${operation.kind}`), how: t(`operation.state.${operation.state}`) });
}

function Detail({ operation }: { operation: Operation }) {
  const { t } = useTranslation();
  const text =
    operation.failure !== null
      ? operation.failure.message
      : isWorking(operation)
        ? operation.headline
        : operation.outcome?.diff !== null && operation.outcome?.diff !== undefined
          ? t("operation.packagesChanged", { count: operation.outcome.diff.packages.length })
          : operation.state === "succeeded" && operation.outcome?.changed === false
            ? t("operation.unchanged")
            : null;
  return text === null || text === "" ? null : <> · {text}</>;
}

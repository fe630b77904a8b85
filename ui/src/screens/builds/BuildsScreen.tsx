import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Page, PageBody, PageHeader } from "@/components/Page";
import { useBackend } from "@/platform";
import { operationsQuery } from "@/state/queries";
import { isWorking } from "@/state/view";
import styles from "./Builds.module.css";
import { OperationList } from "./OperationList";

export function BuildsScreen() {
  const { t } = useTranslation();
  const operations = useQuery(operationsQuery(useBackend())).data;
  const running = operations?.filter(isWorking).length ?? 0;
  return (
    <Page>
      <PageHeader title={t("builds.title")} sub={operations === undefined ? t("common.loading") : running === 0 ? t("builds.quiet") : t("builds.subtitle", { count: running })} />
      <PageBody className={styles.Body}>
        <OperationList />
      </PageBody>
    </Page>
  );
}

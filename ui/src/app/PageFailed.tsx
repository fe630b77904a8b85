import { type ErrorComponentProps, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { FailurePanel } from "@/components/FailurePanel";
import { EmptyState, Page, PageBody } from "@/components/Page";
import { toFailure } from "@/state/failure";

/** Instead of a page that broke; the rest of the window lives on. */
export function PageFailed({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <Page>
      <PageBody>
        <div style={{ paddingTop: 20 }}>
          <FailurePanel title={t("errors.page")} failure={toFailure(error)} onRetry={reset} />
        </div>
      </PageBody>
    </Page>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  return (
    <Page>
      <EmptyState title={t("errors.page")} actions={<Button onClick={() => void navigate({ to: "/" })}>{t("machine.toMachines")}</Button>} />
    </Page>
  );
}

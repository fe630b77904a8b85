import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "@/components/Button";
import { FailurePanel } from "@/components/FailurePanel";
import { KeyValue, Panel, PanelBody, Skeleton } from "@/components/Page";
import { Tag } from "@/components/Tag";
import { toastDone, toastFailure } from "@/components/Toasts";
import { useFormat } from "@/i18n/useFormat";
import { useBackend } from "@/platform";
import type { AccessStatus } from "@/platform/contract";
import { useConfirm } from "@/state/Confirm";
import { toFailure } from "@/state/failure";
import { accessQuery, keys } from "@/state/queries";
import { useNow } from "@/state/useNow";
import styles from "./Settings.module.css";
import { TokenDialog } from "./TokenDialog";

/** What there is of the user's own access to servers, which machines get only with consent. */
export function HostAccess() {
  const { t } = useTranslation();
  const query = useQuery({ ...accessQuery(useBackend()), refetchOnMount: "always" });
  if (query.isError) return <FailurePanel title={t("access.failed")} failure={toFailure(query.error)} onRetry={() => void query.refetch()} />;
  if (query.data === undefined) {
    return (
      <Panel title={t("access.title")}>
        <PanelBody>
          <div role="status" aria-label={t("common.loading")}>
            <Skeleton width={240} />
          </div>
        </PanelBody>
      </Panel>
    );
  }
  return (
    <>
      <Tokens access={query.data} />
      <Found access={query.data} />
    </>
  );
}

function Tokens({ access }: { access: AccessStatus }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const backend = useBackend();
  const client = useQueryClient();
  const confirm = useConfirm();
  const [adding, setAdding] = useState(false);
  const remove = async (host: string) => {
    if (!(await confirm({ title: t("access.removeTitle", { host }), text: t("access.removeText"), yes: t("access.remove"), danger: true }))) return;
    try {
      client.setQueryData(keys.access, await backend.call("token_remove", { host }));
      toastDone(t("access.removed", { host }));
    } catch (thrown) {
      toastFailure(t("access.removeFailed", { host }), thrown);
    }
  };
  return (
    <Panel
      title={t("access.tokens")}
      note={t("access.tokensNote")}
      actions={
        <Button kind="quiet" size="sm" icon="plus" onClick={() => setAdding(true)}>
          {t("access.add")}
        </Button>
      }
    >
      {access.tokens.length === 0 ? (
        <p className={styles.Empty}>{t("access.noTokens")}</p>
      ) : (
        <ul aria-label={t("access.tokens")}>
          {access.tokens.map(({ host, user, changed }) => (
            <li key={host} className={styles.Token}>
              <span className="fg truncate" title={host}>
                {host}
              </span>
              <span className="sub truncate">{t("access.as", { user })}</span>
              <span className="sub nowrap">{t("secrets.changed", { ago: format.ago(changed, now) })}</span>
              <IconButton icon="trash" label={t("access.removeNamed", { host })} onClick={() => void remove(host)} />
            </li>
          ))}
        </ul>
      )}
      {adding && <TokenDialog onClose={() => setAdding(false)} />}
    </Panel>
  );
}

/** What is found on this computer, and isn't Codchi's to change. */
function Found({ access }: { access: AccessStatus }) {
  const { t } = useTranslation();
  const { agent, certificates, proxy } = access;
  const proxies = [proxy.https, proxy.http, proxy.all].filter((each) => each !== null);
  return (
    <Panel title={t("access.found")}>
      <PanelBody>
        <KeyValue
          items={[
            [t("access.agent"), agent === null ? <span key="n" className="fg-3">{t("access.noAgent")}</span> : t("access.keys", { count: agent.keys })],
            [
              t("access.certificates"),
              certificates.length === 0 ? (
                <span key="n" className="fg-3">{t("common.none")}</span>
              ) : (
                <ul key="c" className={styles.Certificates}>
                  {certificates.map((certificate) => (
                    <li key={certificate.source + certificate.subject} className="row" title={certificate.source}>
                      <span className="truncate">{certificate.subject}</span>
                      {certificate.expired && <Tag state="wait">{t("access.expired")}</Tag>}
                    </li>
                  ))}
                </ul>
              ),
            ],
            [t("access.proxy"), proxies.length === 0 ? <span key="n" className="fg-3">{t("common.none")}</span> : <span key="p" className="mono">{[...new Set(proxies)].join(", ")}</span>],
            ...(proxy.no === null ? [] : [[t("access.noProxy"), <span key="x" className="mono">{proxy.no}</span>] satisfies [string, React.ReactNode]]),
          ]}
        />
      </PanelBody>
    </Panel>
  );
}

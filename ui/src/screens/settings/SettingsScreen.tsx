import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { FailurePanel } from "@/components/FailurePanel";
import { Check } from "@/components/Option";
import { KeyValue, Page, PageBody, PageHeader, Panel, PanelBody, Skeleton } from "@/components/Page";
import { Segmented } from "@/components/Segmented";
import { Select } from "@/components/Select";
import { toastFailure } from "@/components/Toasts";
import { languages } from "@/i18n";
import { useBackend } from "@/platform";
import type { Settings } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { singleKeys, statusBarShown } from "@/state/preferences";
import { aboutQuery, keys, settingsQuery } from "@/state/queries";
import { useStore } from "@/state/store";
import { useStatus } from "@/state/useStatus";
import { engineName } from "@/state/view";
import { HostAccess } from "./HostAccess";
import { SecretStore } from "./SecretStore";
import styles from "./Settings.module.css";

export function SettingsScreen() {
  const { t } = useTranslation();
  const query = useQuery(settingsQuery(useBackend()));
  return (
    <Page>
      <PageHeader title={t("settings.title")} />
      <PageBody className={styles.Settings}>
        {query.isError ? (
          <FailurePanel title={t("settings.failed")} failure={toFailure(query.error)} onRetry={() => void query.refetch()} />
        ) : query.data === undefined ? (
          <div role="status" aria-label={t("common.loading")}>
            <Skeleton width={240} />
          </div>
        ) : (
          <Shared settings={query.data} />
        )}
        <SecretStore />
        <HostAccess />
        <Own />
        <About />
      </PageBody>
    </Page>
  );
}

function Line({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={styles.Line}>
      <span className={styles.LineLabel}>{label}</span>
      {children}
    </div>
  );
}

/** What the tray and the command line know too. Shown at once, taken back when it can't be kept. */
function Shared({ settings }: { settings: Settings }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (next: Settings) => backend.call("settings_set", next),
    onMutate: (next) => {
      client.setQueryData(keys.settings, next);
      return settings;
    },
    onError: (error, _next, before) => {
      client.setQueryData(keys.settings, before);
      toastFailure(t("settings.saveFailed"), error);
    },
  });
  const change = (part: Partial<Settings>) => save.mutate({ ...settings, ...part });
  return (
    <>
      <Panel title={t("settings.appearance")}>
        <PanelBody>
          <div className={styles.Lines}>
            <Line label={t("settings.theme")}>
              <Segmented label={t("settings.theme")} value={settings.theme} onChange={(theme) => change({ theme })} segments={(["system", "light", "dark"] as const).map((value) => ({ value, label: t(`settings.themes.${value}`) }))} />
            </Line>
            <Line label={t("settings.language")}>
              <Select
                label={t("settings.language")}
                value={settings.language}
                onChange={(language) => change({ language: language as Settings["language"] })}
                options={(["system", ...languages] as const).map((value) => ({ value, label: t(`settings.languages.${value}`) }))}
              />
            </Line>
          </div>
        </PanelBody>
      </Panel>
      <Panel title={t("settings.window")}>
        <PanelBody>
          <div className={styles.Lines}>
            <Check label={t("settings.closeToTray")} hint={t("settings.closeToTrayText")} checked={settings.closeToTray} onChange={(closeToTray) => change({ closeToTray })} />
            <Check label={t("settings.notifications")} hint={t("settings.notificationsText")} checked={settings.notifications} onChange={(notifications) => change({ notifications })} />
          </div>
        </PanelBody>
      </Panel>
    </>
  );
}

/** What concerns this window alone. */
function Own() {
  const { t } = useTranslation();
  return (
    <Panel title={t("settings.keyboard")}>
      <PanelBody>
        <div className={styles.Lines}>
          <Check label={t("settings.singleKeys")} hint={t("settings.singleKeysText")} checked={useStore(singleKeys)} onChange={singleKeys.write} />
          <Check label={t("settings.statusBar")} hint={t("settings.statusBarText")} checked={useStore(statusBarShown)} onChange={statusBarShown.write} />
        </div>
      </PanelBody>
    </Panel>
  );
}

function About() {
  const { t } = useTranslation();
  const about = useQuery(aboutQuery(useBackend())).data;
  const { engine } = useStatus();
  return (
    <Panel title={t("settings.about")}>
      <PanelBody>
        <KeyValue
          items={[
            [t("settings.version"), about?.version ?? "…"],
            [t("settings.engine"), engineName(t, engine ?? about)],
          ]}
        />
      </PanelBody>
    </Panel>
  );
}

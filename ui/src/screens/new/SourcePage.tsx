import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useMemo, useState } from "react";
import { Trans, useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { FailurePanel } from "@/components/FailurePanel";
import { Field, Input } from "@/components/Field";
import { mono } from "@/components/Mono";
import { MidTruncate } from "@/components/MidTruncate";
import { Section } from "@/components/Page";
import { Segmented } from "@/components/Segmented";
import { StateBadge } from "@/components/StateBadge";
import { WizardHead } from "@/components/Wizard";
import { Icon } from "@/icons/Icon";
import { useBackend } from "@/platform";
import type { Failure, FailureCode, MachineStatus, Repository } from "@/platform/contract";
import type { Draft } from "@/state/draft";
import { samplesQuery } from "@/state/queries";
import { useStatus } from "@/state/useStatus";
import { hostOf, referenceOf, repositoryAddress } from "@/state/view";
import { TokenDialog } from "../settings/TokenDialog";
import styles from "./New.module.css";

interface Props {
  draft: Draft;
  /** Whether what is missing is said already. */
  checked: boolean;
  repository: Repository | undefined;
  failure: Failure | null;
  reading: boolean;
  onChange: (part: Partial<Draft>) => void;
  onEnter: () => void;
  onRead: () => void;
}

/** Failures that one sentence under the address says well enough. */
const ofTheField = new Set<FailureCode>(["invalid_url", "url_has_credentials", "repository_not_found", "no_flake", "no_modules", "invalid_argument"]);

export function SourcePage({ draft, checked, repository, failure, reading, onChange, onEnter, onRead }: Props) {
  const { t } = useTranslation();
  const backend = useBackend();
  const [signingIn, setSigningIn] = useState(false);
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.ctrlKey) return;
    event.preventDefault();
    onEnter();
  };
  const empty = repository !== undefined && repository.modules.length === 0;
  const inField = failure !== null && ofTheField.has(failure.code);
  const said = inField ? [failure.message, ...failure.hints].join(". ") : empty ? t("wizard.noModulesShort") : null;
  const missing = checked && draft.kind !== "empty" && (draft.kind === "local" ? draft.folder : draft.url).trim() === "";
  const state = reading ? (
    <StateBadge view={{ shape: "starting", role: "busy", word: t("wizard.reading") }} />
  ) : repository !== undefined && !empty ? (
    <StateBadge view={{ shape: "done", role: "ok", word: t("wizard.reachable") }} />
  ) : null;
  return (
    <>
      <WizardHead title={t("wizard.sourceTitle")}>
        <Trans i18nKey="wizard.sourceText" components={mono} />
      </WizardHead>
      <Segmented
        label={t("wizard.kind")}
        value={draft.kind}
        onChange={(kind) => onChange({ kind })}
        segments={[
          { value: "repository", label: t("wizard.repository"), icon: "link" },
          { value: "local", label: t("wizard.local"), icon: "folder" },
          { value: "empty", label: t("wizard.empty"), icon: "machines" },
        ]}
      />
      {draft.kind === "empty" && <p>{t("wizard.emptyText")}</p>}
      {draft.kind === "repository" && (
        <>
          <Field label={t("wizard.address")} hint={<Trans i18nKey="wizard.addressHint" components={mono} />} error={missing ? t("wizard.addressMissing") : said}>
            {(control) => (
              <Input
                {...control}
                data-first
                size="lg"
                mono
                icon="globe"
                value={draft.url}
                placeholder={t("firstRun.placeholder")}
                onChange={(event) => onChange({ url: event.target.value })}
                onKeyDown={enter}
                end={state}
              />
            )}
          </Field>
          <Follow draft={draft} checked={checked} onChange={onChange} onEnter={enter} />
        </>
      )}
      {draft.kind === "local" && (
        <Field label={t("wizard.folder")} hint={<Trans i18nKey="wizard.folderHint" components={mono} />} error={missing ? t("wizard.folderMissing") : said}>
          {(control) => (
            <div className="row">
              <span className="grow">
                <Input {...control} data-first size="lg" mono icon="folder" value={draft.folder} onChange={(event) => onChange({ folder: event.target.value })} onKeyDown={enter} end={state} />
              </span>
              <Button
                className={styles.Choose}
                onClick={() => {
                  void backend.chooseFolder(t("wizard.folder")).then((folder) => folder !== null && onChange({ folder }));
                }}
              >
                {t("wizard.choose")}
              </Button>
            </div>
          )}
        </Field>
      )}
      {empty && (
        <p className="sub">
          <Trans i18nKey="wizard.noModules" components={mono} />
        </p>
      )}
      {failure !== null && !inField && (
        <FailurePanel
          failure={failure}
          onRetry={onRead}
          actions={
            failure.code === "access_denied" && (
              <Button size="sm" icon="key" onClick={() => setSigningIn(true)}>
                {t("access.signInMenu")}
              </Button>
            )
          }
        />
      )}
      {signingIn && <TokenDialog host={hostOf(draft.url)} onClose={() => setSigningIn(false)} onSaved={onRead} />}
      {draft.kind === "repository" && <Recent onPick={(url) => onChange({ url, follow: "default", reference: "" })} />}
    </>
  );
}

function Follow({ draft, checked, onChange, onEnter }: { draft: Draft; checked: boolean; onChange: (part: Partial<Draft>) => void; onEnter: (event: KeyboardEvent) => void }) {
  const { t } = useTranslation();
  const own = referenceOf(draft.url);
  const missing = checked && draft.follow !== "default" && draft.reference.trim() === "";
  return (
    <div className={styles.Follow}>
      <span className={styles.FollowLabel}>{t("wizard.follow")}</span>
      <div className={styles.FollowRow}>
        <Segmented
          label={t("wizard.follow")}
          value={draft.follow}
          onChange={(follow) => onChange({ follow })}
          segments={(["default", "branch", "tag", "commit"] as const).map((value) => ({ value, label: t(`wizard.${value}`) }))}
        />
        {draft.follow === "default" ? (
          <span className="sub">{own === null ? t("wizard.refHintDefault") : own}</span>
        ) : (
          <span className={styles.FollowInput}>
            <Input
              mono
              icon={draft.follow === "commit" ? "commit" : "branch"}
              aria-label={t(`wizard.${draft.follow}`)}
              placeholder={t(`wizard.refPlaceholder.${draft.follow}`)}
              value={draft.reference}
              invalid={missing}
              onChange={(event) => onChange({ reference: event.target.value })}
              onKeyDown={onEnter}
            />
          </span>
        )}
        {missing && (
          <span role="alert" className={styles.FollowError}>
            {t("wizard.refMissing")}
          </span>
        )}
      </div>
    </div>
  );
}

/** Repositories that machines of this computer use, then the samples. */
function Recent({ onPick }: { onPick: (url: string) => void }) {
  const { t } = useTranslation();
  const { machines } = useStatus();
  const samples = useQuery(samplesQuery(useBackend())).data ?? [];
  const used = useMemo(() => usedRepositories(machines), [machines]);
  if (used.length === 0 && samples.length === 0) return null;
  return (
    <>
      {used.length > 0 && (
        <Section title={t("wizard.recent")} note={t("wizard.recentHint")}>
          <ul className={styles.Recent}>
            {used.slice(0, 4).map(({ url, names }) => (
              <RecentRow key={url} icon="clock" url={url} note={t("wizard.usedBy", { names: names.join(", ") })} onPick={onPick} />
            ))}
          </ul>
        </Section>
      )}
      {samples.length > 0 && (
        <Section title={t("wizard.samples")} note={t("wizard.samplesHint")}>
          <ul className={styles.Recent}>
            {samples.map((sample) => (
              <RecentRow key={sample.url} icon="package" url={sample.url} name={sample.name} note={sample.description} onPick={onPick} />
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function RecentRow({ icon, url, name, note, onPick }: { icon: "clock" | "package"; url: string; name?: string; note: string; onPick: (url: string) => void }) {
  const reference = referenceOf(url);
  return (
    <li>
      <button type="button" className={styles.RecentRow} onClick={() => onPick(url)}>
        <Icon name={icon} size={14} />
        {name === undefined ? (
          <span className={styles.RecentName}>
            <span className="mono fg">
              <MidTruncate text={repositoryAddress(url)} />
            </span>
          </span>
        ) : (
          <span className={`${styles.RecentName} fg`}>{name}</span>
        )}
        <span className="sub">{name === undefined ? reference : ""}</span>
        <span className="sub truncate" title={note}>
          {note}
        </span>
      </button>
    </li>
  );
}

export function usedRepositories(machines: MachineStatus[]): { url: string; names: string[] }[] {
  const byUrl = new Map<string, Set<string>>();
  for (const machine of machines) for (const module of machine.modules) byUrl.set(module.url, (byUrl.get(module.url) ?? new Set()).add(machine.name));
  return [...byUrl].map(([url, names]) => ({ url, names: [...names] })).toSorted((a, b) => b.names.length - a.names.length || a.url.localeCompare(b.url));
}

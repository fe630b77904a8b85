import type { KeyboardEvent } from "react";
import { Trans, useTranslation } from "react-i18next";
import { Banner } from "@/components/Banner";
import { Button } from "@/components/Button";
import { FailurePanel, sentence } from "@/components/FailurePanel";
import { Field, Input } from "@/components/Field";
import { Mono, mono } from "@/components/Mono";
import { CheckList, RadioList } from "@/components/Option";
import { Section, Skeleton } from "@/components/Page";
import { StateBadge } from "@/components/StateBadge";
import { Tag } from "@/components/Tag";
import { WizardHead } from "@/components/Wizard";
import type { Failure, OfferedModule, Repository } from "@/platform/contract";
import type { Draft } from "@/state/draft";
import { repositoryName } from "@/state/view";
import { nameError } from "./nameError";
import type { NameProblem } from "./names";
import styles from "./New.module.css";

interface Props {
  draft: Draft;
  checked: boolean;
  repository: Repository | undefined;
  problem: NameProblem | null;
  /** What the controller said of the name. */
  nameError: string | null;
  /** The chosen module whose nixpkgs can be used. */
  firstModule: string | undefined;
  failure: Failure | null;
  onChange: (part: Partial<Draft>) => void;
  onEnter: () => void;
  onBack: () => void;
}

export function ModulesPage({ draft, checked, repository, problem, nameError: refused, firstModule, failure, onChange, onEnter, onBack }: Props) {
  const { t } = useTranslation();
  if (draft.kind === "empty") {
    return (
      <>
        <WizardHead title={t("wizard.nameTitle")}>{t("wizard.modulesEmpty")}</WizardHead>
        <Name first draft={draft} checked={checked} problem={problem} nameError={refused} onChange={onChange} onEnter={onEnter} />
      </>
    );
  }
  if (repository === undefined) {
    return (
      <>
        <WizardHead title={t("wizard.modulesTitle")}>{failure === null ? t("wizard.reading") : t("wizard.readFailed")}</WizardHead>
        {failure === null ? (
          <div className={styles.Reading}>
            <Skeleton width="60%" />
            <Skeleton width="80%" />
            <Skeleton width="50%" />
          </div>
        ) : (
          <FailurePanel failure={failure} actions={<Button size="sm" onClick={onBack}>{t("common.back")}</Button>} />
        )}
      </>
    );
  }
  const nixpkgs = firstModule === undefined ? null : firstModule;
  return (
    <>
      <WizardHead title={t("wizard.modulesTitle")}>
        <Trans i18nKey="wizard.modulesText" count={repository.modules.length} values={{ repository: repositoryName(repository.url) }} components={mono} />
        {repository.rev !== null && (
          <>
            {" "}
            <span className="fg-3">
              <Trans i18nKey="wizard.rev" values={{ rev: repository.rev.slice(0, 7) }} components={mono} />
            </span>
          </>
        )}
      </WizardHead>
      {repository.problems.map((each) => (
        <Banner key={each.code} state="wait" shape="warn" title={t("wizard.problems")}>
          {sentence(each.message)}
        </Banner>
      ))}
      <Section title={t("machine.modules")}>
        <CheckList label={t("machine.modules")} options={repository.modules.map(moduleOption(t("wizard.noDescription")))} chosen={draft.modules} onChange={(modules) => onChange({ modules })} />
        <span role="alert" className={checked && draft.modules.length === 0 ? styles.Missing : "sr"}>
          {checked && draft.modules.length === 0 ? t("wizard.chooseOne") : ""}
        </span>
      </Section>
      <Name draft={draft} checked={checked} problem={problem} nameError={refused} onChange={onChange} onEnter={onEnter} />
      <Section title={t("wizard.nixpkgs")} note={t("wizard.nixpkgsNote")}>
        <RadioList
          label={t("wizard.nixpkgs")}
          value={nixpkgs === null || !repository.nixpkgs.direct ? "builtin" : draft.nixpkgs}
          onChange={(value) => onChange({ nixpkgs: value })}
          options={[
            { value: "builtin", title: t("wizard.builtin"), text: t("wizard.builtinText") },
            ...(repository.nixpkgs.direct && nixpkgs !== null
              ? [
                  {
                    value: "module",
                    title: (
                      <>
                        <span>
                          <Trans i18nKey="wizard.fromModule" values={{ module: nixpkgs }} components={mono} />
                        </span>
                        <Tag>{t("wizard.recommended")}</Tag>
                      </>
                    ),
                    text: t("wizard.fromModuleText"),
                  },
                ]
              : []),
          ]}
        />
      </Section>
    </>
  );
}

export function moduleOption(noDescription: string) {
  return (module: OfferedModule) => ({
    value: module.attr,
    title: <Mono>{module.name}</Mono>,
    text: module.description ?? noDescription,
    side: module.path[0],
    disabledReason: module.error,
    failed: module.error !== null,
  });
}

function Name({ draft, checked, problem, nameError: refused, first = false, onChange, onEnter }: Pick<Props, "draft" | "checked" | "problem" | "nameError" | "onChange" | "onEnter"> & { first?: boolean }) {
  const { t } = useTranslation();
  // An empty field says nothing before one wants to go on.
  const error = refused ?? (problem === null || (problem.kind === "empty" && !checked) ? null : nameError(t, problem, draft.name));
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.ctrlKey) return;
    event.preventDefault();
    onEnter();
  };
  return (
    <div className={styles.Name}>
      <Field label={t("wizard.nameLabel")} hint={t("wizard.nameHint")} error={error}>
        {(control) => (
          <Input
            {...control}
            data-first={first || undefined}
            value={draft.name}
            onChange={(event) => onChange({ name: event.target.value, named: true })}
            onKeyDown={enter}
            end={error === null && problem === null && <StateBadge view={{ shape: "done", role: "ok", word: t("wizard.nameFree") }} />}
          />
        )}
      </Field>
    </div>
  );
}

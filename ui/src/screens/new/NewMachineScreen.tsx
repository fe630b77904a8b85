import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Wizard, type WizardStepItem } from "@/components/Wizard";
import { Button } from "@/components/Button";
import { toastFailure } from "@/components/Toasts";
import { useBackend } from "@/platform";
import type { Repository } from "@/platform/contract";
import { type Draft, drafts, emptyDraft } from "@/state/draft";
import { toFailure } from "@/state/failure";
import { repositoryQuery } from "@/state/queries";
import { noteOperation } from "@/state/useMachineActions";
import { useKeys } from "@/state/useKeys";
import { useStatus } from "@/state/useStatus";
import { repositoryName } from "@/state/view";
import { begun } from "./begun";
import { ModulesPage } from "./ModulesPage";
import { nameProblem, suggestName } from "./names";
import { RequirementsStep } from "./RequirementsStep";
import { sourceOf } from "./source";
import { SourcePage } from "./SourcePage";

type Step = "source" | "modules" | "requirements" | "build";

export function NewMachineScreen() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const backend = useBackend();
  const client = useQueryClient();
  const search = useSearch({ from: "/new" });
  const { machines } = useStatus();
  const taken = useMemo(() => machines.map((machine) => machine.name), [machines]);

  const [draft, setDraft] = useState<Draft>(() => fromAddress(draftOf(search.operation) ?? drafts.read() ?? emptyDraft, search));
  const [checked, setChecked] = useState(false);
  const [creating, setCreating] = useState(false);
  const [nameError, setNameError] = useState<string | null>(null);
  const step: Step = search.step ?? "source";
  const source = useMemo(() => sourceOf(draft), [draft]);

  // Reading begins when one asks for it, or at once for an address that came from outside.
  const [reading, setReading] = useState(search.read === true || step === "modules");
  const repository = useQuery({ ...repositoryQuery(backend, source ?? { url: "" }), enabled: reading && source !== null });
  const failure = repository.isError ? toFailure(repository.error) : null;

  /** What the modules were chosen from; what the user then changes stays. */
  const preselected = useRef<Repository | undefined>(undefined);
  const change = useCallback((part: Partial<Draft>) => {
    setDraft((old) => ({ ...old, ...part }));
    setNameError(null);
  }, []);
  const changeSource = useCallback(
    (part: Partial<Draft>) => {
      setReading(false);
      setChecked(false);
      preselected.current = undefined;
      change({ ...part, modules: [], nixpkgs: "builtin" });
    },
    [change],
  );
  useEffect(() => {
    const untouched = draft.url === "" && draft.folder === "" && draft.name === "" && draft.kind === "repository";
    // What has been begun is a machine, no draft any more.
    drafts.write(untouched || search.operation !== undefined ? null : draft);
  }, [draft, search.operation]);

  const go = useCallback((next: Step) => void navigate({ to: "/new", search: { step: next === "source" ? "source" : "modules" } }), [navigate]);

  // Once the repository was read: choose what there is no choice about, and go on if that is what the user waits for.
  const found = repository.data;
  const [wanted, setWanted] = useState(search.read === true);
  useEffect(() => {
    if (found === undefined) return;
    if (preselected.current !== found) setDraft((old) => {
      const usable = found.modules.filter((module) => module.error === null);
      const kept = old.modules.filter((attr) => usable.some((module) => module.attr === attr));
      const only = usable.length === 1 ? usable : usable.filter((module) => module.name === "default");
      return {
        ...old,
        modules: kept.length > 0 ? kept : only.map((module) => module.attr),
        nixpkgs: old.nixpkgs === "builtin" && kept.length === 0 && found.nixpkgs.direct ? "module" : old.nixpkgs,
      };
    });
    preselected.current = found;
    if (wanted && found.modules.length > 0) {
      setWanted(false);
      go("modules");
    }
  }, [found, wanted, go]);
  useEffect(() => {
    if (found !== undefined) setDraft((old) => (old.named ? old : { ...old, name: suggestName(repositoryName(found.url), taken) }));
  }, [found, taken]);
  useEffect(() => {
    if (draft.kind === "empty" && !draft.named && draft.name === "") setDraft((old) => ({ ...old, name: suggestName("machine", taken) }));
  }, [draft.kind, draft.named, draft.name, taken]);

  const problem = nameProblem(draft.name, taken);
  const chosen = draft.modules;
  const firstModule = found?.modules.find((module) => module.attr === chosen[0])?.name;

  const create = async () => {
    setCreating(true);
    try {
      const operation = await backend.call("init", {
        name: draft.name,
        source,
        modules: draft.kind === "empty" ? [] : chosen,
        ...(draft.kind === "empty" || draft.nixpkgs === "builtin" || firstModule === undefined ? { nixpkgs: "builtin" } : { nixpkgs: firstModule }),
        start: true,
        askFor: "everything",
      });
      noteOperation(client, operation);
      begun.write({ id: operation.id, draft });
      setCreating(false);
      void navigate({ to: "/new", search: { step: "requirements", operation: operation.id } });
    } catch (thrown) {
      const error = toFailure(thrown);
      if (error.code === "invalid_name" || error.code === "already_exists") setNameError(error.message);
      else toastFailure(t("wizard.createFailed"), thrown);
      setCreating(false);
    }
  };

  const next = () => {
    if (creating || step === "requirements") return;
    setChecked(true);
    if (step === "source") {
      if (draft.kind === "empty") go("modules");
      else if (source === null || (draft.kind === "repository" && draft.follow !== "default" && draft.reference.trim() === "")) return;
      else if (found !== undefined && reading) {
        if (found.modules.length > 0) go("modules");
      } else {
        setWanted(true);
        setReading(true);
        if (repository.isError) void repository.refetch();
      }
      return;
    }
    if (problem === null && (draft.kind === "empty" || chosen.length > 0)) void create();
  };
  useKeys({ "Ctrl+Enter": next });

  const close = () => void navigate({ to: "/" });
  const steps: WizardStepItem<Step>[] = [
    { key: "source", name: t("wizard.source"), note: step === "source" ? undefined : draft.kind === "empty" ? t("wizard.empty") : found === undefined ? undefined : repositoryName(found.url) },
    { key: "modules", name: draft.kind === "empty" ? t("wizard.name") : t("wizard.modules"), note: step === "requirements" ? notesOf(draft, found) : undefined },
    { key: "requirements", name: t("requirements.step") },
    { key: "build", name: t("wizard.build") },
  ];
  if (step === "requirements" && search.operation !== undefined) {
    return (
      <RequirementsStep
        id={search.operation}
        steps={steps}
        current={step}
        onBack={(old) => {
          setDraft(old);
          setReading(true);
          go("modules");
        }}
      />
    );
  }
  const busy = creating ? t("wizard.creating") : reading && repository.isFetching ? t("wizard.reading") : null;
  return (
    <Wizard
      title={t("wizard.title")}
      steps={steps}
      current={step}
      onStep={go}
      note={t("wizard.draft")}
      foot={
        <>
          <span className="sub" role="status">
            {busy ?? (step === "source" ? found !== undefined && reading && t("wizard.modulesFound", { count: found.modules.length }) : draft.kind !== "empty" && t("wizard.chosen", { count: chosen.length }))}
          </span>
          <span className="grow" />
          {step === "source" ? (
            <Button kind="quiet" onClick={close}>
              {t("common.close")}
            </Button>
          ) : (
            <Button icon="chev-l" onClick={() => go("source")}>
              {t("common.back")}
            </Button>
          )}
          <Button kind="primary" kbd={`${t("keys.ctrl")} ${t("keys.enter")}`} onClick={next} disabledReason={busy}>
            {t("common.continue")}
          </Button>
        </>
      }
    >
      {step === "source" ? (
        <SourcePage draft={draft} checked={checked} repository={reading ? found : undefined} failure={reading ? failure : null} reading={reading && repository.isFetching} onChange={changeSource} onEnter={next} onRead={() => void repository.refetch()} />
      ) : (
        <ModulesPage draft={draft} checked={checked} repository={found} problem={problem} nameError={nameError} firstModule={firstModule} failure={failure} onChange={change} onEnter={next} onBack={() => go("source")} />
      )}
    </Wizard>
  );
}

/** What the wizard's operation was begun with. */
function draftOf(operation: string | undefined): Draft | null {
  const now = begun.read();
  return now !== null && now.id === operation ? now.draft : null;
}

/** The chosen modules by name. */
function notesOf(draft: Draft, repository: Repository | undefined): string | undefined {
  const names = repository?.modules.filter((module) => draft.modules.includes(module.attr)).map((module) => module.name) ?? [];
  return names.length === 0 ? undefined : names.join(", ");
}

/** What a link from outside fills in. */
function fromAddress(draft: Draft, search: { url?: string | undefined; kind?: Draft["kind"] | undefined }): Draft {
  if (search.url !== undefined) return { ...emptyDraft, kind: "repository", url: search.url };
  if (search.kind !== undefined) return { ...emptyDraft, kind: search.kind };
  return draft;
}

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { sentence } from "@/components/FailurePanel";
import { Field, Input } from "@/components/Field";
import { CheckList } from "@/components/Option";
import { useBackend } from "@/platform";
import type { MachineStatus } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { repositoryQuery } from "@/state/queries";
import { noteOperation } from "@/state/useMachineActions";
import { moduleOption } from "../new/ModulesPage";

/** Adds modules of another (or the same) repository and rebuilds. */
export function AddModuleDialog({ machine, open, onClose }: { machine: MachineStatus; open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  return (
    <Dialog open={open} onClose={onClose} title={t("machine.addTitle", { name: machine.name })} initialFocus={input} wide>
      <AddModule machine={machine} input={input} onClose={onClose} />
    </Dialog>
  );
}

function AddModule({ machine, input, onClose }: { machine: MachineStatus; input: React.RefObject<HTMLInputElement | null>; onClose: () => void }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [url, setUrl] = useState("");
  const [read, setRead] = useState<string | null>(null);
  const [chosen, setChosen] = useState<string[]>([]);
  const [error, setError] = useState<string | null>(null);
  const [adding, setAdding] = useState(false);
  const repository = useQuery({ ...repositoryQuery(backend, { url: read ?? "" }), enabled: read !== null });
  const offered = read === null ? undefined : repository.data;
  const failure = read !== null && repository.isError ? toFailure(repository.error) : null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (url.trim() === "") return setError(t("wizard.addressMissing"));
    setError(null);
    if (offered === undefined) {
      setRead(url.trim());
      if (repository.isError) void repository.refetch();
      return undefined;
    }
    if (chosen.length === 0) return setError(t("wizard.chooseOne"));
    setAdding(true);
    try {
      const operation = await backend.call("add", { name: machine.name, source: { url: url.trim() }, modules: chosen, askFor: "everything" });
      noteOperation(client, operation);
      onClose();
      void navigate({ to: "/builds/$id", params: { id: operation.id } });
    } catch (thrown) {
      setError(sentence(toFailure(thrown).message));
      setAdding(false);
    }
    return undefined;
  };
  const busy = adding ? t("wizard.creating") : read !== null && repository.isFetching ? t("wizard.reading") : null;
  const have = new Set(machine.modules.filter((module) => module.url === offered?.url).map((module) => module.attr));
  return (
    <form onSubmit={(event) => void submit(event)} noValidate style={{ display: "grid", gap: 16 }}>
      <Field label={t("machine.addText")} error={error ?? (failure === null ? null : sentence(failure.message))}>
        {(control) => (
          <Input
            {...control}
            ref={input}
            mono
            icon="globe"
            placeholder={t("firstRun.placeholder")}
            value={url}
            onChange={(event) => {
              setUrl(event.target.value);
              setRead(null);
              setChosen([]);
              setError(null);
            }}
          />
        )}
      </Field>
      {offered !== undefined && (
        <CheckList
          label={t("machine.modules")}
          chosen={chosen}
          onChange={setChosen}
          options={offered.modules.map(moduleOption(t("wizard.noDescription"))).map((option) => (have.has(option.value) ? { ...option, disabledReason: t("machine.hasModule", { name: machine.name }), failed: false } : option))}
        />
      )}
      <div className="row" style={{ justifyContent: "flex-end" }}>
        <span className="sub grow" role="status">
          {busy}
        </span>
        <Button onClick={onClose}>{t("common.cancel")}</Button>
        <Button kind="primary" type="submit" disabledReason={busy}>
          {offered === undefined ? t("machine.read") : t("machine.addAction", { count: Math.max(1, chosen.length) })}
        </Button>
      </div>
    </form>
  );
}

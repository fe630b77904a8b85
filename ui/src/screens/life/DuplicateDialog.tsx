import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Check } from "@/components/Option";
import { useBackend } from "@/platform";
import type { MachineStatus } from "@/platform/contract";
import { secretsQuery } from "@/state/queries";
import { useStatus } from "@/state/useStatus";
import { suggestName } from "../new/names";
import { NameField, useNewName } from "./NameField";
import { useBegin } from "./useBegin";

export function DuplicateDialog({ machine, onClose }: { machine: MachineStatus; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const backend = useBackend();
  const { name } = machine;
  const taken = useStatus().machines.map((each) => each.name);
  const [newName, setNewName] = useState(() => suggestName(name, taken));
  const [data, setData] = useState(true);
  const [secrets, setSecrets] = useState(false);
  const [checked, setChecked] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  const problem = useNewName(newName);
  const hasSecrets = useQuery(secretsQuery(backend, name)).data?.secrets.some((secret) => secret.set) === true;
  const { busy, error, begin } = useBegin((operation) => {
    onClose();
    void navigate({ to: "/builds/$id", params: { id: operation.id } });
  });
  const save = () => {
    setChecked(true);
    if (problem === null && !busy) void begin((b) => b.call("duplicate", { name, newName, data, secrets, start: true, askFor: "everything" }));
  };
  return (
    <Dialog
      stays
      open
      onClose={onClose}
      title={t("life.duplicateTitle", { name })}
      initialFocus={first}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" disabledReason={busy ? t("life.beginning") : null} onClick={save}>
            {t("life.duplicate")}
          </Button>
        </>
      }
    >
      <p>{t("life.duplicateText", { name })}</p>
      <NameField name={newName} onChange={setNewName} checked={checked} error={error} first={first} onEnter={save} />
      {machine.generation !== null && <Check label={t("life.files")} hint={t("life.filesText")} checked={data} onChange={setData} />}
      {hasSecrets && <Check label={t("life.secrets")} hint={t("life.secretsText")} checked={secrets} onChange={setSecrets} />}
    </Dialog>
  );
}

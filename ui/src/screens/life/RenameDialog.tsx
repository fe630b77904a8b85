import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import type { MachineStatus } from "@/platform/contract";
import { NameField, useNewName } from "./NameField";
import { useBegin } from "./useBegin";

export function RenameDialog({ machine, onClose }: { machine: MachineStatus; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [newName, setNewName] = useState(machine.name);
  const [checked, setChecked] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  const same = newName === machine.name;
  const problem = useNewName(newName, machine.name);
  const { busy, error, begin } = useBegin((operation) => {
    onClose();
    // The page of the old name is gone when it is done.
    void navigate({ to: "/builds/$id", params: { id: operation.id } });
  });
  const save = () => {
    setChecked(true);
    if (!same && problem === null && !busy) void begin((b) => b.call("rename", { name: machine.name, newName }));
  };
  return (
    <Dialog
      stays
      open
      onClose={onClose}
      title={t("life.renameTitle", { name: machine.name })}
      initialFocus={first}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" disabledReason={busy ? t("life.beginning") : same ? t("life.sameName") : null} onClick={save}>
            {t("life.rename")}
          </Button>
        </>
      }
    >
      <p>{t("life.renameText")}</p>
      <NameField name={newName} own={machine.name} onChange={setNewName} checked={checked} error={error} first={first} onEnter={save} />
    </Dialog>
  );
}

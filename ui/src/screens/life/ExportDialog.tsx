import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Field } from "@/components/Field";
import { Check } from "@/components/Option";
import { SecretInput } from "@/components/SecretInput";
import { useBackend } from "@/platform";
import type { MachineStatus } from "@/platform/contract";
import { secretsQuery } from "@/state/queries";
import { isEmpty, noInput } from "@/state/secretValue";
import { useBegin } from "./useBegin";

export function ExportDialog({ machine, onClose }: { machine: MachineStatus; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { name } = machine;
  const [data, setData] = useState(false);
  const [secrets, setSecrets] = useState(false);
  const [passphrase, setPassphrase] = useState(noInput);
  const [again, setAgain] = useState(noInput);
  const [checked, setChecked] = useState(false);
  const hasSecrets = useQuery(secretsQuery(useBackend(), name)).data?.secrets.some((secret) => secret.set) === true;
  const { busy, error, begin } = useBegin((operation) => {
    onClose();
    void navigate({ to: "/builds/$id", params: { id: operation.id } });
  });
  const typed = passphrase.kind === "text" ? passphrase.text : "";
  const differ = secrets && (again.kind !== "text" || again.text !== typed);
  const save = () => {
    setChecked(true);
    if (busy || (secrets && (isEmpty(passphrase) || differ))) return;
    void begin(async (b) => {
      const path = await b.choosePlace(t("life.exportTitle", { name }), `${name}.codchi`);
      return path === null ? null : b.call("export", { name, path, data, ...(secrets ? { passphrase: typed } : {}) });
    });
  };
  return (
    <Dialog
      stays
      open
      onClose={onClose}
      title={t("life.exportTitle", { name })}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" icon="download" disabledReason={busy ? t("life.beginning") : null} onClick={save}>
            {t("life.export")}
          </Button>
        </>
      }
    >
      <p>{t("life.exportText")}</p>
      {machine.generation !== null && <Check label={t("life.exportData")} hint={t("life.exportDataText")} checked={data} onChange={setData} />}
      {hasSecrets && <Check label={t("life.exportSecrets")} hint={t("life.exportSecretsText")} checked={secrets} onChange={setSecrets} />}
      {secrets && (
        <>
          <Field label={t("life.passphrase")} error={checked && isEmpty(passphrase) ? t("life.empty") : null}>
            {(control) => <SecretInput {...control} value={passphrase} onChange={setPassphrase} />}
          </Field>
          <Field label={t("life.again")} error={checked && differ ? t("life.differ") : null}>
            {(control) => <SecretInput {...control} value={again} onChange={setAgain} onEnter={save} />}
          </Field>
        </>
      )}
      {error !== null && <p role="alert">{error}</p>}
    </Dialog>
  );
}

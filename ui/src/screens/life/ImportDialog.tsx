import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Field } from "@/components/Field";
import { SecretInput } from "@/components/SecretInput";
import { useFormat } from "@/i18n/useFormat";
import type { ArchiveContents } from "@/platform/contract";
import { isEmpty, noInput } from "@/state/secretValue";
import { useStatus } from "@/state/useStatus";
import { suggestName } from "../new/names";
import { NameField, useNewName } from "./NameField";
import { useBegin } from "./useBegin";

export function ImportDialog({ path, contents, onClose }: { path: string; contents: ArchiveContents; onClose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const taken = useStatus().machines.map((each) => each.name);
  const [name, setName] = useState(() => suggestName(contents.name, taken));
  const [passphrase, setPassphrase] = useState(noInput);
  const [checked, setChecked] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  const problem = useNewName(name);
  const { busy, error, begin } = useBegin((operation) => {
    onClose();
    void navigate({ to: "/builds/$id", params: { id: operation.id } });
  });
  const save = () => {
    setChecked(true);
    if (problem !== null || busy) return;
    const opens = passphrase.kind === "text" && !isEmpty(passphrase) ? { passphrase: passphrase.text } : {};
    void begin((b) => b.call("import", { path, name, start: true, askFor: "everything", ...opens }));
  };
  return (
    <Dialog
      stays
      open
      onClose={onClose}
      title={t("life.importTitle")}
      initialFocus={first}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button kind="primary" disabledReason={busy ? t("life.beginning") : null} onClick={save}>
            {t("life.import")}
          </Button>
        </>
      }
    >
      <p>{t("life.importText", { name: contents.name })}</p>
      <ul className="sub">
        {contents.modules.map((module) => (
          <li key={module.name} className="mono">
            {module.name} · {module.url}
          </li>
        ))}
        {contents.data !== null && <li>{t("life.importData", { size: format.bytes(contents.data) })}</li>}
      </ul>
      <NameField name={name} onChange={setName} checked={checked} error={error} first={first} onEnter={save} />
      {contents.sealed && (
        <Field label={t("life.passphrase")} hint={t("life.importPassphraseHint")}>
          {(control) => <SecretInput {...control} value={passphrase} onChange={setPassphrase} onEnter={save} />}
        </Field>
      )}
    </Dialog>
  );
}

import type { Ref } from "react";
import { useTranslation } from "react-i18next";
import { Field } from "@/components/Field";
import { Markdown } from "@/components/Markdown";
import { SecretInput } from "@/components/SecretInput";
import type { SecretRequest, StoreStatus } from "@/platform/contract";
import { KeptIn, Place } from "./SecretWords";
import { StoreGate } from "./StoreGate";
import type { useSecretField } from "./useSecretField";

interface Props {
  request: SecretRequest;
  field: ReturnType<typeof useSecretField>;
  store: StoreStatus | undefined;
  onEnter: () => void;
  inputRef?: Ref<HTMLInputElement & HTMLTextAreaElement>;
}

/** One secret with all that its user has to know of it. */
export function SecretForm({ request, field, store, onEnter, inputRef }: Props) {
  const { t } = useTranslation();
  return (
    <>
      {request.description.trim() !== "" && <Markdown text={request.description} />}
      {store !== undefined && store.state !== "ready" && <StoreGate store={store} />}
      <Field label={t("secrets.value")} note={request.env} error={field.error} hint={<Place request={request} />}>
        {(control) => <SecretInput {...control} inputRef={inputRef} first value={field.value} onChange={field.change} fits={field.problem === null && request.pattern !== null} file={request.kind === "file"} onEnter={onEnter} />}
      </Field>
      {(store === undefined || store.state === "ready") && <KeptIn kind={store?.kind ?? "keyring"} />}
    </>
  );
}

import { type ClipboardEvent, type KeyboardEvent, type Ref, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "@/icons/Icon";
import { StateGlyph } from "@/icons/StateGlyph";
import { useFormat } from "@/i18n/useFormat";
import { type SecretInput as Value, inputOfFile, noInput } from "@/state/secretValue";
import { Button, IconButton } from "./Button";
import field from "./Field.module.css";
import styles from "./SecretInput.module.css";

interface Props {
  /** Its label has this with `-l` after it. */
  id: string;
  "aria-describedby"?: string | undefined;
  value: Value;
  onChange: (value: Value) => void;
  invalid: boolean;
  /** Whether it is known to fit. */
  fits?: boolean;
  /** Several lines, and a file can be chosen. */
  file?: boolean;
  placeholder?: string | undefined;
  onEnter?: (() => void) | undefined;
  /** It is the page's first field. */
  first?: boolean;
  inputRef?: Ref<HTMLInputElement & HTMLTextAreaElement> | undefined;
}

/** A field that shows dots until its eye is pressed. It grows to lines when what is pasted has several. */
export function SecretInput({ id, value, onChange, invalid, fits = false, file = false, placeholder, onEnter, first = false, inputRef, ...rest }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const [shown, setShown] = useState(false);
  const [pastedLines, setPastedLines] = useState(false);
  const lines = file || pastedLines;
  const chooser = useRef<HTMLInputElement>(null);

  if (value.kind === "file") {
    return (
      <div className={styles.Chosen} data-invalid={invalid || undefined}>
        <Icon name="page" />
        <span className="truncate fg">{value.name}</span>
        <span className="sub nowrap">{format.bytes(value.size)}</span>
        <span className="grow" />
        <IconButton id={id} aria-labelledby={`${id}-l ${id}`} aria-describedby={rest["aria-describedby"]} icon="x" label={t("secrets.clearFile")} onClick={() => onChange(noInput)} />
      </div>
    );
  }
  const control = {
    id,
    "aria-describedby": rest["aria-describedby"],
    "aria-invalid": invalid || undefined,
    "data-first": first || undefined,
    autoComplete: "off",
    autoCorrect: "off",
    autoCapitalize: "off",
    spellCheck: false,
    value: value.text,
    placeholder,
    onChange: (event: { target: { value: string } }) => onChange({ kind: "text", text: event.target.value }),
  };
  const paste = (event: ClipboardEvent<HTMLInputElement>) => {
    const text = event.clipboardData.getData("text");
    // What is copied from a terminal ends with a line; a field of one line would join the others.
    if (!/\n./.test(text)) return;
    event.preventDefault();
    const { selectionStart, selectionEnd } = event.currentTarget;
    onChange({ kind: "text", text: value.text.slice(0, selectionStart ?? 0) + text + value.text.slice(selectionEnd ?? 0) });
    setPastedLines(true);
  };
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || (lines && !event.ctrlKey) || onEnter === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    onEnter();
  };
  const eye = <IconButton size="sm" icon={shown ? "eye-off" : "eye"} label={shown ? t("secrets.hide") : t("secrets.show")} aria-pressed={shown} onClick={() => setShown(!shown)} />;
  const tick = fits && (
    <span className={styles.Fits} data-state="ok">
      <StateGlyph shape="done" />
      <span className="sr">{t("secrets.fits")}</span>
    </span>
  );
  if (!lines) {
    return (
      <span className={field.Input} data-invalid={invalid || undefined}>
        <input {...control} ref={inputRef} className={field.InputMono} type={shown ? "text" : "password"} onPaste={paste} onKeyDown={enter} />
        {tick}
        {eye}
      </span>
    );
  }
  return (
    <div className={styles.Lines} data-invalid={invalid || undefined}>
      <textarea {...control} ref={inputRef} rows={5} data-masked={!shown || undefined} onKeyDown={enter} />
      <div className={styles.LinesFoot}>
        {file && (
          <>
            <Button size="sm" icon="folder" onClick={() => chooser.current?.click()}>
              {t("secrets.chooseFile")}
            </Button>
            <input
              ref={chooser}
              type="file"
              hidden
              aria-label={t("secrets.chooseFile")}
              onChange={(event) => {
                const [chosen] = event.target.files ?? [];
                event.target.value = "";
                if (chosen !== undefined) void inputOfFile(chosen).then(onChange);
              }}
            />
          </>
        )}
        <span className="grow" />
        {tick}
        {eye}
      </div>
    </div>
  );
}

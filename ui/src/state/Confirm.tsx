import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Check } from "@/components/Option";

export interface Question {
  title: string;
  text: string;
  /** The verb on the button that does it. */
  yes: string;
  no?: string;
  danger?: boolean;
  /** A choice beside the answer. */
  option?: { label: string; hint: string; onChange: (chosen: boolean) => void };
}
type Ask = (question: Question) => Promise<boolean>;

const ConfirmContext = createContext<Ask>(() => Promise.resolve(false));

/** Asks before something that can't be taken back; resolves to whether the user said yes. */
export function useConfirm(): Ask {
  return useContext(ConfirmContext);
}

export function ConfirmProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [question, setQuestion] = useState<Question | null>(null);
  const [chosen, setChosen] = useState(false);
  const [open, setOpen] = useState(false);
  const answer = useRef<(yes: boolean) => void>(() => {});
  const yes = useRef<HTMLButtonElement>(null);
  const no = useRef<HTMLButtonElement>(null);

  const ask = useCallback<Ask>(
    (next) =>
      new Promise((resolve) => {
        answer.current(false);
        answer.current = resolve;
        setQuestion(next);
        setChosen(false);
        setOpen(true);
      }),
    [],
  );
  const close = (result: boolean) => {
    setOpen(false);
    answer.current(result);
  };
  return (
    <ConfirmContext value={ask}>
      {children}
      <Dialog
        alert
        open={open}
        onClose={() => close(false)}
        title={question?.title ?? ""}
        initialFocus={question?.danger === true ? no : yes}
        foot={
          <>
            <Button ref={no} onClick={() => close(false)}>
              {question?.no ?? t("common.cancel")}
            </Button>
            <Button ref={yes} kind={question?.danger === true ? "danger" : "primary"} onClick={() => close(true)}>
              {question?.yes ?? ""}
            </Button>
          </>
        }
      >
        <p>{question?.text}</p>
        {question?.option !== undefined && (
          <Check
            label={question.option.label}
            hint={question.option.hint}
            checked={chosen}
            onChange={(next) => {
              setChosen(next);
              question.option?.onChange(next);
            }}
          />
        )}
      </Dialog>
    </ConfirmContext>
  );
}

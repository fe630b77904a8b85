import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, type RefObject, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { sentence } from "@/components/FailurePanel";
import { StateBadge } from "@/components/StateBadge";
import { useBackend } from "@/platform";
import type { AskedSecret, GivenAnswers } from "@/platform/contract";
import { toFailure } from "@/state/failure";
import { keys } from "@/state/queries";
import { given, nothingGiven } from "@/state/secretValue";
import { noteOperation } from "@/state/useMachineActions";
import { capabilityOf } from "@/state/view";
import { answerLater, useTurn, useWaiting, type Waiting } from "@/state/waiting";
import styles from "./Answer.module.css";
import { allConsents, ConsentList, type Consents } from "./Consent";
import { CheckAgain } from "./CheckAgain";
import { LackList, withoutText } from "./Lacks";
import { SecretForm } from "./SecretForm";
import { type Step, stepsOf } from "./steps";
import { StoreGate, useStoreStatus } from "./StoreGate";
import { useSecretField } from "./useSecretField";

/** Asks for what operations wait for, one machine's after the other, whoever started them. */
export function Answering() {
  const { open, first, again } = useWaiting();
  // Who is being asked stays in front: a dialog that is changed for another, or comes again, would lose what was typed.
  const [current, setCurrent] = useState<Waiting | null>(null);
  const asked = (current === null ? undefined : (open.find(({ machine }) => machine === current.machine) ?? again(current))) ?? first;
  if (asked?.operation.id !== current?.operation.id || asked?.asks !== current?.asks) setCurrent(asked ?? null);
  return asked === undefined ? null : <Asking key={asked.machine} asked={asked} onLater={() => answerLater(asked.operation.id)} />;
}

/** The steps of one machine's operations. An answer counts as given until the operation says otherwise. */
function Asking({ asked, onLater }: { asked: Waiting; onLater: () => void }) {
  const { asks } = asked;
  const [done, setDone] = useState<{ asks: typeof asks; keys: readonly string[]; count: number }>({ asks, keys: [], count: 0 });
  const steps = stepsOf(asks);
  // What was asked anew after it was answered is asked again.
  const answeredKeys = done.asks === asks ? done.keys : done.keys.filter((key) => steps.some((step) => step.key === key));
  const open = steps.filter((step) => !answeredKeys.includes(step.key));
  const step = open[0];
  // Who wants to be asked once more is asked once more.
  const turn = useTurn();
  const [seen, setSeen] = useState(turn);
  if (turn !== seen) {
    setSeen(turn);
    if (step === undefined) setDone({ asks, keys: [], count: 0 });
  }
  if (step === undefined) return null;
  const answered = () => setDone((old) => ({ asks, keys: [...old.keys, step.key], count: old.count + 1 }));
  const total = done.count + open.length;
  const props: StepProps = { asked, onLater, onAnswered: answered, place: total > 1 ? { n: done.count + 1, total } : null };
  return <StepDialog key={step.key} step={step} {...props} />;
}

interface StepProps {
  asked: Waiting;
  onLater: () => void;
  onAnswered: () => void;
  /** Which of how many; null when it is the only one. */
  place: { n: number; total: number } | null;
}

function StepDialog({ step, ...props }: StepProps & { step: Step }) {
  switch (step.kind) {
    case "unlock":
      return <UnlockStep {...props} />;
    case "capabilities":
      return <CapabilityStep {...props} />;
    case "secret":
      return <SecretStep {...props} secret={step.secret} />;
    case "consent":
      return <ConsentStep {...props} />;
  }
}

/** Gives answers and says how that went. */
function useAnswer({ asked, onAnswered }: StepProps) {
  const backend = useBackend();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const answer = async (part: Partial<GivenAnswers>) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      const { operation } = await backend.call("answer", { name: asked.machine, answers: { ...nothingGiven, ...part } });
      if (operation !== null) noteOperation(client, operation);
      void client.invalidateQueries({ queryKey: keys.secrets(asked.machine) });
      onAnswered();
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.code === "store_unavailable") void client.invalidateQueries({ queryKey: keys.store });
      setError([failure.message, ...failure.hints].map(sentence).join(" "));
      setBusy(false);
    }
  };
  return { answer, busy, error };
}

interface FrameProps extends StepProps {
  title: string;
  module?: string | null;
  children: ReactNode;
  error?: string | null;
  /** Instead of "The build waits." */
  note?: ReactNode;
  action: ReactNode;
  focus?: RefObject<HTMLElement | null> | undefined;
}

function Frame({ asked, onLater, place, title, module = null, children, error = null, note, action, focus }: FrameProps) {
  const { t } = useTranslation();
  return (
    <Dialog
      stays
      open
      onClose={onLater}
      title={title}
      initialFocus={focus}
      lead={
        <div className={styles.About}>
          <StateBadge filled view={{ shape: "waiting", role: "wait", word: t("state.waiting") }} />
          <span className={styles.AboutWords} title={asked.machine}>
            {asked.machine}
            {module !== null && (
              <>
                {" · "}
                {t("answer.module")} <span className="fg">{module}</span>
              </>
            )}
          </span>
          {place !== null && <span className={styles.Step}>{t("answer.place", place)}</span>}
        </div>
      }
      foot={
        <>
          <span className={styles.FootNote}>{note ?? t(asked.operation.kind === "start" || asked.operation.kind === "restart" ? "answer.startWaits" : "answer.buildWaits")}</span>
          <Button kbd={t("keys.esc")} onClick={onLater}>
            {t("answer.later")}
          </Button>
          {action}
        </>
      }
    >
      {children}
      <span role="alert" className={error === null ? "sr" : styles.Error}>
        {error}
      </span>
    </Dialog>
  );
}

function SecretStep({ secret, ...props }: StepProps & { secret: AskedSecret }) {
  const { t } = useTranslation();
  const { answer, busy, error } = useAnswer(props);
  const store = useStoreStatus();
  const field = useSecretField(secret.request);
  const input = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const closed = store !== undefined && store.state !== "ready";
  const save = () => {
    if (field.check() && !closed) void answer({ secrets: { [secret.name]: given(field.value) } });
  };
  return (
    <Frame
      {...props}
      title={secret.name}
      module={secret.module}
      error={closed ? null : error}
      focus={input}
      note={
        secret.request.optional ? (
          <Button kind="quiet" disabledReason={busy ? t("secrets.saving") : null} onClick={() => void answer({ later: [secret.name] })}>
            {t("answer.provideLater")}
          </Button>
        ) : undefined
      }
      action={
        <Button kind="primary" kbd={t("keys.enter")} onClick={save} disabledReason={busy ? t("secrets.saving") : closed ? t("store.unlockFirst") : null}>
          {t("answer.save")}
        </Button>
      }
    >
      <SecretForm request={secret.request} field={field} store={store} onEnter={save} inputRef={input} />
    </Frame>
  );
}

function ConsentStep(props: StepProps) {
  const { t } = useTranslation();
  const { answer, busy, error } = useAnswer(props);
  const [consents, setConsents] = useState<Consents>({});
  const { hostSecrets } = props.asked.asks;
  return (
    <Frame
      {...props}
      title={t("consent.title")}
      error={error}
      action={
        <Button kind="primary" disabledReason={busy ? t("secrets.saving") : null} onClick={() => void answer({ hostSecrets: allConsents(hostSecrets, consents) })}>
          {t("common.continue")}
        </Button>
      }
    >
      <p>{t("consent.text")}</p>
      <ConsentList secrets={hostSecrets} consents={consents} onChange={setConsents} />
    </Frame>
  );
}

function CapabilityStep(props: StepProps) {
  const { t } = useTranslation();
  const { answer, busy, error } = useAnswer(props);
  const { capabilities } = props.asked.asks;
  return (
    <Frame
      {...props}
      title={t("lacks.title", { count: capabilities.length })}
      error={error}
      action={
        <>
          <CheckAgain machine={props.asked.machine} />
          <Button kind="primary" disabledReason={busy ? t("secrets.saving") : null} onClick={() => void answer({ without: capabilities.map(capabilityOf) })}>
            {withoutText(t, capabilities)}
          </Button>
        </>
      }
    >
      <p>{t("lacks.text")}</p>
      <div className={styles.Checks}>
        <LackList checks={capabilities} />
      </div>
    </Frame>
  );
}

/** What is kept already can't be read. The operation goes on by itself once it can. */
function UnlockStep(props: StepProps) {
  const { t } = useTranslation();
  const store = useStoreStatus();
  return (
    <Frame {...props} title={t("answer.unlockTitle", { name: props.asked.machine })} action={null}>
      <p>{t("answer.unlockText")}</p>
      {store !== undefined && <StoreGate store={store.state === "ready" ? { ...store, state: "locked" } : store} onReady={props.onAnswered} />}
    </Frame>
  );
}

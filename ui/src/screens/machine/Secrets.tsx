import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "@/components/Button";
import { FailurePanel } from "@/components/FailurePanel";
import { Menu } from "@/components/Menu";
import { Check } from "@/components/Option";
import { EmptyState, PageBody, Panel, PanelBody, Skeleton } from "@/components/Page";
import { StateBadge } from "@/components/StateBadge";
import { Tag } from "@/components/Tag";
import { toastDone, toastFailure } from "@/components/Toasts";
import { StateGlyph } from "@/icons/StateGlyph";
import { useFormat } from "@/i18n/useFormat";
import { useBackend } from "@/platform";
import type { Answered, HostSecret, SecretList, SecretStatus } from "@/platform/contract";
import { useConfirm } from "@/state/Confirm";
import { toFailure } from "@/state/failure";
import { keys, secretsQuery } from "@/state/queries";
import { nothingGiven } from "@/state/secretValue";
import { noteOperation } from "@/state/useMachineActions";
import { useNow } from "@/state/useNow";
import { StoreGate, useStoreStatus } from "../answer/StoreGate";
import machineStyles from "./Machine.module.css";
import { RevealDialog } from "./RevealDialog";
import { SecretDialog } from "./SecretDialog";
import styles from "./Secrets.module.css";
import { useMachine } from "./MachineScreen";

/** The page of a machine's secrets: what its modules ask for, what of it is set, and which of the user's own it may use. */
export function Secrets() {
  const { machine, name } = useMachine();
  const { t } = useTranslation();
  const query = useQuery({ ...secretsQuery(useBackend(), name), refetchOnMount: "always", enabled: machine !== undefined });
  const store = useStoreStatus();
  let body: ReactNode;
  if (query.isError) body = <FailurePanel title={t("secrets.failed")} failure={toFailure(query.error)} onRetry={() => void query.refetch()} />;
  else if (query.data === undefined) {
    body = (
      <Panel title={t("secrets.title")}>
        <div className={machineStyles.PanelSkeleton} role="status" aria-label={t("common.loading")}>
          <Skeleton width="42%" />
          <Skeleton width="56%" />
        </div>
      </Panel>
    );
  } else if (query.data.secrets.length + query.data.hostSecrets.length === 0) body = <EmptyState title={t("secrets.none", { name })}>{t("secrets.noneText")}</EmptyState>;
  else {
    body = (
      <>
        {store !== undefined && store.state !== "ready" && <StoreGate store={store} />}
        <Lists machine={name} list={query.data} />
      </>
    );
  }
  return <PageBody className={machineStyles.Single}>{body}</PageBody>;
}

type Shown = { secret: SecretStatus; what: "set" | "reveal" } | null;

/** Says what became of a change, and reads the list again. */
export function useChanged(machine: string): (answered: Answered, said: string) => void {
  const { t } = useTranslation();
  const client = useQueryClient();
  return ({ operation, delivered }, said) => {
    if (operation !== null) noteOperation(client, operation);
    void client.invalidateQueries({ queryKey: keys.secrets(machine) });
    toastDone(delivered ? t("secrets.deliveredNow", { said, name: machine }) : said);
  };
}

function Lists({ machine, list }: { machine: string; list: SecretList }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState<Shown>(null);
  const set = list.secrets.filter((secret) => secret.set).length;
  const close = () => setShown(null);
  return (
    <>
      {list.secrets.length > 0 && (
        <Panel title={t("secrets.title")} note={t("secrets.setOf", { set, count: list.secrets.length })}>
          <ul aria-label={t("secrets.title")}>
            {list.secrets.map((secret) => (
              <SecretRow key={secret.name} machine={machine} secret={secret} onShow={(what) => setShown({ secret, what })} />
            ))}
          </ul>
        </Panel>
      )}
      {list.hostSecrets.length > 0 && <HostSecrets machine={machine} list={list} />}
      {shown?.what === "set" && <SecretDialog machine={machine} secret={shown.secret} onClose={close} />}
      {shown?.what === "reveal" && <RevealDialog machine={machine} secret={shown.secret} onClose={close} />}
    </>
  );
}

function SecretRow({ machine, secret, onShow }: { machine: string; secret: SecretStatus; onShow: (what: "set" | "reveal") => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const backend = useBackend();
  const confirm = useConfirm();
  const client = useQueryClient();
  const changed = useChanged(machine);
  const { name, set, optional, module, request } = secret;
  const failed = (thrown: unknown) => {
    if (toFailure(thrown).code === "store_unavailable") void client.invalidateQueries({ queryKey: keys.store });
    toastFailure(t("secrets.changeFailed", { name }), thrown);
  };
  const unset = async () => {
    if (!(await confirm({ title: t("secrets.unsetTitle", { name }), text: t(optional ? "secrets.unsetTextOptional" : "secrets.unsetText", { machine }), yes: t("secrets.unset"), danger: true }))) return;
    await backend.call("secret_unset", { name: machine, secret: name }).then((answered) => changed(answered, t("secrets.unsetDone", { name })), failed);
  };
  const reveal = async () => {
    if (await confirm({ title: t("secrets.revealTitle", { name }), text: t("secrets.revealText"), yes: t("secrets.reveal") })) onShow("reveal");
  };
  const copy = () => void backend.copySecret(machine, name).then(() => toastDone(t("secrets.copied", { name })), failed);
  const place = request.kind === "env" ? request.env : request.path;
  const role = set ? "ok" : optional ? "off" : "wait";
  const word = set ? t("secrets.set") : optional ? t("secrets.unsetState") : t("secrets.missing");
  return (
    <li className={styles.Row} data-state={role}>
      <StateGlyph shape={set ? "done" : optional ? "stopped" : "waiting"} />
      <div className={styles.Words}>
        <div className={styles.Name}>
          <span className="truncate" title={name}>
            {name}
          </span>
          {optional && <Tag>{t("secrets.optional")}</Tag>}
        </div>
        <div className={`${styles.Sub} truncate`} title={place ?? undefined}>
          <span className="mono">{place}</span>
          {module !== null && ` · ${t("secrets.usedBy", { module })}`}
        </div>
      </div>
      <div className={styles.State}>
        <span className={styles.Word}>{word}</span>
        <span className={styles.Sub}>{secret.changed === null ? "" : t("secrets.changed", { ago: format.ago(secret.changed, now) })}</span>
      </div>
      <div className={styles.Actions}>
        <Button size="sm" aria-label={t(set ? "secrets.replaceNamed" : "secrets.setNamed", { name })} onClick={() => onShow("set")}>
          {set ? t("secrets.replace") : t("secrets.setAction")}
        </Button>
        <IconButton icon="copy" label={t("secrets.copy", { name })} disabledReason={set ? null : t("secrets.notSet")} onClick={copy} />
        <Menu
          trigger={<IconButton icon="more" label={t("secrets.more", { name })} />}
          groups={[
            [{ key: "reveal", label: t("secrets.revealMenu"), icon: "eye", disabledReason: set ? null : t("secrets.notSet"), onSelect: () => void reveal() }],
            [{ key: "unset", label: t("secrets.unsetMenu"), icon: "trash", disabledReason: set ? null : t("secrets.notSet"), onSelect: () => void unset() }],
          ]}
        />
      </div>
    </li>
  );
}

/** Which of the user's own secrets the machine may use. */
function HostSecrets({ machine, list }: { machine: string; list: SecretList }) {
  const { t } = useTranslation();
  const backend = useBackend();
  const client = useQueryClient();
  const changed = useChanged(machine);
  const allow = (secret: HostSecret, allowed: boolean) => {
    client.setQueryData(keys.secrets(machine), { ...list, hostSecrets: list.hostSecrets.map((each) => (each.secret === secret ? { secret, allowed } : each)) });
    backend.call("answer", { name: machine, answers: { ...nothingGiven, hostSecrets: { [secret]: allowed } } }).then(
      (answered) => changed(answered, t(allowed ? "consent.allowed" : "consent.refused", { what: t(`consent.names.${secret}`) })),
      (thrown: unknown) => {
        client.setQueryData(keys.secrets(machine), list);
        toastFailure(t("secrets.changeFailed", { name: t(`consent.names.${secret}`) }), thrown);
      },
    );
  };
  return (
    <Panel title={t("consent.title")}>
      <PanelBody>
        <ul className={styles.Host}>
          {list.hostSecrets.map(({ secret, allowed }) => (
            <li key={secret} className={styles.HostRow}>
              <Check label={t(`consent.names.${secret}`)} hint={t(`consent.texts.${secret}`)} checked={allowed === true} onChange={(next) => allow(secret, next)} />
              {allowed === null && <StateBadge view={{ shape: "waiting", role: "wait", word: t("consent.notAnswered") }} />}
            </li>
          ))}
        </ul>
      </PanelBody>
    </Panel>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { TFunction } from "i18next";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { CheckRow } from "@/components/CheckRow";
import { sentence } from "@/components/FailurePanel";
import { Field, Input } from "@/components/Field";
import { Page, Panel } from "@/components/Page";
import { Mark } from "@/icons/Mark";
import { useBackend } from "@/platform";
import type { Check, EngineStatus, Failure, Operation } from "@/platform/contract";
import { doctorQuery, samplesQuery } from "@/state/queries";
import { checkText, checkTitle, checkView, engineName, isWorking, operationPart } from "@/state/view";
import { FixDetail } from "../doctor/FixDetail";
import styles from "./FirstRun.module.css";
import { usePrepared } from "./usePrepared";

/** What somebody sees who has no machine yet: the one field that begins everything, and whether this computer is ready. */
export function FirstRun({ engine }: { engine: EngineStatus }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [url, setUrl] = useState("");
  const [error, setError] = useState<string | null>(null);
  const samples = useQuery(samplesQuery(useBackend())).data ?? [];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (url.trim() === "") setError(t("wizard.addressMissing"));
    else void navigate({ to: "/new", search: { url: url.trim(), read: true } });
  };
  const sample = samples[0];
  return (
    <Page>
      <div className={styles.FirstRun}>
        <div className={styles.FirstRunBody}>
          <header>
            <span className={styles.FirstRunMark}>
              <Mark size={40} twoColour />
            </span>
            <h1>{t("firstRun.title")}</h1>
            <p>{t("firstRun.text")}</p>
          </header>
          <form onSubmit={submit} noValidate>
            <Field label={t("firstRun.address")} error={error}>
              {(control) => (
                <div className="row">
                  <span className="grow">
                    <Input
                      {...control}
                      // oxlint-disable-next-line jsx-a11y/no-autofocus -- the page has one purpose
                      autoFocus
                      size="lg"
                      icon="link"
                      type="url"
                      inputMode="url"
                      placeholder={t("firstRun.placeholder")}
                      value={url}
                      onChange={(event) => {
                        setUrl(event.target.value);
                        setError(null);
                      }}
                    />
                  </span>
                  <Button kind="primary" type="submit" kbd={t("keys.enter")} className={styles.FirstRunGo}>
                    {t("common.continue")}
                  </Button>
                </div>
              )}
            </Field>
            <p className={styles.FirstRunLinks}>
              <Link to="/new" search={{ kind: "local" }}>
                {t("firstRun.localCheckout")}
              </Link>
              <Link to="/new" search={{ kind: "empty" }}>
                {t("firstRun.empty")}
              </Link>
              {sample !== undefined && (
                <Link to="/new" search={{ url: sample.url, read: true }}>
                  {t("firstRun.example")}
                </Link>
              )}
            </p>
          </form>
          <Readiness engine={engine} />
        </div>
      </div>
    </Page>
  );
}

function Readiness({ engine }: { engine: EngineStatus }) {
  const { t } = useTranslation();
  const doctor = useQuery(doctorQuery(useBackend()));
  const checks = doctor.data?.checks;
  const engineCheck = checks?.find((check) => check.id === "engine");
  const daemon = checks?.find((check) => check.id === "nix-daemon");
  // The one thing to do now; what comes after it is said then.
  const broken = checks?.find((check) => check.group === "engine" && check.state === "fail" && check.fix !== null);
  const set = engine.available && broken === undefined;
  // Nothing is installed into an engine of which it isn't known whether it is set up.
  const { operation, failure } = usePrepared(engine, set && !doctor.isFetching);
  const name = engineName(t, engine);
  const working = operation !== undefined && isWorking(operation);
  const ready = set && engine.controller === "running" && !working;
  return (
    <Panel label={t("firstRun.getting")} title={ready ? t("firstRun.ready") : t("firstRun.getting")} actions={<span className={styles.FirstRunNote}>{ready ? undefined : t("firstRun.gettingNote")}</span>}>
      <ul>
        {set ? (
          <CheckRow id="engine" view={{ shape: "done", role: "ok", word: t("firstRun.connected") }} title={name} end={<span className={styles.FirstRunNote}>{engineCheck?.evidence}</span>} />
        ) : broken !== undefined ? (
          <CheckRow key={broken.id} id={broken.id} view={{ shape: "failed", role: "fail", word: t("firstRun.toDo") }} title={checkTitle(t, broken)} text={checkText(broken)} evidence={broken.evidence} fix={<FixDetail check={broken} />} opened />
        ) : (
          <CheckRow id="engine" view={{ shape: "failed", role: "fail", word: t("doctor.words.fail") }} title={name} text={sentence(engine.problem?.message ?? t("engine.offline", { engine: name }))} end={<DoctorLink />} />
        )}
        <CheckRow id="controller" {...controllerRow(t, engine, set, operation, failure)} />
        <CheckRow id="nix-daemon" {...daemonRow(t, ready, daemon)} />
      </ul>
    </Panel>
  );
}

function controllerRow(t: TFunction, engine: EngineStatus, set: boolean, operation: Operation | undefined, failure: Failure | null) {
  const title = t("doctor.titles.controller");
  if (failure !== null) {
    return { title, view: { shape: "failed" as const, role: "fail" as const, word: t("doctor.words.fail") }, text: sentence(failure.message), end: operation === undefined ? <DoctorLink /> : <BuildLink id={operation.id} /> };
  }
  if (operation !== undefined && isWorking(operation)) {
    return { title, view: { shape: "building" as const, role: "busy" as const, word: t("firstRun.installing"), part: operationPart(operation) }, text: operation.headline ?? undefined, end: <BuildLink id={operation.id} /> };
  }
  if (engine.controller === "running" || operation?.state === "succeeded") return { title, view: { shape: "done" as const, role: "ok" as const, word: t("state.running") } };
  if (!set) return { title, view: { shape: "planned" as const, role: "off" as const, word: t("firstRun.afterThat") } };
  return { title, view: { shape: "starting" as const, role: "busy" as const, word: t("state.starting") } };
}

function daemonRow(t: TFunction, ready: boolean, check: Check | undefined) {
  const title = t("doctor.titles.nix-daemon");
  if (!ready) return { title, view: { shape: "planned" as const, role: "off" as const, word: t("firstRun.afterThat") } };
  if (check === undefined || check.state === "unknown") return { title, view: { shape: "starting" as const, role: "busy" as const, word: t("doctor.checking") } };
  return { title, view: checkView(t, check), text: check.state === "ok" ? undefined : checkText(check), end: check.state === "fail" ? <DoctorLink /> : undefined };
}

function BuildLink({ id }: { id: string }) {
  const { t } = useTranslation();
  return (
    <Link to="/builds/$id" params={{ id }} className={styles.FirstRunNote}>
      {t("common.details")}
    </Link>
  );
}

function DoctorLink() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  return (
    <Button size="sm" onClick={() => void navigate({ to: "/doctor" })}>
      {t("engine.openDoctor")}
    </Button>
  );
}

import { Dialog } from "@base-ui/react/dialog";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Kbd, KeyHint } from "@/components/Kbd";
import { StatusBar } from "@/components/Page";
import { Icon, type IconName } from "@/icons/Icon";
import { StateGlyph } from "@/icons/StateGlyph";
import type { MachineStatus } from "@/platform/contract";
import { machineCan, offersStop } from "@/state/can";
import { useImport } from "@/state/useImport";
import { useMachineActions } from "@/state/useMachineActions";
import { useStatus } from "@/state/useStatus";
import { machineView, type StateView } from "@/state/view";
import styles from "./CommandPalette.module.css";
import { pages } from "./pages";

interface Entry {
  key: string;
  text: string;
  icon?: IconName;
  view?: StateView;
  note?: string | undefined;
  kbd?: string;
  disabledReason?: string | null;
  run: () => void;
  machine?: MachineStatus;
}
interface Group { title: string; entries: Entry[] }

/** How well `query` describes `text`: from the beginning, at a word, anywhere; null when not at all. */
export function match(text: string, query: string): { at: number; rank: number } | null {
  if (query === "") return { at: -1, rank: 0 };
  const at = text.toLowerCase().indexOf(query.toLowerCase());
  if (at === -1) return null;
  return { at, rank: at === 0 ? 0 : /[-_. /]/.test(text[at - 1] ?? "") ? 1 : 2 };
}

const MACHINES_SHOWN = 8;

function useGroups(query: string, only: MachineStatus | null, close: () => void): { groups: Group[]; total: number } {
  const { t } = useTranslation();
  const { machines, engine } = useStatus();
  const navigate = useNavigate();
  const actions = useMachineActions();
  const importMachine = useImport();
  return useMemo(() => {
    const then = (run: () => void) => () => {
      close();
      run();
    };
    const found = machines
      .map((machine) => ({ machine, match: match(machine.name, query) }))
      .filter((each) => each.match !== null)
      .toSorted((a, b) => (a.match?.rank ?? 0) - (b.match?.rank ?? 0) || a.machine.name.localeCompare(b.machine.name))
      .map((each) => each.machine);
    const best = only ?? (query === "" ? undefined : found[0]);
    const machineEntries: Entry[] = (only === null ? found.slice(0, MACHINES_SHOWN) : []).map((machine) => {
      const view = machineView(t, machine, engine);
      return { key: `m-${machine.name}`, text: machine.name, view, note: view.word, machine, run: then(() => void navigate({ to: "/machines/$name", params: { name: machine.name } })) };
    });
    const actionsOn = (machine: MachineStatus): Entry[] => {
      if (engine === undefined) return [];
      const can = machineCan(t, machine, engine);
      return [
        { key: "shell", text: t("actions.openTerminal"), icon: "terminal", kbd: "T", disabledReason: can.exec(), run: then(() => void actions.openTerminal(machine)) },
        offersStop(machine)
          ? { key: "stop", text: t("actions.stop"), icon: "stop", kbd: "S", disabledReason: can.stop(), run: then(() => void actions.stop(machine)) }
          : { key: "start", text: t("actions.start"), icon: "play", kbd: "S", disabledReason: can.start(), run: then(() => void actions.start(machine)) },
        { key: "restart", text: t("actions.restart"), icon: "rebuild", disabledReason: can.restart(), run: then(() => void actions.restart(machine)) },
        { key: "rebuild", text: t("actions.rebuild"), icon: "rebuild", kbd: "R", disabledReason: can.rebuild(), run: then(() => void actions.rebuild(machine)) },
        { key: "delete", text: t("actions.delete"), icon: "trash", disabledReason: can.delete(), run: then(() => void actions.delete(machine)) },
        { key: "modules", text: t("palette.modulesOf", { name: machine.name }), icon: "package", run: then(() => void navigate({ to: "/machines/$name/modules", params: { name: machine.name } })) },
        { key: "builds-of", text: t("palette.buildsOf", { name: machine.name }), icon: "builds", run: then(() => void navigate({ to: "/machines/$name/builds", params: { name: machine.name } })) },
      ];
    };
    const onBest = best === undefined ? [] : actionsOn(best);
    const everywhere: Entry[] = [
      { key: "new", text: t("machines.new"), icon: "plus" as const, kbd: `${t("keys.ctrl")} N`, run: then(() => void navigate({ to: "/new" })) },
      { key: "import", text: t("actions.import"), icon: "up" as const, run: then(() => void importMachine()) },
      ...pages.map((page, index) => ({ key: page.key, text: t(`nav.${page.key}`), icon: page.icon, kbd: `${t("keys.ctrl")} ${index + 1}`, run: then(() => void navigate({ to: page.to })) })),
    ];
    const goTo = only === null ? everywhere.filter((entry) => match(entry.text, query) !== null) : [];
    const keep = (entry: Entry) => only === null || match(entry.text, query) !== null;
    const groups = [
      { title: t("palette.machines"), entries: machineEntries },
      { title: best === undefined ? "" : t("palette.actionsOn", { name: best.name }), entries: onBest.filter(keep) },
      { title: t("palette.goTo"), entries: goTo },
    ].filter((group) => group.entries.length > 0);
    const [any] = machines;
    const total = only !== null ? onBest.length : everywhere.length + machines.length * (1 + (any === undefined ? 0 : actionsOn(any).length));
    return { groups, total };
  }, [t, machines, engine, navigate, actions, importMachine, query, only, close]);
}

export function CommandPalette({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  // Each opening begins afresh, also one that comes before the last one has faded.
  const [was, setWas] = useState({ open, opened: 0 });
  if (was.open !== open) setWas({ open, opened: was.opened + (open ? 1 : 0) });
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className={styles.Scrim} />
        <Dialog.Viewport className={styles.Viewport}>
          <Dialog.Popup className={styles.CommandPalette} data-covers aria-label={t("palette.title")} initialFocus={input}>
            <Palette key={was.opened} input={input} onClose={onClose} />
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Palette({ input, onClose }: { input: React.RefObject<HTMLInputElement | null>; onClose: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const [query, setQuery] = useState("");
  const [only, setOnly] = useState<MachineStatus | null>(null);
  const [at, setAt] = useState(0);
  const { groups, total } = useGroups(query, only, onClose);
  const entries = groups.flatMap((group) => group.entries);
  const current = entries[Math.min(at, entries.length - 1)];

  useEffect(() => input.current?.focus(), [input]);

  const press = (event: KeyboardEvent) => {
    const move: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 8, PageUp: at - 8, Home: 0, End: entries.length - 1 };
    const to = move[event.key];
    if (to !== undefined) {
      event.preventDefault();
      const next = event.key.startsWith("Arrow") ? (to + entries.length) % Math.max(1, entries.length) : Math.min(Math.max(to, 0), entries.length - 1);
      setAt(next);
      document.getElementById(`${id}-${entries[next]?.key}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && (current?.disabledReason ?? null) === null) {
      event.preventDefault();
      current?.run();
    } else if (event.key === "Tab" && current?.machine !== undefined) {
      event.preventDefault();
      setOnly(current.machine);
      setQuery("");
      setAt(0);
    } else if (event.key === "Backspace" && query === "" && only !== null) {
      setOnly(null);
    }
  };

  return (
    <>
      <div className={styles.PaletteInput}>
        <Icon name="search" />
        {only !== null && <span className={styles.PaletteOnly}>{only.name}</span>}
        <input
          ref={input}
          role="combobox"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={current === undefined ? undefined : `${id}-${current.key}`}
          aria-autocomplete="list"
          aria-label={t("palette.label")}
          placeholder={t("palette.label")}
          autoComplete="off"
          spellCheck={false}
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setAt(0);
          }}
          onKeyDown={press}
        />
        <span className="sub" role="status">
          {t("palette.count", { n: entries.length, total })}
        </span>
      </div>
      <div className={styles.PaletteList} id={`${id}-list`} role="listbox" aria-label={t("palette.results")} tabIndex={-1}>
        {groups.map((group) => (
          <div key={group.title} role="group" aria-label={group.title}>
            <div className={styles.PaletteHeading} aria-hidden="true">
              {group.title}
            </div>
            {group.entries.map((entry) => {
              const reason = entry.disabledReason ?? null;
              return (
                // The input keeps the focus and the keys.
                // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
                <div
                  key={entry.key}
                  id={`${id}-${entry.key}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={entry === current}
                  aria-disabled={reason !== null || undefined}
                  className={styles.PaletteItem}
                  onPointerMove={() => setAt(entries.indexOf(entry))}
                  onClick={() => reason === null && entry.run()}
                >
                  <span className={styles.PaletteIcon} data-state={entry.view?.role}>
                    {entry.view !== undefined ? <StateGlyph shape={entry.view.shape} part={entry.view.part} /> : entry.icon !== undefined && <Icon name={entry.icon} />}
                  </span>
                  <span className="truncate">{highlighted(entry.text, entry.machine === undefined ? "" : query)}</span>
                  <span className={styles.PaletteNote}>
                    {reason ?? entry.note}
                    {reason === null && entry.kbd !== undefined && <Kbd>{entry.kbd}</Kbd>}
                  </span>
                </div>
              );
            })}
          </div>
        ))}
        {entries.length === 0 && <p className={styles.PaletteNone}>{t("palette.none", { query })}</p>}
      </div>
      <StatusBar>
        <KeyHint keys={["↑", "↓"]}>{t("keys.select")}</KeyHint>
        <KeyHint keys={["↵"]}>{t("keys.run")}</KeyHint>
        <KeyHint keys={["Tab"]}>{t("keys.narrow")}</KeyHint>
        <span className="grow" />
        <KeyHint keys={["Esc"]}>{t("keys.close")}</KeyHint>
      </StatusBar>
    </>
  );
}

function highlighted(text: string, query: string): ReactNode {
  const found = match(text, query);
  if (found === null || found.at < 0) return text;
  return (
    <>
      {text.slice(0, found.at)}
      <b>{text.slice(found.at, found.at + query.length)}</b>
      {text.slice(found.at + query.length)}
    </>
  );
}

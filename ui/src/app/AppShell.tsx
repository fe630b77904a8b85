import { Outlet, useNavigate, useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { LifeContext, type LifeQuestion } from "@/state/life";
import { useKeys } from "@/state/useKeys";
import styles from "./AppShell.module.css";
import { Sidebar } from "./Sidebar";
import { TopBar } from "./TopBar";
import { useRest } from "./later";
import { pages } from "./pages";

/** Sidebar, top bar, the page, and what floats over all pages. */
export function AppShell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const router = useRouter();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const [life, setLife] = useState<LifeQuestion | null>(null);
  const wanted = palette || help || life !== null;
  const rest = useRest(wanted);
  const shell = useRef<HTMLDivElement>(null);

  /** F6: the first thing that takes focus in the next region. */
  const nextRegion = () => {
    const regions = [...(shell.current?.querySelectorAll<HTMLElement>("[data-region]") ?? [])];
    const here = regions.findLastIndex((region) => region.contains(document.activeElement));
    for (let step = 1; step <= regions.length; step += 1) {
      const region = regions[(here + step) % regions.length];
      const target = region?.querySelector<HTMLElement>('[tabindex="0"], a[href], button, input');
      if (target !== null && target !== undefined) {
        target.focus();
        return;
      }
    }
  };

  useKeys({
    "Ctrl+K": () => setPalette(true),
    "Ctrl+N": () => void navigate({ to: "/new" }),
    ...Object.fromEntries(pages.map((page, index) => [`Ctrl+${index + 1}`, () => void navigate({ to: page.to })])),
    "Alt+ArrowLeft": () => router.history.back(),
    "Alt+ArrowRight": () => router.history.forward(),
    F6: nextRegion,
    "?": () => setHelp(true),
    "Shift+?": () => setHelp(true),
  });

  // The webview's own menu (Reload, Inspect …) has no place in an application; text fields and selected text keep theirs.
  useEffect(() => {
    const block = (event: MouseEvent) => {
      const selecting = (getSelection()?.toString() ?? "") !== "";
      if (!import.meta.env.DEV && !selecting && !(event.target instanceof HTMLInputElement)) event.preventDefault();
    };
    window.addEventListener("contextmenu", block);
    return () => window.removeEventListener("contextmenu", block);
  }, []);

  return (
    <LifeContext value={setLife}>
      {/* What is typed for a dialog that isn't there yet must not start, stop or delete anything. */}
      <div ref={shell} className={styles.AppShell} onKeyDownCapture={wanted && rest === null ? (event) => event.stopPropagation() : undefined}>
        <Sidebar />
        <main className={styles.Main} aria-label={t("app.main")}>
          <TopBar onCommand={() => setPalette(true)} />
          <Outlet />
        </main>
        {rest !== null && (
          <>
            <rest.CommandPalette open={palette} onClose={() => setPalette(false)} />
            <rest.Answering />
            <rest.HelpDialog open={help} onClose={() => setHelp(false)} />
            {life !== null && <rest.LifeDialog question={life} onClose={() => setLife(null)} />}
          </>
        )}
      </div>
    </LifeContext>
  );
}

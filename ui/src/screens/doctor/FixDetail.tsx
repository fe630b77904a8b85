import { useTranslation } from "react-i18next";
import { CommandPreview } from "@/components/CommandPreview";
import type { Check } from "@/platform/contract";

/** A command as one would type it in a shell. */
export function commandLine(argv: string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}

/** The exact commands that mend a check. */
export function FixDetail({ check }: { check: Check }) {
  const { t } = useTranslation();
  return (
    <>
      {check.fix?.commands.map((argv) => {
        const line = commandLine(check.fix?.elevates === true && argv[0] !== "sudo" ? ["sudo", ...argv] : argv);
        return <CommandPreview key={line} text={line} />;
      })}
      <p className="sub">{t("doctor.fixText")}</p>
    </>
  );
}

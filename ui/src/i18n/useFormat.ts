import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import * as format from "./format";

/** The functions of `format.ts`, bound to the current language. */
export function useFormat() {
  const { t, i18n } = useTranslation();
  const language = format.localeOf(i18n.language);
  return useMemo(
    () => ({
      duration: (ms: number) => format.duration(t, ms),
      age: (ms: number) => format.age(t, ms),
      ago: (then: string | number, now: number) => format.ago(t, then, now),
      stopwatch: format.stopwatch,
      phaseTime: (ms: number) => format.phaseTime(t, ms),
      bytes: (value: number) => format.bytes(t, language, value),
      bytesOf: (done: number, total: number) => format.bytesOf(t, language, done, total),
      clock: (then: string | number) => format.clock(language, then),
      dayAndTime: (then: string, now: number) => format.dayAndTime(t, language, then, now),
      number: (value: number) => new Intl.NumberFormat(language).format(value),
    }),
    [t, language],
  );
}

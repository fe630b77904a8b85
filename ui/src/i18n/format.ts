/**
 * Durations, ages, sizes and clock times as people read them, in the current language. Words come from the catalogue, numbers from
 * the locale.
 */
import type { TFunction } from "i18next";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Unit = "s" | "min" | "h" | "d" | "wk" | "mo" | "y";

/** The largest unit and, where it says more, the next one: "3 h 12 min", "41 min", "6 d 4 h". Milliseconds in. */
export function duration(t: TFunction, ms: number): string {
  const say = (n: number, unit: Unit) => t(`units.${unit}`, { n });
  const value = Math.max(0, ms);
  if (value < MINUTE) return say(Math.floor(value / SECOND), "s");
  if (value < HOUR) return say(Math.floor(value / MINUTE), "min");
  if (value < DAY) return two(say, value, HOUR, "h", MINUTE, "min");
  return two(say, value, DAY, "d", HOUR, "h");
}

function two(say: (n: number, unit: Unit) => string, value: number, big: number, bigUnit: Unit, small: number, smallUnit: Unit): string {
  const first = Math.floor(value / big);
  const second = Math.floor((value % big) / small);
  return second === 0 ? say(first, bigUnit) : `${say(first, bigUnit)} ${say(second, smallUnit)}`;
}

/** One unit, as short as can be: "2 d", "5 mo". */
export function age(t: TFunction, ms: number): string {
  const value = Math.max(0, ms);
  const steps: [number, Unit, number][] = [
    [MINUTE, "s", SECOND], [HOUR, "min", MINUTE], [DAY, "h", HOUR], [21 * DAY, "d", DAY], [60 * DAY, "wk", 7 * DAY], [720 * DAY, "mo", 30 * DAY],
  ];
  for (const [below, unit, size] of steps) if (value < below) return t(`units.${unit}`, { n: Math.floor(value / size) });
  return t("units.y", { n: Math.floor(value / (365 * DAY)) });
}

/** "2 d ago", and "just now" within ten seconds. */
export function ago(t: TFunction, then: string | number, now: number): string {
  const ms = now - (typeof then === "number" ? then : Date.parse(then));
  return ms < 10 * SECOND ? t("units.justNow") : t("units.ago", { time: age(t, ms) });
}

/** A stop watch: "1:24", "2:03:09". */
export function stopwatch(ms: number): string {
  const total = Math.max(0, Math.floor(ms / SECOND));
  const pad = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(total % 60)}` : `${minutes}:${pad(total % 60)}`;
}

/** Short phases in words ("4 s"), long ones like a stop watch ("1:17"). */
export function phaseTime(t: TFunction, ms: number): string {
  return ms < MINUTE ? t("units.s", { n: Math.floor(Math.max(0, ms) / SECOND) }) : stopwatch(ms);
}

/** The system's own flavour of a language, such as `en-GB` for `en`: it decides how times and dates are written. */
export function localeOf(language: string, wanted: readonly string[] = navigator.languages): string {
  return wanted.find((tag) => tag.split("-")[0] === language) ?? language;
}

function digits(language: string, value: number, maximumFractionDigits: number): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits }).format(value);
}

/** Decimal units, one digit below ten: "61 MB", "4.4 GB". */
export function bytes(t: TFunction, language: string, value: number): string {
  const units = ["B", "kB", "MB", "GB"] as const;
  let scaled = value;
  let unit = 0;
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return t(`units.${units[unit] ?? "B"}`, { n: digits(language, scaled, unit > 0 && scaled < 10 ? 1 : 0) });
}

/** "61 of 118 MB": both in the unit of the larger. */
export function bytesOf(t: TFunction, language: string, done: number, total: number): string {
  const units = [1, 1e3, 1e6, 1e9];
  const unit = units.findLast((size) => total >= size) ?? 1;
  const whole = bytes(t, language, total);
  return t("units.bytesOf", { done: digits(language, done / unit, unit > 1 && total / unit < 10 ? 1 : 0), total: whole });
}

/** The time of day, with seconds. */
export function clock(language: string, then: string | number): string {
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(then));
}

/** "today, 20:48", "yesterday, 9:12", "14 Nov 2026, 09:12". */
export function dayAndTime(t: TFunction, language: string, then: string, now: number): string {
  const date = new Date(then);
  const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }).format(date);
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (date.getTime() >= midnight) return t("units.today", { time });
  if (date.getTime() >= midnight - DAY) return t("units.yesterday", { time });
  const year = date.getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year, hour: "2-digit", minute: "2-digit" }).format(date);
}

import sprite from "./icons.svg?raw";
import styles from "./Icon.module.css";

/** The names in the sprite without their `i-`; the test beside this file compares both. */
export const iconNames = [
  "alert", "arrow-r", "branch", "builds", "check", "chev-d", "chev-l", "chev-r", "clock", "commit", "copy", "cpu", "doctor",
  "download", "external", "eye", "eye-off", "filter", "folder", "follow", "globe", "gpu", "info", "key", "link", "lock",
  "machines", "minus", "more", "package", "page", "pin", "play", "plus", "rebuild", "search", "settings", "shield", "sound",
  "square", "stop", "store", "terminal", "trash", "undo", "up", "updown", "user", "wrap", "x",
] as const;
export type IconName = (typeof iconNames)[number];

/** Every icon and state glyph, once per document; `Icon` and `StateGlyph` point into it. */
export function Sprite() {
  return <div hidden dangerouslySetInnerHTML={{ __html: sprite }} />;
}

export function Icon({ name, size = 16 }: { name: IconName; size?: 12 | 14 | 16 }) {
  return (
    <svg className={styles.Icon} data-size={size} viewBox="0 0 16 16" aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

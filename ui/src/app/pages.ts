import type { IconName } from "@/icons/Icon";

/** The pages of the sidebar, in order; Ctrl and the number goes there. */
export const pages = [
  { to: "/", key: "machines", icon: "machines" },
  { to: "/builds", key: "builds", icon: "builds" },
  { to: "/doctor", key: "doctor", icon: "doctor" },
  { to: "/settings", key: "settings", icon: "settings" },
] as const satisfies { to: string; key: string; icon: IconName }[];

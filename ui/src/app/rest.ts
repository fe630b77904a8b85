/** Everything that the first paint of the list doesn't show, as one piece of the bundle. Of the app only `fetchRest.ts` imports it. */
export { Answering } from "@/screens/answer/AnswerDialog";
export { BuildScreen } from "@/screens/build/BuildScreen";
export { BuildsScreen } from "@/screens/builds/BuildsScreen";
export { DoctorScreen } from "@/screens/doctor/DoctorScreen";
export { LifeDialog } from "@/screens/life/LifeDialog";
export { Capabilities } from "@/screens/machine/Capabilities";
export { Generations } from "@/screens/machine/Generations";
export { MachineBuilds } from "@/screens/machine/MachineBuilds";
export { MachineScreen } from "@/screens/machine/MachineScreen";
export { Modules } from "@/screens/machine/Modules";
export { Overview } from "@/screens/machine/Overview";
export { Secrets } from "@/screens/machine/Secrets";
export { NewMachineScreen } from "@/screens/new/NewMachineScreen";
export { SettingsScreen } from "@/screens/settings/SettingsScreen";
export { CommandPalette } from "./CommandPalette";
export { HelpDialog } from "./HelpDialog";

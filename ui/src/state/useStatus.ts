import { useQuery } from "@tanstack/react-query";
import { useBackend } from "@/platform";
import type { EngineStatus, MachineStatus } from "@/platform/contract";
import { statusQuery } from "./queries";

const none: MachineStatus[] = [];

/** The machines and the engine; undefined engine until the first answer. */
export function useStatus(): { machines: MachineStatus[]; engine: EngineStatus | undefined; loading: boolean; failure: unknown; refetch: () => void } {
  const query = useQuery(statusQuery(useBackend()));
  return {
    machines: query.data?.machines ?? none,
    engine: query.data?.engine,
    loading: query.isPending,
    failure: query.error,
    refetch: () => void query.refetch(),
  };
}

/**
 * The query cache: what the window knows. It is filled by one call each and from then on by events (`events.ts`); nothing polls.
 */
import { QueryClient, queryOptions } from "@tanstack/react-query";
import type { Backend } from "@/platform";
import type { SourceArgs } from "@/platform/contract";
import { remember } from "./lastKnown";
import { painted } from "./painted";

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // What was read stays true until an event says otherwise.
      queries: { staleTime: Infinity, gcTime: 10 * 60_000, retry: false, refetchOnWindowFocus: false, refetchOnReconnect: false, networkMode: "always" },
      // Nobody asks what a mutation was given, and it may be a passphrase.
      mutations: { retry: false, networkMode: "always", gcTime: 0 },
    },
  });
}

export const keys = {
  status: ["status"] as const,
  operations: ["operations"] as const,
  operation: (id: string) => ["operation", id] as const,
  generations: (name: string) => ["generations", name] as const,
  repository: (source: SourceArgs) => ["repository", source] as const,
  samples: ["samples"] as const,
  doctor: ["doctor"] as const,
  settings: ["settings"] as const,
  secrets: (name: string) => ["secrets", name] as const,
  store: ["store"] as const,
  capabilities: (name: string) => ["capabilities", name] as const,
  access: ["access"] as const,
  about: ["about"] as const,
};

/** How many operations the list shows. */
export const OPERATIONS = 500;

export const statusQuery = (backend: Backend) =>
  queryOptions({
    queryKey: keys.status,
    queryFn: async () => {
      const snapshot = await backend.call("status", {});
      remember(snapshot);
      return snapshot;
    },
  });
export const operationsQuery = (backend: Backend) =>
  queryOptions({ queryKey: keys.operations, queryFn: async () => (await backend.call("operations", { limit: OPERATIONS })).operations });
export const operationQuery = (backend: Backend, id: string) => queryOptions({ queryKey: keys.operation(id), queryFn: () => backend.call("operation", { id }) });
export const generationsQuery = (backend: Backend, name: string) =>
  queryOptions({ queryKey: keys.generations(name), queryFn: async () => (await backend.call("generations", { name })).generations });
export const repositoryQuery = (backend: Backend, source: SourceArgs) =>
  queryOptions({ queryKey: keys.repository(source), queryFn: () => backend.call("modules", source), staleTime: 60_000 });
export const samplesQuery = (backend: Backend) => queryOptions({ queryKey: keys.samples, queryFn: async () => (await backend.call("samples", {})).samples });
/** It keeps the whole computer busy for a moment. */
export const doctorQuery = (backend: Backend) => queryOptions({ queryKey: keys.doctor, queryFn: () => painted.then(() => backend.call("doctor", {})) });
export const settingsQuery = (backend: Backend) => queryOptions({ queryKey: keys.settings, queryFn: () => backend.call("settings", {}) });
export const aboutQuery = (backend: Backend) => queryOptions({ queryKey: keys.about, queryFn: () => backend.call("about", {}) });
export const secretsQuery = (backend: Backend, name: string) => queryOptions({ queryKey: keys.secrets(name), queryFn: () => backend.call("secrets", { name }) });
export const storeQuery = (backend: Backend) => queryOptions({ queryKey: keys.store, queryFn: () => backend.call("secret_store", {}) });
export const capabilitiesQuery = (backend: Backend, name: string) => queryOptions({ queryKey: keys.capabilities(name), queryFn: () => backend.call("capabilities", { name }) });
export const accessQuery = (backend: Backend) => queryOptions({ queryKey: keys.access, queryFn: () => backend.call("access", {}) });

import { waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Operation, OperationDetail, Snapshot } from "@/platform/contract";
import { FakeBackend } from "@/platform/fake";
import { connectEvents } from "@/state/events";
import { logOf } from "@/state/logs";
import { createQueryClient, keys, operationQuery } from "@/state/queries";

function running(fake: FakeBackend): Operation {
  const operation = fake.world.operations.find((each) => each.state === "running");
  if (operation === undefined) throw new Error("nothing runs");
  return operation;
}

/** A controller whose answers arrive when they are let go, as they were when they were given. */
function slow() {
  const fake = new FakeBackend("design");
  const waiting: (() => void)[] = [];
  const call = fake.call.bind(fake);
  fake.call = async (command, args) => {
    const answer = await call(command, args);
    await new Promise<void>((resolve) => void waiting.push(resolve));
    return answer;
  };
  const letGo = async () => {
    await waitFor(() => expect(waiting).not.toHaveLength(0));
    for (const resolve of waiting.splice(0)) resolve();
  };
  return { fake, waiting, letGo, client: createQueryClient() };
}

describe("what events say", () => {
  it("counts more than an answer that was given before them", async () => {
    const { fake, waiting, letGo, client } = slow();
    await connectEvents(fake, client);
    const { id } = running(fake);
    const first = client.fetchQuery(operationQuery(fake, id));
    await waitFor(() => expect(waiting).toHaveLength(1));
    fake.succeed(id);
    await letGo();
    expect((await first).operation.state).toBe("running");
    await waitFor(() => expect(client.getQueryData<OperationDetail>(keys.operation(id))?.operation.state).toBe("succeeded"));
  });

  it("counts after what was known when the window opened, also when it arrives before that", async () => {
    const fake = new FakeBackend("design");
    const client = createQueryClient();
    fake.world.known = true;
    const [name] = fake.world.machines.keys();
    if (name === undefined) throw new Error("there is no machine");
    const listen = fake.listen.bind(fake);
    fake.listen = async (listener) => {
      const sight = await listen(listener);
      fake.change(name, { status: "unknown" });
      return sight;
    };
    await connectEvents(fake, client);
    const shown = client.getQueryData<Snapshot>(keys.status);
    expect(shown?.machines).toHaveLength(fake.world.machines.size);
    expect(shown?.machines.find((each) => each.name === name)?.status).toBe("unknown");
    expect(fake.calls).toEqual([]);
  });

  it("is told to a window that is opened again from what is known by then, and to the one before it no more", async () => {
    const fake = new FakeBackend("design");
    fake.world.known = true;
    const [first, again] = [createQueryClient(), createQueryClient()];
    const stateIn = (client: typeof first, name: string) => client.getQueryData<Snapshot>(keys.status)?.machines.find((each) => each.name === name)?.status;
    await connectEvents(fake, first);
    fake.change("payments-api", { status: "stopped" });
    expect(stateIn(first, "payments-api")).toBe("stopped");

    await connectEvents(fake, again);
    expect(stateIn(again, "payments-api")).toBe("stopped");
    expect(again.getQueryData(keys.settings)).toEqual(fake.world.settings);
    fake.change("payments-api", { status: "running" });
    expect([stateIn(again, "payments-api"), stateIn(first, "payments-api")]).toEqual(["running", "stopped"]);
    // Nobody had to be asked for any of it.
    expect(fake.calls).toEqual([]);
  });
});

describe("a log", () => {
  it("of one activity has its end, also of what was printed while it was read", async () => {
    const { fake, letGo, waiting } = slow();
    const { id } = running(fake);
    fake.world.logs.set(id, [{ level: "output", text: "one", activity: 1 }]);
    const log = logOf(fake, id, 1);
    const stop = log.subscribe(() => {});
    await waitFor(() => expect(waiting).toHaveLength(1));
    fake.world.logs.set(id, [{ level: "output", text: "one", activity: 1 }, { level: "output", text: "two", activity: 1 }]);
    log.grew(2);
    await letGo();
    await letGo();
    await waitFor(() => expect(log.read().total).toBe(2));
    stop();
  });
});

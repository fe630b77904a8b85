import { waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Operation, OperationDetail } from "@/platform/contract";
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

  it("is not missed by what was asked for before anybody listened", async () => {
    const { fake, waiting, letGo, client } = slow();
    const { id } = running(fake);
    const query = operationQuery(fake, id);
    const seen: (string | undefined)[] = [];
    const observed = client.getQueryCache().subscribe(() => void seen.push(client.getQueryData<OperationDetail>(query.queryKey)?.operation.state));
    void client.fetchQuery(query);
    await waitFor(() => expect(waiting).toHaveLength(1));
    fake.succeed(id);
    await connectEvents(fake, client);
    await letGo();
    await waitFor(() => expect(seen).toContain("running"));
    expect(client.getQueryState(query.queryKey)?.isInvalidated).toBe(true);
    observed();
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

import { PageBody } from "@/components/Page";
import { OperationList } from "../builds/OperationList";
import styles from "./Machine.module.css";
import { useMachine } from "./MachineScreen";

export function MachineBuilds() {
  const { name } = useMachine();
  return (
    <PageBody className={styles.Single}>
      <OperationList machine={name} />
    </PageBody>
  );
}

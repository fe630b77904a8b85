import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "@/components/Button";
import { EmptyState, PageBody, Panel } from "@/components/Page";
import { machineCan } from "@/state/can";
import { useMachineActions } from "@/state/useMachineActions";
import { AddModuleDialog } from "./AddModuleDialog";
import styles from "./Machine.module.css";
import { useMachine } from "./MachineScreen";
import { ModuleTable } from "./ModuleTable";

export function Modules() {
  const { t } = useTranslation();
  const { machine, engine } = useMachine();
  const { add } = useSearch({ from: "/machines/$name/modules" });
  const navigate = useNavigate();
  const actions = useMachineActions();
  if (machine === undefined || engine === undefined) return null;
  const verdict = machineCan(t, machine, engine).changeModules();
  const setAdding = (adding: boolean) => void navigate({ to: "/machines/$name/modules", params: { name: machine.name }, search: adding ? { add: true } : {}, replace: true });
  const addButton = (
    <Button size="sm" icon="plus" disabledReason={verdict} onClick={() => setAdding(true)}>
      {t("actions.addModule")}
    </Button>
  );
  return (
    <PageBody className={styles.Single}>
      {machine.modules.length === 0 ? (
        <EmptyState title={t("machine.noModules")} actions={addButton}>
          {t("machine.noModulesText")}
        </EmptyState>
      ) : (
        <Panel title={t("machine.modules")} note={machine.modules.length > 1 ? t("machine.modulesNote") : undefined} actions={addButton}>
          <ModuleTable
            machine={machine}
            action={(module) => <IconButton icon="trash" label={t("machine.removeModule", { module: module.name })} disabledReason={verdict} onClick={() => void actions.removeModule(machine, module.name)} />}
          />
        </Panel>
      )}
      <AddModuleDialog machine={machine} open={add === true && verdict === null} onClose={() => setAdding(false)} />
    </PageBody>
  );
}

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { MidTruncate } from "@/components/MidTruncate";
import table from "@/components/Table.module.css";
import { Tag } from "@/components/Tag";
import { Icon } from "@/icons/Icon";
import type { MachineStatus, ModuleStatus } from "@/platform/contract";
import { referenceOf, repositoryAddress } from "@/state/view";

/** A machine's modules, in their order. `action` adds a column. */
export function ModuleTable({ machine, action }: { machine: MachineStatus; action?: (module: ModuleStatus) => ReactNode }) {
  const { t } = useTranslation();
  return (
    <table className={table.Table}>
      <colgroup>
        <col style={{ width: action === undefined ? "36%" : "30%" }} />
        <col style={{ width: action === undefined ? "38%" : "32%" }} />
        <col />
        {action !== undefined && <col style={{ width: 64 }} />}
      </colgroup>
      <thead className={action === undefined ? "sr" : undefined}>
        <tr>
          <th scope="col">{t("machine.module")}</th>
          <th scope="col">{t("machine.sourceColumn")}</th>
          <th scope="col">{t("machine.reference")}</th>
          {action !== undefined && (
            <th scope="col">
              <span className="sr">{t("common.actions")}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {machine.modules.map((module) => (
          <tr key={module.name}>
            <td>
              <span className="row">
                <span className={table.TableName} title={module.name}>
                  {module.name}
                </span>
                {machine.nixpkgs.from === "module" && machine.nixpkgs.module === module.name && <Tag>{t("machine.providesNixpkgs")}</Tag>}
              </span>
            </td>
            <td>
              <span className="mono">
                <MidTruncate text={repositoryAddress(module.url)} />
              </span>
            </td>
            <td>
              <Reference module={module} />
            </td>
            {action !== undefined && <td className={table.TableAction}>{action(module)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Reference({ module }: { module: ModuleStatus }) {
  const { t } = useTranslation();
  const reference = referenceOf(module.url) ?? t("machine.defaultReference");
  return (
    <span className="row" style={{ gap: 6 }} title={`${reference} ${module.rev ?? ""}`}>
      <span className="fg-3">
        <Icon name="branch" size={14} />
      </span>
      <span className="truncate">
        {reference} <span className="mono fg-3">{module.rev?.slice(0, 7)}</span>
      </span>
    </span>
  );
}

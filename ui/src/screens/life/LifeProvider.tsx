import { type ReactNode, useState } from "react";
import { LifeContext, type LifeQuestion } from "@/state/life";
import { DuplicateDialog } from "./DuplicateDialog";
import { ExportDialog } from "./ExportDialog";
import { ImportDialog } from "./ImportDialog";
import { RenameDialog } from "./RenameDialog";

/** The dialogs that copy, rename, export and import machines, for every menu that has them. */
export function LifeProvider({ children }: { children: ReactNode }) {
  const [question, setQuestion] = useState<LifeQuestion | null>(null);
  const close = () => setQuestion(null);
  return (
    <LifeContext value={setQuestion}>
      {children}
      {question?.kind === "duplicate" && <DuplicateDialog machine={question.machine} onClose={close} />}
      {question?.kind === "rename" && <RenameDialog machine={question.machine} onClose={close} />}
      {question?.kind === "export" && <ExportDialog machine={question.machine} onClose={close} />}
      {question?.kind === "import" && <ImportDialog path={question.path} contents={question.contents} onClose={close} />}
    </LifeContext>
  );
}

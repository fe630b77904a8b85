import type { LifeQuestion } from "@/state/life";
import { DuplicateDialog } from "./DuplicateDialog";
import { ExportDialog } from "./ExportDialog";
import { ImportDialog } from "./ImportDialog";
import { RenameDialog } from "./RenameDialog";

/** The dialogs that copy, rename, export and import machines. */
export function LifeDialog({ question, onClose }: { question: LifeQuestion; onClose: () => void }) {
  switch (question.kind) {
    case "duplicate":
      return <DuplicateDialog machine={question.machine} onClose={onClose} />;
    case "rename":
      return <RenameDialog machine={question.machine} onClose={onClose} />;
    case "export":
      return <ExportDialog machine={question.machine} onClose={onClose} />;
    case "import":
      return <ImportDialog path={question.path} contents={question.contents} onClose={onClose} />;
  }
}

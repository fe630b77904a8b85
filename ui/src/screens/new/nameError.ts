import type { TFunction } from "i18next";
import type { NameProblem } from "./names";

/** What is wrong with a machine's name, in words. */
export function nameError(t: TFunction, problem: NameProblem, name: string): string {
  switch (problem.kind) {
    case "tooLong":
      return t("wizard.nameErrors.tooLong", { max: problem.max });
    case "character":
      return t("wizard.nameErrors.character", { found: problem.found });
    case "taken":
      return t("wizard.nameErrors.taken", { name });
    default:
      return t(`wizard.nameErrors.${problem.kind}`);
  }
}

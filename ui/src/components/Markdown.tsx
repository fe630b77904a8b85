import ReactMarkdown, { type Components } from "react-markdown";
import { useTranslation } from "react-i18next";
import { Icon } from "@/icons/Icon";
import { useBackend } from "@/platform";
import styles from "./Markdown.module.css";
import { toastFailure } from "./Toasts";

const allowed = ["p", "code", "strong", "em", "ul", "ol", "li", "a"];

/** What a module's author wrote: paragraphs, emphasis, code, lists and links. Everything else is its text; HTML is left out. */
export function Markdown({ text }: { text: string }) {
  return (
    <div className={styles.Markdown}>
      <ReactMarkdown allowedElements={allowed} unwrapDisallowed skipHtml components={components}>
        {text}
      </ReactMarkdown>
    </div>
  );
}

function ExternalLink({ href = "", children }: { href?: string | undefined; children?: React.ReactNode }) {
  const backend = useBackend();
  const { t } = useTranslation();
  // Anything else than a page of the web is only its words.
  if (!/^https?:\/\//i.test(href)) return children;
  return (
    <a
      href={href}
      rel="noreferrer"
      title={href}
      onClick={(event) => {
        event.preventDefault();
        backend.openLink(href).catch((thrown: unknown) => toastFailure(t("errors.link"), thrown));
      }}
    >
      {children}
      <Icon name="external" size={12} />
    </a>
  );
}

const components: Components = {
  a: ({ href, children }) => <ExternalLink href={href}>{children}</ExternalLink>,
  code: ({ children }) => <code className="mono">{children}</code>,
};

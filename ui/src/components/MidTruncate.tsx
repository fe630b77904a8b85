import { useLayoutEffect, useRef, useState } from "react";
import { onFontsLoaded, shorten, textMeasure } from "./midTruncate";
import styles from "./MidTruncate.module.css";
import { Tip } from "./Tooltip";

/** A name that is shortened in its middle when it doesn't fit, because its end often carries the meaning. */
export function MidTruncate({ text }: { text: string }) {
  const element = useRef<HTMLSpanElement>(null);
  const [shown, setShown] = useState(text);
  useLayoutEffect(() => {
    const span = element.current;
    if (span === null) return undefined;
    const fit = () => {
      const style = getComputedStyle(span);
      // Half a pixel: widths are fractions, and the text asked for exactly its own.
      setShown(shorten(text, span.getBoundingClientRect().width + 0.5, textMeasure(`${style.fontWeight} ${style.fontSize} ${style.fontFamily}`, Number.parseFloat(style.letterSpacing) || 0)));
    };
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(span);
    const stop = onFontsLoaded(fit);
    return () => {
      observer.disconnect();
      stop();
    };
  }, [text]);
  const short = shown !== text;
  return (
    <Tip text={short ? text : null}>
      <span ref={element} className={styles.MidTruncate} data-text={text}>
        {short ? (
          <>
            <span aria-hidden="true">{shown}</span>
            <span className="sr">{text}</span>
          </>
        ) : (
          text
        )}
      </span>
    </Tip>
  );
}

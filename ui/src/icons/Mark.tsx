/** The open hexagon. One colour everywhere, two on the first-run page. */
export function Mark({ size = 18, twoColour = false }: { size?: number; twoColour?: boolean }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" aria-hidden="true">
      <path d="M13.2 4.55 8 1.6 2.8 4.55v6.9L8 14.4l5.2-2.95" stroke="currentColor" strokeWidth="1.9" strokeLinejoin="round" />
      <path d="M8 4.9 10.7 6.45v3.1L8 11.1 5.3 9.55v-3.1z" fill={twoColour ? "var(--busy)" : "currentColor"} />
    </svg>
  );
}

// Small parts that every screen uses.

import { Component, memo, useId, type ReactNode } from "react";
import { clock, utc } from "./format";

/** A time of day, local, with its date when that isn't today; UTC on hover. 0 is shown as `none`. */
export const Time = memo(function Time({ at, now, none = "–", fraction = false }: {
  at: number; now: number; none?: string; fraction?: boolean;
}) {
  if (!(at > 0)) return <>{none}</>;
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={utc(at)}>
      {clock(at, now, fraction)}
    </time>
  );
}, (a, b) => a.at === b.at && a.none === b.none && day(a.now) === day(b.now));

function day(unixS: number): string {
  return new Date(unixS * 1000).toDateString();
}

export type Tone = "good" | "warn" | "bad" | "info" | "quiet";

/** A state in a word, with a sign and a colour that repeat it. */
export function Badge({ tone, sign, children, title }: {
  tone: Tone; sign: string; children: ReactNode; title?: string;
}) {
  return (
    <span className={`badge ${tone}`} title={title}>
      <span aria-hidden="true">{sign}</span> {children}
    </span>
  );
}

/** A titled section; a mistake inside it is shown in its place and leaves the others alone. */
export function Panel({ title, aside, children, className = "" }: {
  title: string; aside?: ReactNode; children: ReactNode; className?: string;
}) {
  const id = useId();
  return (
    <section className={`panel ${className}`} aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      <Boundary>{children}</Boundary>
    </section>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  );
}

/** A table that is wider than its screen scrolls by itself, with the keyboard too. */
export function Scroll({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="scroll" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

/** A share of 0..1 as a bar beside its number; only the number is read out. */
export function Bar({ value, tone = "bad" }: { value: number; tone?: "bad" | "info" }) {
  const filled = Math.max(0, Math.min(1, value)) * 40;
  return (
    <svg className={`bar ${tone}`} viewBox="0 0 40 6" width="40" height="6" aria-hidden="true">
      <rect className="rest" width="40" height="6" rx="1" />
      <rect className="part" width={Number.isFinite(filled) ? filled : 0} height="6" rx="1" />
    </svg>
  );
}

class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidCatch(error: Error) {
    console.error(error);
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <Empty title="This part can't be shown.">
        {String(this.state.error.message)}{" "}
        <button type="button" className="link" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </Empty>
    );
  }
}

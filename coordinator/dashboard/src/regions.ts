// In which regions an attack is: lists leave it out, so it is asked for attack by attack; of those that are over, once.

import { useEffect, useRef, useState } from "react";
import type { AttackView } from "./views";

const EVERY_MS = 3000;
const MOST = 16; // attacks asked about in one round

/** Attack id → its regions by name, as far as they are known yet. */
export function useRegions(attacks: AttackView[]): ReadonlyMap<string, readonly string[]> {
  const [known, setKnown] = useState<ReadonlyMap<string, readonly string[]>>(new Map());
  const newest = useRef({ attacks, known });
  newest.current = { attacks, known };
  const ids = attacks.map((a) => `${a.id} ${a.state === "ended"}`).join();

  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const round = async () => {
      const { attacks: shown, known: before } = newest.current;
      const wanted = shown.filter((a) => a.edges.length === 0 && (a.state !== "ended" || !before.has(a.id))).slice(0, MOST);
      const found = new Map<string, readonly string[]>();
      for (const { id } of document.hidden ? [] : wanted) {
        const regions = await ask(id, abort.signal);
        if (abort.signal.aborted) return;
        if (regions) found.set(id, regions);
      }
      if (found.size > 0) {
        // What is no longer shown is forgotten.
        const kept = shown.map((a) => [a.id, found.get(a.id) ?? newest.current.known.get(a.id)] as const);
        setKnown(new Map(kept.filter((k): k is readonly [string, readonly string[]] => k[1] !== undefined)));
      }
      timer = window.setTimeout(round, EVERY_MS);
    };
    void round();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [ids]);
  return known;
}

async function ask(id: string, signal: AbortSignal): Promise<readonly string[] | null> {
  try {
    const response = await fetch(`/api/v1/attacks/${encodeURIComponent(id)}`, { signal });
    return response.ok ? regionsOf((await response.json()) as AttackView) : null;
  } catch {
    return null; // the next round asks again
  }
}

// An edge with a smaller share of the packets saw visitors rather than the attack, unless it says otherwise itself.
const LEAST_SHARE = 0.01;

export function regionsOf(attack: AttackView): readonly string[] {
  const all = attack.edges.reduce((sum, e) => sum + e.packets, 0);
  const hit = attack.edges.filter((e) => e.detected_unix_s > 0 || e.packets >= LEAST_SHARE * all);
  return [...new Set(hit.map((e) => e.region))].sort();
}

// What a screen asks for by itself: one GET, repeated while the screen is open.

import { useEffect, useState } from "react";

export interface Fetched<T> {
  data: T | null;
  /** For people; null when the last try was answered. */
  error: string | null;
  /** The answer was that there is no such thing. */
  missing: boolean;
}

const NOTHING = { data: null, error: null, missing: false };
const TIMEOUT_MS = 10000;

/** GETs `url` now and `everyMs` after each answer; "" asks nothing. What it had is kept over errors, not over another url. */
export function useFetched<T>(url: string, everyMs: number): Fetched<T> {
  const [held, setHeld] = useState<{ url: string; fetched: Fetched<T> }>({ url, fetched: NOTHING });
  useEffect(() => {
    if (!url) return;
    let timer = 0;
    let ended = false;
    const abort = new AbortController();
    const ask = async () => {
      const fetched = document.hidden ? null : await get<T>(url, abort.signal);
      if (ended) return;
      if (fetched) {
        setHeld((before) => {
          const kept = before.url === url && !fetched.missing ? before.fetched.data : null;
          return { url, fetched: { ...fetched, data: fetched.data ?? kept } };
        });
      }
      timer = window.setTimeout(ask, everyMs);
    };
    void ask();
    return () => {
      ended = true;
      clearTimeout(timer);
      abort.abort();
    };
  }, [url, everyMs]);
  return held.url === url ? held.fetched : NOTHING;
}

async function get<T>(url: string, signal: AbortSignal): Promise<Fetched<T>> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const abort = new AbortController();
  for (const one of [signal, limit]) one.addEventListener("abort", () => abort.abort(), { once: true });
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (response.ok) return { data: (await response.json()) as T, error: null, missing: false };
    return { data: null, error: await problem(response), missing: response.status === 404 };
  } catch {
    const why = limit.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : "the coordinator can't be reached";
    return { data: null, error: why, missing: false };
  }
}

/** The text of an RFC 9457 answer with its hint, or its status when it is something else. */
export async function problem(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { detail?: string; title?: string; hint?: string };
    const what = body.detail || body.title || `HTTP ${response.status}`;
    return body.hint ? `${what}; ${body.hint}` : what;
  } catch {
    return `HTTP ${response.status}`;
  }
}

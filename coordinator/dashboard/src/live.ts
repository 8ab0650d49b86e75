// The page's one connection to the coordinator and what it has brought: an immutable snapshot that components subscribe to.
//
//   const live = useLive();   // live.link, live.overview, live.attacks, ...
//
// EventSource reconnects by itself after a broken connection, but not after an answer that isn't a stream, and it can't see a
// connection that is open and silent: both are handled here. A hidden tab gives its connection back, for browsers allow
// only six to one address.

import { useSyncExternalStore } from "react";
import { problem } from "./fetched";
import { mergeTraffic, SHOWN_S } from "./traffic";
import type { AttacksView, EdgesView, OverviewView, RulesView, TrafficView } from "./views";

/** polled: the coordinator answers but lets no more pages follow live; what is shown is asked for every few seconds. */
export type Link = "connecting" | "live" | "polled" | "reconnecting" | "lost";

export interface Live {
  link: Link;
  /** Why the stream was refused, in the coordinator's words; "" when it wasn't. */
  refused: string;
  /** The coordinator's clock as well as we know it, in seconds; stands still while paused. */
  now: number;
  /** When the newest data came, by the coordinator's clock; 0 = never. */
  dataFrom: number;
  paused: boolean;
  overview: OverviewView | null;
  traffic: TrafficView | null;
  edges: EdgesView | null;
  attacks: AttacksView | null;
  rules: RulesView | null;
}

const STREAM = "/api/v1/stream?topics=overview,traffic,edges,attacks,rules";
const SILENT_MS = 6000; // a connection that brings nothing for so long is opened anew
const LOST_MS = 12000; // no data for so long: the coordinator is called lost
const HIDDEN_MS = 30000;
const RETRY_MS = [1000, 2000, 4000, 8000];
const POLLED = ["overview", "edges", "attacks", "rules"] as const;

const EMPTY: Live = {
  link: "connecting", refused: "", now: Date.now() / 1000, dataFrom: 0, paused: false,
  overview: null, traffic: null, edges: null, attacks: null, rules: null,
};

class Connection {
  private state: Live = EMPTY;
  private shown: Live = EMPTY;
  private readonly listeners = new Set<() => void>();
  private source: EventSource | null = null;
  private connected = false;
  private lastDataMs = 0; // performance.now() of the newest event
  private openedMs = 0;
  private readonly startedMs = performance.now();
  private clockOffset = 0; // coordinator's time minus ours, in seconds
  private failures = 0;
  private retryTimer = 0;
  private hideTimer = 0;
  private frame = 0;
  private lastPublishMs = 0;

  start(): void {
    this.open();
    setInterval(() => this.watch(), 1000);
    document.addEventListener("visibilitychange", () => this.onVisibility());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Live => this.shown;

  setPaused(paused: boolean): void {
    this.state = { ...this.state, paused };
    this.publish(true);
  }

  private open(): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = 0;
    this.source?.close();
    this.openedMs = performance.now();
    const source = new EventSource(STREAM);
    this.source = source;
    source.onopen = () => {
      this.connected = true;
      void this.fillTraffic();
    };
    source.onerror = () => {
      this.connected = false;
      if (source.readyState === EventSource.CLOSED) {
        this.retry();
        void this.askInstead();
      }
      this.publish(true);
    };
    this.on<OverviewView>(source, "overview", (overview) => {
      this.setClock(overview);
      return { overview };
    });
    this.on<TrafficView>(source, "traffic", (newer) => ({ traffic: mergeTraffic(this.state.traffic, newer) }));
    this.on<EdgesView>(source, "edges", (edges) => ({ edges }));
    this.on<AttacksView>(source, "attacks", (attacks) => ({ attacks }));
    this.on<RulesView>(source, "rules", (rules) => ({ rules }));
  }

  private on<View>(source: EventSource, topic: string, apply: (view: View) => Partial<Live>): void {
    source.addEventListener(topic, (event: MessageEvent<string>) => {
      this.failures = 0;
      this.connected = true;
      this.lastDataMs = performance.now();
      if (this.state.refused) this.state = { ...this.state, refused: "" };
      let view: View;
      try {
        view = JSON.parse(event.data) as View;
      } catch {
        console.error(`${topic}: the coordinator sent what isn't JSON; that event is left out`);
        return;
      }
      this.state = { ...this.state, ...apply(view) };
      this.publish(false);
    });
  }

  /** What the stream doesn't bring: the minutes before it began, and those that were missed in an outage. */
  private async fillTraffic(): Promise<void> {
    try {
      const response = await fetch(`/api/v1/traffic?last_s=${SHOWN_S}`);
      if (!response.ok) return; // the chart then grows from the stream alone
      const whole = (await response.json()) as TrafficView;
      const held = this.state.traffic;
      const heldFirst = held !== null && held.start_unix_s <= whole.start_unix_s;
      const traffic = heldFirst ? mergeTraffic(held, whole) : held ? mergeTraffic(whole, held) : whole;
      this.state = { ...this.state, traffic };
      this.publish(false);
    } catch {
      // The connection broke again; onopen comes back here.
    }
  }

  private setClock(overview: OverviewView): void {
    this.clockOffset = overview.now_unix_s - Date.now() / 1000;
  }

  /**
   * After an answer that is no stream: why, which EventSource doesn't tell, and the views once by themselves. When nobody
   * answers, this brings nothing either.
   */
  private async askInstead(): Promise<void> {
    try {
      const reason = await refusal();
      if (reason === "") return;
      const views = await Promise.all(POLLED.map(async (topic) => {
        const response = await fetch(`/api/v1/${topic}`);
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
        return [topic, await response.json()] as const;
      }));
      if (this.connected) return;
      const apply = Object.fromEntries(views) as Pick<Live, (typeof POLLED)[number]>;
      if (apply.overview) this.setClock(apply.overview);
      this.lastDataMs = performance.now();
      this.state = { ...this.state, ...apply, refused: reason };
      await this.fillTraffic();
      this.publish(true);
    } catch {
      // The next try comes with the next attempt to open the stream.
    }
  }

  private retry(): void {
    this.source?.close();
    this.source = null;
    if (this.retryTimer !== 0 || document.hidden) return;
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]!;
    this.failures += 1;
    this.retryTimer = window.setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2));
  }

  private watch(): void {
    const now = performance.now();
    if (this.source && now - Math.max(this.lastDataMs, this.openedMs) > SILENT_MS) {
      this.connected = false;
      this.retry();
    }
    if (now - this.lastPublishMs > 900) this.publish(true); // ages and countdowns go on
  }

  private onVisibility(): void {
    clearTimeout(this.hideTimer);
    if (document.hidden) {
      this.hideTimer = window.setTimeout(() => {
        clearTimeout(this.retryTimer);
        this.retryTimer = 0;
        this.source?.close();
        this.source = null;
        this.connected = false;
      }, HIDDEN_MS);
    } else {
      if (!this.source && this.retryTimer === 0) this.open();
      this.publish(true);
    }
  }

  private link(): Link {
    const now = performance.now();
    const fresh = this.lastDataMs > 0 && now - this.lastDataMs <= SILENT_MS;
    if (this.connected && fresh) return "live";
    if (now - Math.max(this.lastDataMs, this.startedMs) > LOST_MS) return "lost";
    if (this.state.refused && this.lastDataMs > 0) return "polled";
    return this.lastDataMs > 0 ? "reconnecting" : "connecting";
  }

  /** Tells the components; at most once a frame, and not at all while the tab is hidden (but the state is kept current). */
  private publish(atOnce: boolean): void {
    if (this.frame !== 0) return;
    const publish = () => {
      this.frame = 0;
      this.lastPublishMs = performance.now();
      const ours = Date.now() / 1000;
      const now = ours + this.clockOffset;
      const dataFrom = this.lastDataMs > 0 ? now - (this.lastPublishMs - this.lastDataMs) / 1000 : 0;
      const link = this.link();
      this.shown =
        this.state.paused && this.shown.paused ? { ...this.shown, link } : { ...this.state, link, now, dataFrom };
      for (const listener of this.listeners) listener();
    };
    if (atOnce) publish();
    else this.frame = requestAnimationFrame(publish);
  }
}

/** What the coordinator says to one who asks for the stream, when it isn't the stream; "" when it is. */
async function refusal(): Promise<string> {
  const abort = new AbortController();
  const response = await fetch(STREAM, { signal: abort.signal });
  if (response.ok) {
    abort.abort();
    return "";
  }
  return problem(response);
}

const connection = new Connection();

export function startLive(): void {
  connection.start();
}

export function setPaused(paused: boolean): void {
  connection.setPaused(paused);
}

export function useLive(): Live {
  return useSyncExternalStore(connection.subscribe, connection.snapshot);
}

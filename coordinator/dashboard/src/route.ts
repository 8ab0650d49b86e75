// What the page shows is in its address, behind the "#", so that a reload, a bookmark and a link to a colleague show the
// same: "#/attacks/a-17", "#/rules?origin=operator&units=bits".

import { useSyncExternalStore } from "react";

export interface Route {
  screen: "overview" | "attacks" | "attack" | "rules";
  id: string; // of the attack
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const query = new URLSearchParams(search);
  const [first = "", second = ""] = path.split("/").filter(Boolean).map(decode);
  if (first === "attacks" && second) return { screen: "attack", id: second, query };
  if (first === "attacks" || first === "rules") return { screen: first, id: "", query };
  return { screen: "overview", id: "", query };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a screen. What holds for all screens (units) goes along; null takes a parameter away. */
export function href(path: string, route: Route, changes: Record<string, string | null> = {}): string {
  const query = new URLSearchParams();
  const units = route.query.get("units");
  if (units) query.set("units", units);
  return build(path, query, changes);
}

/** The address of this screen with some parameters changed. */
export function hrefHere(route: Route, changes: Record<string, string | null>): string {
  const path = route.screen === "attack" ? `/attacks/${encodeURIComponent(route.id)}` : PATHS[route.screen];
  return build(path, new URLSearchParams(route.query), changes);
}

const PATHS = { overview: "/", attacks: "/attacks", rules: "/rules" };

function build(path: string, query: URLSearchParams, changes: Record<string, string | null>): string {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const search = query.toString();
  return `#${path}${search ? `?${search}` : ""}`;
}

/** Changes the address without an entry in the history: for what is typed or ticked. */
export function replaceAddress(address: string): void {
  history.replaceState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

function subscribe(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

let lastHash = "\0";
let lastRoute: Route = parseRoute("");

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, () => {
    if (location.hash !== lastHash) {
      lastHash = location.hash;
      lastRoute = parseRoute(lastHash);
    }
    return lastRoute;
  });
}

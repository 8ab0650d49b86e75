// The frame around every screen: navigation, connection, banners, and what is read aloud.

import { useEffect, useRef, useState } from "react";
import { Attack } from "./attack";
import { Attacks } from "./attacks";
import { wholeDuration } from "./format";
import { setPaused, useLive, type Live } from "./live";
import { Choice, Overview, pulse, unitChoices, unitsOf } from "./overview";
import { Time } from "./parts";
import { href, useRoute, type Route } from "./route";
import { Rules } from "./rules";
import { applyTheme, readTheme, THEMES } from "./theme";

const TITLES = { overview: "Overview", attacks: "Attacks", attack: "Attack", rules: "Rules" };

export function App() {
  const live = useLive();
  const route = useRoute();
  const units = unitsOf(route);
  const alarms = live.overview?.active_attacks ?? 0;
  const main = useRef<HTMLElement>(null);

  useEffect(() => {
    document.title = `${alarms > 0 ? `(${alarms}) ` : ""}${TITLES[route.screen]} · Breakwater`;
  }, [alarms, route.screen]);

  useScreenChange(route, main);

  return (
    <>
      <header className="top">
        <a className="skip" href={location.hash || "#/"} onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>
          Skip to the content
        </a>
        <a className="brand" href={href("/", route)}>
          <Logo /> <span>Breakwater</span>
        </a>
        <Nav route={route} alarms={alarms} />
        <div className="tools">
          <Choice label="Units" route={route} name="units" value={units === "bits" ? "bits" : ""} options={unitChoices()} />
          <PauseButton live={live} />
          <ThemeButton />
          <LinkPill live={live} />
        </div>
      </header>
      <Banners live={live} />
      <main ref={main} tabIndex={-1} className={live.link === "live" || live.link === "connecting" ? "" : "stale"}>
        <h1 className="hidden">{TITLES[route.screen]}</h1>
        {route.screen === "overview" && <Overview live={live} route={route} units={units} />}
        {route.screen === "attacks" && <Attacks live={live} route={route} units={units} />}
        {route.screen === "attack" && <Attack key={route.id} live={live} route={route} />}
        {route.screen === "rules" && <Rules live={live} route={route} />}
      </main>
      <footer>
        {live.overview
          ? <>{live.overview.coordinator} · version {live.overview.software_version || "unknown"} · times are local, UTC on hover</>
          : "Breakwater"}
      </footer>
      <Announcer live={live} />
    </>
  );
}

/** Another screen begins at its top, with the focus on it, as another page would. */
function useScreenChange(route: Route, main: React.RefObject<HTMLElement | null>) {
  const where = `${route.screen}/${route.id}`;
  const before = useRef(where);
  useEffect(() => {
    if (before.current === where) return;
    before.current = where;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [where, main]);
}

function Nav({ route, alarms }: { route: Route; alarms: number }) {
  const screens = [
    { path: "/", name: "Overview", here: route.screen === "overview" },
    { path: "/attacks", name: "Attacks", here: route.screen === "attacks" || route.screen === "attack" },
    { path: "/rules", name: "Rules", here: route.screen === "rules" },
  ];
  return (
    <nav aria-label="Screens">
      {screens.map((s) => (
        <a key={s.path} href={href(s.path, route)} aria-current={s.here ? "page" : undefined}>
          {s.name}
          {s.path === "/attacks" && alarms > 0 && <span className="alarm-count"> {alarms}<span className="hidden"> active</span></span>}
        </a>
      ))}
    </nav>
  );
}

function LinkPill({ live }: { live: Live }) {
  const from = <>data from <Time at={live.dataFrom} now={live.now} none="never" /></>;
  if (live.link === "lost") {
    return <span className="pill bad" data-link="lost"><span aria-hidden="true">✕</span> Coordinator lost · {live.dataFrom > 0 ? from : "no data yet"}</span>;
  }
  if (live.link === "polled") {
    return <span className="pill warn" data-link="polled" title={live.refused}><span aria-hidden="true">◐</span> Not live · {from}</span>;
  }
  if (live.link === "reconnecting") {
    return <span className="pill warn" data-link="reconnecting"><span aria-hidden="true">◐</span> Reconnecting · {from}</span>;
  }
  if (live.link === "connecting") {
    return <span className="pill quiet" data-link="connecting"><span aria-hidden="true">◌</span> Connecting…</span>;
  }
  if (live.paused) {
    return <span className="pill warn" data-link="paused"><span aria-hidden="true">❚❚</span> Paused · {from}</span>;
  }
  const age = live.now - live.dataFrom;
  return (
    <span className="pill good" data-link="live">
      <span aria-hidden="true">●</span> Live{age >= 2 && ` · ${wholeDuration(age)} ago`}
    </span>
  );
}

function PauseButton({ live }: { live: Live }) {
  return (
    <button type="button" aria-pressed={live.paused} onClick={() => setPaused(!live.paused)}>
      {live.paused ? "Resume" : "Pause"}
    </button>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(readTheme);
  useEffect(() => applyTheme(theme), [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  return (
    <button type="button" onClick={() => setTheme(next)} title={`Colours: ${theme}. Next: ${next}`}>
      <span aria-hidden="true">◐</span><span className="hidden">Colours: {theme}. Change to {next}</span>
    </button>
  );
}

function Banners({ live }: { live: Live }) {
  return (
    <>
      {live.overview?.panic && (
        <div className="banner panic" role="alert">
          <strong>Enforcement is stopped on every edge.</strong> Rules count, and drop nothing.
          {live.overview.panic_reason && <> Reason: {live.overview.panic_reason}.</>} To go on: <code>bwctl panic off</code>
        </div>
      )}
      {live.link === "polled" && (
        <div className="banner lost" role="alert">
          <strong>This page can't follow live:</strong> {live.refused}. It asks every few seconds instead.
        </div>
      )}
      {live.link === "lost" && (
        <div className="banner lost" role="alert">
          <strong>The coordinator can't be reached.</strong>{" "}
          {live.dataFrom > 0
            ? <>What stands below is from <Time at={live.dataFrom} now={live.now} />.</>
            : <>Nothing is known yet.</>}{" "}
          Edges go on defending by themselves; this page goes on trying.
        </div>
      )}
    </>
  );
}

const ANNOUNCE_MS = 10000;

/** Says what changed, politely and at most once in ten seconds. */
function Announcer({ live }: { live: Live }) {
  const [said, setSaid] = useState({ gist: "", text: "" });
  const newest = useRef(said);
  newest.current = pulse(live);
  useEffect(() => {
    const timer = setInterval(() => {
      setSaid((before) => (before.gist === newest.current.gist ? before : newest.current));
    }, ANNOUNCE_MS);
    return () => clearInterval(timer);
  }, []);
  return <p className="hidden" aria-live="polite">{said.text}</p>;
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <rect className="logo-ground" width="32" height="32" rx="7" />
      <path className="logo-wave" d="M6 21c3.3 0 3.3-3 6.7-3s3.3 3 6.7 3 3.3-3 6.6-3" />
      <path className="logo-wall" d="M9 13.5h14M12 8.5h8" />
    </svg>
  );
}

// A coordinator's HTTP side made of a mock fleet: the built page under its real content security policy, the JSON and the
// stream.
//
//   const mock = await MockServer.listen({ scenario: "attack", dist: "dist", policy });
//   mock.url, mock.setScenario("panic"), await mock.stop(), await mock.resume(), await mock.close()

import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";
import { Fleet } from "./views.mjs";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

export class MockServer {
  #server;
  #dist;
  #policy;
  #streams = new Set();
  #timer;
  /** Not empty: streams are refused with this text. */
  refuseStreams = "";
  requests = [];
  fleet;
  port = 0;

  static async listen({ scenario, port = 0, dist = "", policy = "" }) {
    const mock = new MockServer();
    mock.#dist = dist;
    mock.#policy = policy;
    mock.port = port;
    mock.setScenario(scenario);
    await mock.resume();
    return mock;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  setScenario(scenario) {
    this.fleet = new Fleet(scenario, Date.now() / 1000);
    for (const stream of this.#streams) this.#send(stream);
  }

  /** Closes every connection and listens no more, as a coordinator that was killed. */
  async stop() {
    clearInterval(this.#timer);
    this.#streams.clear();
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Listens (again) on the same port. */
  async resume() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
    this.#timer = setInterval(() => {
      for (const stream of this.#streams) this.#send(stream);
    }, 1000);
  }

  async close() {
    if (this.#server.listening) await this.stop();
  }

  /** Breaks the streams that are open, and nothing else. */
  dropStreams() {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  /** Sends one event as it is to every stream. */
  sendRaw(topic, data) {
    for (const stream of this.#streams) stream.write(`event: ${topic}\ndata: ${data}\n\n`);
  }

  #answer(request, response) {
    const url = new URL(request.url, this.url);
    this.requests.push(url.pathname + url.search);
    if (url.pathname === "/api/v1/stream") return this.#open(response);
    if (url.pathname.startsWith("/api/")) return this.#json(url, response);
    return this.#file(url.pathname, response);
  }

  #open(response) {
    if (this.refuseStreams) {
      response.writeHead(503, { "Content-Type": "application/problem+json" });
      return response.end(JSON.stringify({ title: "Too many pages", status: 503, detail: this.refuseStreams, hint: "close another page" }));
    }
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write("retry: 2000\n\n");
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
    return this.#send(response);
  }

  #send(stream) {
    const now = Date.now() / 1000;
    const topics = {
      overview: this.fleet.overview(now), traffic: this.fleet.traffic(now, 5), edges: this.fleet.edges(now),
      attacks: this.fleet.attacks(now), rules: this.fleet.rules(now),
    };
    stream.write(Object.entries(topics).map(([topic, view]) => `event: ${topic}\ndata: ${JSON.stringify(view)}\n\n`).join(""));
  }

  #json(url, response) {
    const now = Date.now() / 1000;
    const number = (name, fallback) => Number(url.searchParams.get(name) ?? fallback);
    const [, kind, id] = /^\/api\/v1\/(\w+)(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    const named = id === undefined ? "" : decodeURIComponent(id);
    const view = {
      overview: () => this.fleet.overview(now),
      traffic: () => this.fleet.traffic(now, number("last_s", 300), url.searchParams.get("region") ?? ""),
      edges: () => this.fleet.edges(now),
      attacks: () => (named ? this.fleet.attack(named, now) : this.fleet.attacks(now)),
      rules: () => (named ? this.fleet.rule(named, now) : this.fleet.rules(now, number("limit", 100))),
    }[kind]?.();
    if (view) {
      response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
      return response.end(JSON.stringify(view));
    }
    response.writeHead(404, { "Content-Type": "application/problem+json" });
    return response.end(JSON.stringify({ title: "Not found", status: 404, detail: `there is no ${kind ?? "view"} ${named}` }));
  }

  #file(path, response) {
    const file = join(this.#dist, normalize(path === "/" ? "/index.html" : path));
    if (!this.#dist || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404, { "Content-Type": "text/plain" });
      return response.end("not found\n");
    }
    const body = gzipSync(readFileSync(file), { level: 9 });
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Encoding": "gzip", "Content-Length": body.length,
      "Content-Security-Policy": this.#policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache",
    });
    return response.end(body);
  }
}

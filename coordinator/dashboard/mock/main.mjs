// node mock/main.mjs [SCENARIO] [PORT]: a mock coordinator for `npm run dev`, on 127.0.0.1:8099 if nothing else is said.
import { MockServer } from "./server.mjs";
import { SCENARIOS } from "./views.mjs";

const [scenario = "attack", port = "8099"] = process.argv.slice(2);
if (!SCENARIOS.includes(scenario)) {
  console.error(`usage: node mock/main.mjs [${SCENARIOS.join("|")}] [PORT]`);
  process.exit(64);
}
const mock = await MockServer.listen({ scenario, port: Number(port), dist: "dist" });
console.log(`mock coordinator (${scenario}) at ${mock.url}; npm run dev shows it`);

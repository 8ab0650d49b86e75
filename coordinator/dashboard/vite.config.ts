import { defineConfig } from "vite";

// One script and one style sheet, named after their content so that browsers may keep them for ever. Nothing inline: the
// coordinator's content security policy forbids it.
export default defineConfig({
  esbuild: { jsx: "automatic" },
  // npm run dev shows a mock coordinator (npm run mock) or, by BREAKWATER_API=http://ADDRESS:PORT, a real one.
  server: { proxy: { "/api": process.env["BREAKWATER_API"] ?? "http://127.0.0.1:8099" } },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
});

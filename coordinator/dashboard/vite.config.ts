import { defineConfig } from "vite";

// One script and one style sheet, named after their content so that browsers may keep them for ever. Nothing inline: the
// coordinator's content security policy forbids it.
export default defineConfig({
  esbuild: { jsx: "automatic" },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
});

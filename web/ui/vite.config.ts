import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const FIRST_FONTS = /geist(-mono)?-latin-wght-normal.*\.woff2$/;

/** Beside each file that gains by it, the same as .br and .gz: nobody has to compress at run time. */
function compressed(): Plugin {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  return {
    name: "compressed",
    apply: "build",
    enforce: "post", // Vite fills in what to preload at the very end
    writeBundle(options, bundle) {
      for (const [name, file] of Object.entries(bundle)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const source = Buffer.from(file.type === "chunk" ? file.code : file.source);
        if (source.length < 1024) continue;
        const path = join(options.dir ?? "dist", name);
        writeFileSync(`${path}.br`, brotliCompressSync(source, quality));
        writeFileSync(`${path}.gz`, gzipSync(source, { level: 9 }));
      }
    },
  };
}

/**
 * The first paint is the right one: the fonts that it needs are asked for with the page, and it waits
 * for the script that knows which theme somebody chose.
 */
function preloaded(): Plugin {
  return {
    name: "preloaded",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const fonts = Object.keys(bundle ?? {}).filter((name) => FIRST_FONTS.test(name));
        return {
          html: html.replace('<script type="module"', '<script type="module" blocking="render"'),
          tags: fonts.map((name) => ({
            tag: "link",
            attrs: {
              rel: "preload",
              as: "font",
              type: "font/woff2",
              href: `/${name}`,
              crossorigin: "",
            },
            injectTo: "head" as const,
          })),
        };
      },
    },
  };
}

export default defineConfig({
  plugins: [preloaded(), compressed()],
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"], // they know light-dark()
    assetsInlineLimit: 0, // the policy allows no data: addresses
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
  },
  server: {
    proxy: { "/v1": { target: process.env.DALSTON_URL ?? "http://127.0.0.1:8080", ws: true } },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);

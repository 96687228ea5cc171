// Makes ../static/vendor/ anew: every script that is not ours, minified, with its licence and version beside it.
// `make vendor` runs it; what it writes is committed, so that nobody else needs npm.
import { build } from "esbuild";
import { copyFile, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PACKAGES = join(HERE, "node_modules");
const TARGET = join(HERE, "../static/vendor");

/** Taken as their authors made them: name here → file there. */
const COPIED = { "htmx.min.js": "htmx.org/dist/htmx.min.js", "idiomorph.min.js": "idiomorph/dist/idiomorph.min.js" };
/** ES modules bundled from the files of these names beside this one. */
const BUNDLED = ["codemirror.js", "dagre.js", "uplot.js", "yaml.js"];
/** What their authors have bundled into them already. */
const INSIDE = { "dagre.js": ["@dagrejs/graphlib"] };

/** The package a file below node_modules belongs to. */
function packageOf(path) {
  const parts = path.split("node_modules/").pop().split("/");
  return parts.slice(0, parts[0].startsWith("@") ? 2 : 1).join("/");
}

async function bundle(name) {
  const { metafile } = await build({
    absWorkingDir: HERE,
    entryPoints: [name],
    outfile: join(TARGET, name),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    metafile: true,
  });
  const [output] = Object.values(metafile.outputs);
  const used = Object.keys(output.inputs).filter((path) => path.includes("node_modules/"));
  return [...new Set([...used.map(packageOf), ...(INSIDE[name] ?? [])])].sort();
}

async function licensed(name, packages) {
  const rows = [];
  let text = "";
  for (const one of packages) {
    const folder = join(PACKAGES, one);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${one} has no licence`);
    text += `${one} ${version} (${license})\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n\n`;
    rows.push(`| ${name} | ${one} | ${version} | ${license} |`);
  }
  await writeFile(join(TARGET, `${name.replace(/(\.min)?\.js$/, "")}.LICENSE`), `${text.trim()}\n`);
  return rows;
}

for (const entry of await readdir(TARGET)) await rm(join(TARGET, entry));
const rows = [];
for (const [name, path] of Object.entries(COPIED)) {
  await copyFile(join(PACKAGES, path), join(TARGET, name));
  rows.push(...(await licensed(name, [packageOf(join(PACKAGES, path))])));
}
for (const name of BUNDLED) rows.push(...(await licensed(name, await bundle(name))));
const head = "# Scripts of others\n\nMade by `make vendor`, not by hand. The licence of each is in the file of its name.\n\n";
await writeFile(join(TARGET, "README.md"), `${head}| file | package | version | licence |\n|---|---|---|---|\n${rows.join("\n")}\n`);

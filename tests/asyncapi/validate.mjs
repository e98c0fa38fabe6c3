// Checks an AsyncAPI document with the official parser: `node validate.mjs FILE`. Every note of the
// parser counts as a fault.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const file = process.argv[2];
const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
for (const each of diagnostics) {
  const line = each.range.start.line + 1;
  console.error(`${file}:${line}: ${each.path.join(".")}: ${each.message} (${each.code})`);
}
if (document === undefined || diagnostics.length > 0) {
  process.exit(1);
}
console.log(`${file}: valid AsyncAPI ${document.version()}, ${document.channels().length} channels`);

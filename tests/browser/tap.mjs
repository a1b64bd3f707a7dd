/* Cases, told as TAP: each is a function that throws when it has failed. */
import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";

export async function run(cases) {
    let number = 0, failed = 0;
    for (const [name, tried] of Object.entries(cases)) {
        number++;
        try {
            await tried();
            console.log(`ok ${number} - ${name.replaceAll("_", " ")}`);
        } catch (error) {
            failed++;
            console.log(`not ok ${number} - ${name.replaceAll("_", " ")}`);
            console.log(String(error.stack ?? error).split("\n").map((line) => `# ${line}`).join("\n"));
        }
    }
    console.log(`1..${number}`);
    return failed;
}

/* A directory that is gone when the program ends. */
export function freshDirectory() {
    const path = mkdtempSync(join(tmpdir(), "ese-browser-"));
    process.on("exit", () => rmSync(path, {recursive: true, force: true}));
    return path;
}

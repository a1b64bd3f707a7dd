/* Runs of the lab, and the browser that looks at their reports. */
import {execFileSync, spawnSync} from "node:child_process";
import {cpSync, readFileSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const require = createRequire(join(process.env.ESE_BROWSER_MODULES, "/"));

export function lab(program, ...words) {
    const done = spawnSync(program, words, {encoding: "utf8", timeout: 120000, maxBuffer: 1 << 28});
    return {status: done.status, out: done.stdout, said: done.stderr};
}

/* Five seconds of load, over what needs no broker. */
export function makeRun(program, directory, ...options) {
    execFileSync(program, ["compare", "--quiet", "--transports", "file,http", "--rate", "200", "--duration", "5", "--warmup",
        "1", "--gap", "1", "--source", "clicks", ...options, "--out", directory], {stdio: ["ignore", "ignore", "inherit"],
        timeout: 120000});
}

export function resultsOf(directory) {
    return JSON.parse(readFileSync(join(directory, "results.json"), "utf8"));
}

/* The run once more, with another results.json. */
export function altered(directory, into, change) {
    cpSync(directory, into, {recursive: true});
    const results = resultsOf(into);
    change(results);
    writeFileSync(join(into, "results.json"), JSON.stringify(results, null, 2));
    return into;
}

export function report(program, ...directories) {
    const done = lab(program, "report", ...directories);
    if (done.status !== 0)
        throw new Error(`report ${directories.join(" ")}: exit status ${done.status}: ${done.said}`);
    return done.out.trim();
}

export function launch() {
    const {chromium} = require("playwright-core");
    const asRoot = process.getuid() === 0 ? ["--no-sandbox"] : [];
    return chromium.launch({executablePath: "/usr/bin/chromium", args: asRoot});
}

/* Opens a file, and notes what should not be: whatever the console says, and any request but that for the file. */
export async function open(browser, file, options = {}) {
    const context = await browser.newContext({viewport: {width: 1280, height: 800}, ...options});
    const page = await context.newPage(), amiss = [], url = pathToFileURL(file).href;
    page.on("console", (message) => amiss.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => amiss.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => dialog.dismiss().then(() => amiss.push("a dialog")));
    page.on("request", (request) => {
        if (decodeURI(request.url()) !== decodeURI(url) && request.url() !== "data:,")
            amiss.push(`request: ${request.url()}`);
    });
    await page.goto(url);
    const isReady = await page.waitForSelector("html[data-ready]", {timeout: 10000}).then(() => true, () => false);
    return {page, amiss, isReady, close: () => context.close()};
}

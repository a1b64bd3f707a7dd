/* A server that pushes, somebody who is pushed to, and a page that is open in a browser: of the dashboard's tests. */
import {spawn} from "node:child_process";
import {existsSync, readFileSync} from "node:fs";
import {createServer} from "node:http";
import {join} from "node:path";
import {setTimeout as pause} from "node:timers/promises";
import {freshDirectory} from "./tap.mjs";

const PATIENCE_MS = 30000; // the machine may be busy

process.once("SIGTERM", () => process.exit(143)); // and servers with it

/* How long is waited for anything, and the longest that it took. */
export const waits = {most_ms: PATIENCE_MS, longest_ms: 0};

/* Waits for what is to come; throws `what` where it does not. */
export async function waitFor(what, condition) {
    const began = Date.now();
    for (; Date.now() - began < waits.most_ms; await pause(20)) {
        if (await condition()) {
            waits.longest_ms = Math.max(waits.longest_ms, Date.now() - began);
            return;
        }
    }
    throw new Error(`waited in vain: ${what}`);
}

export async function startServer(program, environment = {}) {
    const place = freshDirectory(), ready = join(place, "ready");
    const process_ = spawn(program, ["--transport", "webhook", "--listen", "127.0.0.1:0", "--data", join(place, "data"),
        "--ready-file", ready, "--log-level", "warning"], {stdio: ["ignore", "ignore", "inherit"],
        env: {...process.env, ESE_TOKEN: undefined, ...environment}});
    const ended = new Promise((resolve) => process_.on("exit", resolve));
    const kill = () => process_.kill("SIGKILL");
    process.on("exit", kill);
    await waitFor("the server is ready", () => existsSync(ready) && readFileSync(ready, "utf8").endsWith("\n"));
    const address = `http://${readFileSync(ready, "utf8").trim()}`;
    const ask = async (method, path, body, headers = {}) => {
        const answer = await fetch(address + path, {method, body, headers});
        return {status: answer.status, headers: answer.headers, text: await answer.text()};
    };
    const good = async (...what) => {
        const answer = await ask(...what);
        if (answer.status !== 200)
            throw new Error(`${what.join(" ")}: ${answer.status} ${answer.text}`);
        return answer;
    };
    return {
        address, ask,
        post: (stream, body = "{}", type = "placed") => good("POST", `/streams/${stream}`, body, {"X-Event-Type": type}),
        subscribe: (name, stream, url, more) => good("POST", `/subscriptions/${name}`, JSON.stringify({stream, url, ...more})),
        told: async (path) => JSON.parse((await good("GET", path)).text),
        stop: () => process_.kill("SIGTERM") && ended,
    };
}

/* `status` is what it answers, now. */
export async function startReceiver() {
    const receiver = {status: 200};
    const server = createServer((request, response) => {
        request.resume();
        response.writeHead(receiver.status).end();
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return Object.assign(receiver, {
        url: `http://127.0.0.1:${server.address().port}/pushes`,
        close: () => {
            server.closeAllConnections?.();
            server.close();
        },
    });
}

/* An empty page, and what should not be: whatever the console says, a dialog of the browser's, and any request to
 * elsewhere than that origin. */
export async function openPage(browser, origin, options = {}) {
    const context = await browser.newContext({viewport: {width: 1280, height: 720}, ...options});
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage(), amiss = [];
    page.on("console", (message) => amiss.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => amiss.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => dialog.dismiss().then(() => amiss.push("a dialog")));
    page.on("request", (request) => {
        if (request.url() !== "data:," && new URL(request.url()).origin !== origin)
            amiss.push(`request: ${request.url()}`);
    });
    return {page, amiss, close: () => context.close()};
}

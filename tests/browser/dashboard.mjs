/* dashboard.mjs SERVER TREE [--planted | PICTURES] - the page of the server that pushes, in a real browser: it shows what
 * the routes tell, goes on by itself, pauses, resumes and deletes, takes whatever comes for text, and asks for a token where
 * there is one. With PICTURES it leaves some in that directory. --planted: that its checks catch pages with a known fault.
 * TAP. */
import assert from "node:assert/strict";
import {mkdirSync, readFileSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";
import {launch} from "./lab.mjs";
import {openPage, startReceiver, startServer, waitFor, waits} from "./pusher.mjs";
import {run} from "./tap.mjs";

const [SERVER, TREE, how] = process.argv.slice(2), PARTS = join(TREE, "transports/webhook/dashboard");
const PICTURES = how === "--planted" ? undefined : how;
const TOKEN = "s3cret-of-the-page";
const NEVER_AGAIN = {retry: {tries: 0, first_ms: 600000, most_ms: 600000}};
const HOSTILE = ["<img src=x onerror=\"document.title='bitten'\">", "<script>document.title='bitten'</script>",
    "\"><b>bold</b>", "javascript:alert(1)", "&lt;b&gt;", "</pre></li></ol>", "\u202Eegnaro"];

const {standing, share, canBeAsked} = await import(pathToFileURL(join(PARTS, "words.js")));
const server = await startServer(SERVER), well = await startReceiver(), bad = await startReceiver();
const browser = await launch();
let cases = 0; // each has streams of its own
bad.status = 500;

/* ---- looking --------------------------------------------------------------------------------- */

/* `faults`: {"main.js": (text) => other text}. */
async function opened(path, look, {faults = {}, ...options} = {}) {
    const tab = await openPage(browser, server.address, options);
    try {
        for (const [name, change] of Object.entries(faults))
            await tab.page.route(`**/dashboard/build/${name}`, async (route) => {
                const body = readFileSync(join(PARTS, name), "utf8"), other = change(body);
                assert.notEqual(other, body, `nothing is planted in ${name}`);
                await route.fulfill({body: other, contentType: "text/javascript"});
            });
        await tab.page.goto(server.address + path);
        await tab.page.waitForSelector("html[data-ready]");
        await look(tab.page);
        assert.deepEqual(tab.amiss, []);
    } finally {
        await tab.close();
    }
}

const card = (page, name) => page.locator(`[data-subscription="${name}"]`);
const row = (page, name) => page.locator(".stream").filter({has: page.locator("h3 bdi", {hasText: name})});
const says = (what, part, text) => waitFor(`${what}: ${text}`, async () =>
    (await part.allTextContents()).some((now) => text instanceof RegExp ? text.test(now) : now.includes(text)));
const subscription = async (name) => (await server.told("/subscriptions")).find((one) => one.name === name);
const button = (page, name, word) => card(page, name).getByRole("button", {name: word});

/* ---- what it shows --------------------------------------------------------------------------- */

async function the_scene_is_set() {
    for (let i = 1; i <= 12; i++)
        await server.post("orders", JSON.stringify({order: i, amount: 3 * i}), i % 4 === 0 ? "paid" : "placed");
    await server.post("orders", JSON.stringify({order: 13, note: "another shape"}), "placed");
    await server.post("notes", "no JSON\nat all", "text");
    await server.subscribe("mailer", "orders", well.url);
    await server.subscribe("stuck", "orders", bad.url, {position: 9, ...NEVER_AGAIN});
    await server.subscribe("given_up", "orders", bad.url, {position: 3, retry: {tries: 1, first_ms: 1, most_ms: 1}});
    await waitFor("one is up to date, one stands, one is paused", async () => {
        const [mailer, stuck, given] = await Promise.all(["mailer", "stuck", "given_up"].map(subscription));
        return mailer.lag === 0 && stuck.attempts === 1 && stuck.state === "waiting" && !given.active;
    });
    await waitFor("all is counted", async () =>
        (await server.told("/introspect")).reduce((sum, {total}) => sum + total, 0) === 14);
}

async function shows_what_the_routes_tell(faults) {
    const streams = await server.told("/introspect"), lines = await server.told("/subscriptions");
    await opened("/dashboard", async (page) => {
        assert.equal(await page.title(), `webhook at ${new URL(server.address).host}`);
        assert.match(await page.locator("header").textContent(), /live/);
        assert.equal(await page.locator(".stream").count(), streams.length);
        for (const {name, total, event_types: types} of streams) {
            assert.match(await row(page, name).locator(".total").textContent(), new RegExp(`^${total} events?$`));
            assert.deepEqual((await row(page, name).locator(".types li").allTextContents()).sort(),
                types.map((type) => `${type.name} ${type.total}`).sort());
        }
        assert.equal(await page.locator(".subscription").count(), lines.length);
        for (const {name, stream, url, position, lag, attempts, pause_reason: reason} of lines) {
            const text = await card(page, name).textContent();
            for (const part of [name, `${stream} → ${url}`, `position ${position} of ${position + lag}`, reason,
                lag > 0 ? `${lag} behind` : "", attempts > 0 ? `${attempts} attempt` : ""])
                assert.ok(text.includes(part), `${name}: no '${part}' in '${text}'`);
            const [taken, all] = await card(page, name).locator(".bar").evaluate((bar) =>
                [bar.querySelector("rect").getBoundingClientRect().width, bar.querySelector("svg").clientWidth]);
            assert.ok(Math.abs(taken / all - position / (position + lag)) < 0.02, `${name}: ${taken} of ${all}`);
        }
        assert.match(await card(page, "stuck").textContent(), /its line stands.*Event 10 was tried once.*3 more stand/s);
        assert.match(await card(page, "given_up").textContent(), /paused.*error code 500.*10 events wait/s);
        assert.match(await card(page, "mailer").textContent(), /up to date/);
    }, {faults});
}

async function a_stream_is_opened(faults) {
    const events = (await server.told("/streams/orders/3/10")).reverse();
    const {event_variants: shapes} = await server.told("/introspect/orders");
    await opened("/dashboard", async (page) => {
        await row(page, "orders").locator("a").click();
        await says("the newest", page.locator(".newest"), '{"order":13');
        assert.ok(page.url().endsWith("/dashboard/streams/orders"), page.url());
        assert.deepEqual(await page.locator(".newest li").evaluateAll((all) => all.map((one) => one.dataset.position)),
            events.map(({position}) => String(position)));
        assert.deepEqual(await page.locator(".newest pre").allTextContents(),
            events.map(({body}) => Buffer.from(body, "base64").toString()));
        assert.deepEqual((await page.locator(".shapes pre").allTextContents()).sort(),
            Object.values(shapes).flat().map(({body}) => body).sort());
        await page.goBack();
        await waitFor("it is closed", async () => await page.locator(".opened").count() === 0);
    }, {faults});
    await opened("/dashboard/streams/notes", async (page) => {
        await says("the newest", page.locator(".newest"), "no JSON\nat all");
    });
}

/* ---- what it does ---------------------------------------------------------------------------- */

async function goes_on_by_itself(faults) {
    const live = `live-${++cases}`, follows = `follows_${cases}`;
    await opened(`/dashboard/streams/${live}`, async (page) => {
        assert.match(await page.locator(".opened").textContent(), /There is no event in it|reading/);
        await server.subscribe(follows, live, well.url);
        for (const number of [1, 2]) {
            await server.post(live, `{"number":${number}}`, "counted");
            await says("the total", row(page, live).locator(".total"), new RegExp(`^${number} event`));
            await says("the newest", page.locator(".newest li").first(), `{"number":${number}}`);
            await says("its line", card(page, follows), `position ${number} of ${number}`);
        }
        assert.equal(await page.locator(".newest li").count(), 2);
        assert.equal((await server.ask("DELETE", `/subscriptions/${follows}`)).status, 200);
        await waitFor("it is gone", async () => await card(page, follows).count() === 0);
    }, {faults});
}

async function pauses_resumes_and_deletes(faults) {
    const mine = `mine_${++cases}`;
    await server.subscribe(mine, "orders", well.url);
    await opened("/dashboard", async (page) => {
        await button(page, mine, "Pause").click();
        await says("paused", card(page, mine), "Paused: API request");
        assert.equal((await subscription(mine)).active, false);
        await button(page, mine, "Resume").click();
        await says("resumed", card(page, mine), "up to date");
        assert.equal((await subscription(mine)).active, true);
        await button(page, mine, "Delete").click();
        await page.getByRole("button", {name: "Leave it"}).click();
        await page.waitForSelector("dialog", {state: "detached"});
        await page.waitForResponse((response) => response.url().endsWith("/subscriptions"));
        assert.notEqual(await subscription(mine), undefined, "deleted although it was to be left");
        await button(page, mine, "Delete").click();
        await page.getByRole("dialog").getByRole("button", {name: "Delete"}).click();
        await waitFor("it is gone", async () => await card(page, mine).count() === 0);
        assert.equal(await subscription(mine), undefined);
    }, {faults});
}

/* The keyboard's place stays where it is while all is read anew. */
async function whoever_is_at_a_button_stays_there() {
    await opened("/dashboard", async (page) => {
        await button(page, "mailer", "Pause").focus();
        for (let i = 0; i < 2; i++)
            await page.waitForResponse((response) => response.url().endsWith("/subscriptions"));
        await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
        assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Pause mailer");
    });
}

/* ---- what comes from outside ----------------------------------------------------------------- */

async function whatever_comes_is_text(faults) {
    const evil = `x%3Cb%3E'&onload=${++cases}`, types = HOSTILE.slice(0, 6);
    for (const [i, type] of types.entries())
        await server.post(evil, i === 0 ? JSON.stringify({[HOSTILE[0]]: HOSTILE[1]}) : HOSTILE[i], type);
    const line = {headers: {}, active: false, position: 1, lag: 2, attempts: 1, dead_letters: 1, batch: 1, state: "paused"};
    const forged = HOSTILE.map((text, i) => ({...line, name: `h${i}`, stream: text, url: text, pause_reason: text}));
    await waitFor("all is counted", async () => (await server.told("/introspect")).some(({name, total}) =>
        name === evil && total === types.length));
    await opened("/dashboard", async (page) => {
        await page.route("**/subscriptions", (route) => route.fulfill({json: forged}));
        await says("the reasons", card(page, "h0"), HOSTILE[0]);
        for (const [i, text] of HOSTILE.entries()) {
            assert.equal(await card(page, `h${i}`).locator(".url").textContent(), text);
            assert.ok((await card(page, `h${i}`).locator(".story").textContent()).startsWith(`Paused: ${text}. `));
            const link = card(page, `h${i}`).locator(".way a");
            assert.equal(await link.textContent(), text);
            assert.equal(new URL(await link.evaluate((one) => one.href)).origin, server.address);
        }
        await row(page, evil).locator("a").click();
        await says("the newest", page.locator(".newest"), HOSTILE[5]);
        assert.deepEqual((await row(page, evil).locator(".types bdi").allTextContents()).sort(), [...types].sort());
        const bodies = await page.locator(".newest pre").allTextContents();
        assert.deepEqual(bodies.slice(0, 5).reverse(), HOSTILE.slice(1, 6));
        assert.equal(await page.locator("main :is(img, script, iframe, object, style, form, b b, pre b)").count(), 0);
        assert.match(await page.title(), /^webhook at /);
    }, {faults});
}

/* The original's files have such events. */
async function events_without_a_type_are_shown(faults) {
    await opened("/dashboard", async (page) => {
        await page.route("**/introspect", (route) => route.fulfill({json: [{name: "nt", total: 7, event_types: null},
            {name: "typed", total: 8, event_types: [{name: "t", total: 8}]}]}));
        await says("the total", row(page, "nt").locator(".total"), /^7 events$/);
        await says("the types", row(page, "typed").locator(".types li"), /^t 8$/);
        assert.equal(await row(page, "nt").locator(".types li").count(), 0);
    }, {faults});
}

async function a_name_that_no_browser_can_ask_for_is_said() {
    assert.ok(canBeAsked("a%20b") && canBeAsked("x'&=;:@!$()*+,~|^_.-") === canBeAsked("^|"));
    for (const name of ["<b>", "a b", "a?b", "a#b", "a\"b", "a\\b", "%2e%2e", "..", "{x}"])
        assert.ok(!canBeAsked(name), name);
}

/* ---- how it looks ---------------------------------------------------------------------------- */

const SIZES = {projector: [1280, 720], wide: [1920, 1080], narrow: [360, 740]};

const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

async function fits(page, name, width) {
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(beyond <= 0, `${name}: ${beyond} pixels too wide`);
    const tops = await page.locator("main > section").evaluateAll((all) => all.map((one) => one.offsetTop));
    assert.equal(tops[0] === tops[1], width > 1000, `${name}: ${tops}`);
}

async function fits_whatever_it_is_shown_on() {
    await opened("/dashboard/streams/orders", async (page) => {
        await says("the newest", page.locator(".newest"), '{"order":13');
        const grounds = new Set();
        for (const [name, [width, height]] of Object.entries(SIZES)) {
            await page.setViewportSize({width, height});
            for (const colorScheme of ["light", "dark"]) {
                await page.emulateMedia({colorScheme});
                await page.waitForSelector(`html[data-theme=${colorScheme}]`);
                await fits(page, name, width);
                grounds.add(`${colorScheme} ${await ground(page)}`);
                if (PICTURES !== undefined)
                    await page.screenshot({path: join(PICTURES, `${name}-${colorScheme}.png`), fullPage: true});
            }
        }
        assert.equal(new Set([...grounds].map((one) => one.split(" ").slice(1).join(" "))).size, 2);
        const before = await ground(page); // dark, as the machine has it
        await page.getByRole("button", {name: /in light colours/}).click();
        assert.notEqual(await ground(page), before);
    });
}

async function words_are_of_the_state() {
    const line = {active: true, state: "idle", position: 4, lag: 0, attempts: 0, pause_reason: "", batch: 1};
    const kind = (more) => standing({...line, ...more}).kind;
    assert.deepEqual([kind({}), kind({lag: 2}), kind({lag: 2, state: "under way"}), kind({lag: 2, attempts: 2, state: "waiting"}),
        kind({lag: 2, attempts: 2, state: "under way"}), kind({active: false})],
        ["well", "moves", "moves", "stands", "stands", "paused"]);
    assert.match(standing({...line, lag: 1, attempts: 3}).story, /^Event 5 was tried 3 times and not taken\. It/);
    assert.match(standing({...line, lag: 9, attempts: 1, batch: 5}).story, /^What comes behind position 4 was tried once/);
    assert.deepEqual([[0, 0], [0, 5], [5, 0], [1, 3], [9, -9]].map(([position, lag]) => share({position, lag})),
        [1, 0, 1, 0.25, 1]);
}

/* ---- a token, and no server ------------------------------------------------------------------ */

const isUnauthorized = (text) => /^console: .*status of 401/.test(text); // the browser says so of each such answer

async function a_token_is_asked_for() {
    const guarded = await startServer(SERVER, {ESE_TOKEN: TOKEN}), mine = {Authorization: `Bearer ${TOKEN}`};
    await guarded.ask("POST", "/streams/kept", "{}", {"X-Event-Type": "t", ...mine});
    const {page, amiss, close} = await openPage(browser, guarded.address);
    await page.goto(`${guarded.address}/dashboard/streams/kept`);
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", {name: "Come in"}).click();
    await says("refused", page.locator(".state"), "not the token");
    assert.equal(await page.locator(".stream").count(), 0);
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByRole("button", {name: "Come in"}).click();
    await says("the newest", page.locator(".newest"), "{}");
    assert.equal(await page.locator("form").count(), 0);
    assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]), [0, 0, ""]);
    assert.deepEqual(amiss.filter((one) => !isUnauthorized(one)), []);
    assert.equal(amiss.length, 2);
    await guarded.stop();
    await says("gone", page.locator(".state"), "does not answer");
    await close();
}

/* ---- the checks themselves ------------------------------------------------------------------- */

const swap = (from, to) => (text) => text.replace(from, to);
/* Each with what is then said. */
const FAULTS = {
    "text is read as HTML": [whatever_comes_is_text, /h0|the reasons/, {"dom.js":
        swap("element.textContent = text;", "element.innerHTML = text;")}],
    "bodies are read as HTML": [whatever_comes_is_text, /the newest|bold/, {"bodies.js":
        swap('return el("pre"', 'const p = el("pre"); p.innerHTML = text; return p; el("pre"')}],
    "a link leads to where a name says": [whatever_comes_is_text, /null|Invalid URL/, {"streams.js":
        swap("return BELOW + name;", "return name;")}],
    "it looks once": [goes_on_by_itself, /the total: /, {"main.js": swap("setTimeout(look, EVERY_MS)", "null")}],
    "what was read first stays": [goes_on_by_itself, /the newest: /, {"opened.js": swap("known === total", "known !== null")}],
    "who is gone is still there": [goes_on_by_itself, /it is gone/, {"dom.js": swap("one.element.remove();", "")}],
    "a pause resumes": [pauses_resumes_and_deletes, /paused: Paused/, {"subscriptions.js": swap('"/pause"', '"/resume"')}],
    "it deletes unasked": [pauses_resumes_and_deletes, /to be left/, {"dialog.js": swap('=== "yes"', '!== ""')}],
    "the bar is always full": [shows_what_the_routes_tell, /: \d+.* of \d+/, {"words.js":
        swap("return lag <= 0 ? 1 :", "return true ? 1 :")}],
    "types are not shown": [shows_what_the_routes_tell, /counted|placed|text/, {"streams.js": swap("if (now !== known)", "if (false)")}],
    "each event has a type": [events_without_a_type_are_shown, /the types/, {"streams.js": swap("(kinds ?? [])", "kinds")}],
    "the oldest are shown": [a_stream_is_opened, /the newest/, {"opened.js": swap("Math.max(0, end - NEWEST)", "0")}],
    "shapes are left out": [a_stream_is_opened, /order/, {"opened.js": swap("variants ?? {}", "{}")}],
    "it talks": [a_stream_is_opened, /console: here/, {"main.js": (text) => `${text}console.log("here");\n`}],
};

/* Whoever waits in vain need not wait for long: a few times as long as it took where nothing was wrong. */
async function nothing_is_found_where_nothing_is_planted() {
    for (const tried of new Set(Object.values(FAULTS).map(([one]) => one)))
        await tried();
    waits.most_ms = 1000 + 3 * waits.longest_ms;
}

function planted() {
    return Object.entries(FAULTS).map(([name, [tried, expected, faults]]) => [name.replaceAll(" ", "_"), async () => {
        const said = await tried(faults).then(() => "nothing", (error) => error.message);
        assert.match(said, expected);
    }]);
}

if (PICTURES !== undefined)
    mkdirSync(PICTURES, {recursive: true});
const failed = await run(how === "--planted" ? {
    the_scene_is_set, nothing_is_found_where_nothing_is_planted, ...Object.fromEntries(planted()),
} : {
    the_scene_is_set, shows_what_the_routes_tell, a_stream_is_opened, goes_on_by_itself, pauses_resumes_and_deletes,
    whoever_is_at_a_button_stays_there, whatever_comes_is_text, events_without_a_type_are_shown, a_name_that_no_browser_can_ask_for_is_said,
    fits_whatever_it_is_shown_on, words_are_of_the_state, a_token_is_asked_for,
});
await browser.close();
await server.stop();
well.close();
bad.close();
process.exitCode = failed === 0 ? 0 : 1;

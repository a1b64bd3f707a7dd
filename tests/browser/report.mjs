/* report.mjs LAB TREE - two runs are made, their report is opened from file://, and held against their results.json; then
 * what is wrong is planted, and must be found out. TAP. */
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {readFileSync, rmSync, symlinkSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {differences} from "./figures.mjs";
import {altered, lab, launch, makeRun, open, report, resultsOf} from "./lab.mjs";
import {freshDirectory, run} from "./tap.mjs";

const [LAB, TREE] = process.argv.slice(2);
const place = freshDirectory(), struck = join(place, "struck"), calm = join(place, "calm");
const HOSTILE = "</script><img src=x onerror=document.title='taken'>";
const SIZES = [[1920, 1080], [1280, 800], [390, 844]];

makeRun(LAB, struck, "--fault", "consumer-down");
makeRun(LAB, calm, "--fault", "none", "--seed", "2");
const page = report(LAB, struck), browser = await launch();

async function opened(file, look, options) {
    const tab = await open(browser, file, options);
    try {
        await look(tab);
    } finally {
        await tab.close();
    }
}

function ids(directory, transport) {
    const lines = lab(LAB, "history", join(directory, transport, "client.history")).out.trim().split("\n");
    return [...new Set(lines.map((line) => JSON.parse(line)).filter((line) => line.id).map((line) => line.id))];
}

/* ---- the page as it is ----------------------------------------------------------------------- */

async function it_opens_from_a_file_and_asks_for_nothing() {
    await opened(page, async ({page: tab, amiss, isReady}) => {
        assert.ok(isReady, "the page was not drawn");
        await tab.locator("summary").first().click();
        assert.deepEqual(amiss, []);
        assert.match(await tab.locator("h1").first().textContent(), /The readers are away/);
    });
}

async function its_figures_are_those_of_results_json() {
    await opened(page, async ({page: tab}) => {
        const {looked, wrong} = await differences(tab, [resultsOf(struck)]);
        assert.deepEqual(wrong, []);
        assert.ok(looked > 200, `only ${looked} figures were found in the page`);
        assert.equal(await tab.locator(".sums.bad").count(), 0);
        assert.ok(await tab.locator(".sums.good").count() >= 8);
        assert.equal(await tab.locator("[data-again]").getAttribute("data-again"), "same");
    });
}

/* Drawn by dygraphs, on canvases: something is to be seen, in each transport's colour. */
async function its_curves_are_drawn() {
    await opened(page, async ({page: tab}) => {
        const colours = await tab.evaluate(() => [...document.querySelectorAll(".canvas")].map((chart) => {
            const seen = new Set();
            for (const canvas of chart.querySelectorAll("canvas")) {
                const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                for (let i = 0; i < data.length; i += 4) {
                    if (data[i + 3] === 255)
                        seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
                }
            }
            return [...seen];
        }));
        const wanted = await tab.evaluate(() => [...document.querySelectorAll(".legend .name:not(.muted)")].map((name) =>
            getComputedStyle(name).color.match(/\d+/g).join(",")));
        assert.equal(colours.length, 3);
        assert.equal(wanted.length, 2);
        for (const chart of colours)
            wanted.forEach((colour) => assert.ok(chart.includes(colour), `no line is ${colour}`));
        assert.match(await tab.locator(".lane").textContent(), /consumer killed at .* s, back .* later/);
    });
}

/* On paper, where they can be read, lines have the patterns and widths of the legend. */
async function its_legend_is_as_its_lines_are() {
    const many = altered(struck, join(place, "eight"), (results) => {
        results.transports = Array.from({length: 8}, (_, i) => ({...results.transports[i % 2], name: `t${i}`}));
    });
    await opened(report(LAB, many), async ({page: tab}) => {
        const look = (one) => [one.getAttribute("stroke-dasharray"), Number(one.getAttribute("stroke-width"))];
        const keys = await tab.locator(".legend line").evaluateAll((all, to) => all.map(eval(to)), String(look));
        const lines = (which) => tab.locator(".chart").first().locator(`.paper path${which}`).evaluateAll((all, to) =>
            all.map(eval(to)), String(look));
        const same = (key, line) => assert.deepEqual([key[0], (key[1] * 0.7).toFixed(2)], [line[0], line[1].toFixed(2)]);
        const own = await lines("[class*=' t']"), offered = await lines("[class=line]");
        assert.deepEqual([keys.length, own.length], [9, 8]);
        own.forEach((line, i) => same(keys[i], line));
        assert.ok(offered.length > 0);
        offered.forEach((line) => same(keys[8], line));
        assert.equal(new Set(keys.map(String)).size, 9);
    });
    rmSync(many, {recursive: true});
}

/* A scenario's expectations stand there as the run has left them, and what does not hold is seen at once. */
async function what_had_to_hold_stands_there() {
    const directory = join(place, "scenario");
    lab(LAB, "scenario", "run", "poison", "--small", "--quiet", "--transports", "file", "--scenarios",
        join(TREE, "orchestration/scenarios"), "--out", directory);
    const {verdict, expectations} = resultsOf(directory).scenario;
    assert.ok(expectations.length >= 5);
    assert.equal(verdict.word, "pass");
    await opened(report(LAB, directory), async ({page: tab, amiss}) => {
        const rows = await tab.locator("#expectations tbody tr").evaluateAll((all) => all.map((one) =>
            [one.querySelector("code").textContent, one.querySelector("[data-holds]").dataset.holds]));
        assert.deepEqual(rows, expectations.map((one) => [one.claim, one.holds]));
        assert.match(await tab.locator("[data-outcome=pass]").textContent(), /All that could be looked at holds/);
        assert.deepEqual(amiss, []);
    });
    const other = altered(directory, join(place, "broken"), ({scenario}) => {
        scenario.verdict = {word: "fail", reason: HOSTILE};
        scenario.expectations[1].holds = "NO";
        scenario.expectations[2].found = HOSTILE;
    });
    await opened(report(LAB, other), async ({page: tab, amiss}) => {
        assert.equal(await tab.locator("#expectations .mark.bad").count(), 1);
        assert.match(await tab.locator("[data-outcome=fail]").textContent(), /Not all of it holds: <\/script>/);
        assert.deepEqual(amiss, []);
    });
    await opened(page, async ({page: tab}) => assert.equal(await tab.locator("#expectations").count(), 0));
}

async function any_event_is_found_by_its_id() {
    await opened(page, async ({page: tab, amiss}) => {
        for (const id of ids(struck, "http").filter((_, i) => i % 200 === 40)) {
            const told = lab(LAB, "check", struck, "--explain", id).out.trim().split("\n").slice(1)
                .map((line) => line.trim().replace(/\s+/g, " ")).filter((line) => !line.startsWith("judged"));
            await tab.locator("#event").fill(id);
            const story = tab.locator(".story", {hasText: id});
            await story.waitFor();
            const text = await story.locator("li").evaluateAll((items) => items.map((item) =>
                [...item.children].map((part) => part.textContent).join(" ").replace(/\s+/g, " ")));
            assert.deepEqual(text, told);
            assert.ok(await tab.locator(".story").count() >= 2, "the same event over the other transport is not beside it");
        }
        await tab.locator("#event").fill("ffffffff-0000-7000-8000-000000000000");
        assert.match(await tab.locator(".hits").textContent(), /No event in this page/);
        assert.deepEqual(amiss, []);
    });
}

async function it_is_dark_where_that_is_wanted() {
    const ground = (tab) => tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await opened(page, async ({page: tab, amiss}) => {
        const dark = await ground(tab);
        await tab.locator(".theme").click();
        const light = await ground(tab);
        assert.notEqual(dark, light);
        await tab.locator(".theme").click();
        assert.equal(await ground(tab), dark);
        await tab.emulateMedia({media: "print"});
        assert.equal(await ground(tab), "rgb(255, 255, 255)");
        assert.ok(await tab.locator(".paper").first().isVisible());
        assert.ok((await tab.pdf({format: "A4"})).length > 20000);
        assert.deepEqual(amiss, []);
    }, {colorScheme: "dark"});
}

async function it_fits_screens_of_three_sizes() {
    for (const [width, height] of SIZES) {
        for (const colorScheme of ["light", "dark"]) {
            await opened(page, async ({page: tab, amiss, isReady}) => {
                assert.ok(isReady);
                const wide = await tab.evaluate(() => document.documentElement.scrollWidth);
                assert.ok(wide <= width, `${wide} pixels wide on ${width}`);
                assert.deepEqual(amiss, []);
            }, {viewport: {width, height}, colorScheme});
        }
    }
}

/* Tables that are wider than what they stand in, and what else lies beyond the page's edge. */
async function tooWide(tab, isOnPaper) {
    return tab.evaluate((paper) => {
        const found = [...document.querySelectorAll("table")].filter((one) =>
            one.getBoundingClientRect().width > one.parentElement.clientWidth + 1);
        const beyond = paper ? [...document.querySelectorAll("main *")].filter((one) =>
            one.getBoundingClientRect().right > innerWidth + 1) : [];
        return [...found, ...beyond].map((one) => `${one.tagName}.${one.className} ${one.textContent.slice(0, 60)}`);
    }, isOnPaper);
}

/* A run of more transports than stand beside each other, with names as long as they are. */
function crowded(results) {
    const names = ["file", "http", "http+ese-store", "kafka", "kafka:via=direct", "http:via=direct", "x".repeat(30)];
    results.transports = names.map((name, i) => ({...results.transports[i % 2], name}));
}

async function no_table_is_wider_than_the_page() {
    const many = altered(struck, join(place, "many"), crowded), other = altered(calm, join(place, "more"), crowded);
    const one = report(LAB, many), both = report(LAB, many, other, "--out", join(place, "crowd.html"));
    for (const file of [page, one, both]) {
        for (const [width, media] of [[1920, "screen"], [1280, "screen"], [688, "print"]]) { /* A4 within its margins */
            await opened(file, async ({page: tab}) => {
                await tab.emulateMedia({media});
                const wrong = await tooWide(tab, media === "print");
                assert.deepEqual(wrong, [], `${file}, ${width}, ${media}`);
                assert.equal(await tab.locator(".figures tbody tr:not(.group)").count() % 3, 0);
            }, {viewport: {width, height: 900}});
        }
    }
    await opened(page, async ({page: tab}) => { /* the one that is full of figures, on a phone, too */
        assert.ok(await tab.locator(".figures").evaluate((one) => one.offsetWidth <= one.parentElement.clientWidth));
    }, {viewport: {width: 390, height: 844}});
}

async function two_runs_stand_side_by_side() {
    const both = report(LAB, struck, calm, "--out", join(place, "both.html"));
    await opened(both, async ({page: tab, amiss, isReady}) => {
        assert.ok(isReady);
        const {looked, wrong} = await differences(tab, [resultsOf(struck), resultsOf(calm)]);
        assert.deepEqual(wrong, []);
        assert.ok(looked > 400);
        assert.match(await tab.locator("#differences").textContent(), /fault: consumer-down in A, none in B/);
        assert.equal(await tab.locator(".column .chart").count(), 6);
        assert.deepEqual(amiss, []);
    });
}

async function the_command_that_repeats_it_is_one() {
    await opened(page, async ({page: tab}) => {
        const words = (await tab.locator("[data-command]").textContent()).split(" ");
        assert.deepEqual(words.slice(0, 2), ["./lab", "compare"]);
        const done = lab(LAB, ...words.slice(1), "--check-options");
        assert.equal(done.status, 0, done.said);
        for (const word of ["file,http", "consumer-down", "200", "clicks"])
            assert.ok(words.includes(word), `${word} is not in ${words.join(" ")}`);
    });
}

/* ---- what must be found out ------------------------------------------------------------------ */

/* The page shows what results.json has; so of one that was altered it shows other numbers than the run came to. */
async function an_altered_number_is_noticed() {
    const wrong = altered(struck, join(place, "altered"), (results) => {
        results.transports[1].ledger.processed -= 1;
        results.transports[0].latency_us.ack.p99 += 100000;
    });
    await opened(report(LAB, wrong), async ({page: tab}) => {
        const found = (await differences(tab, [resultsOf(struck)])).wrong.join("\n");
        assert.match(found, /transports\.1\.ledger\.processed: the page has/);
        assert.match(found, /transports\.0\.latency_us\.ack\.p99: the page has/);
        assert.match(found, /transports\.1\.cost\.cpu_s per 1,000|among all numbers/);
        assert.equal(await tab.locator(".sums.bad").count(), 1);
        const again = tab.locator("[data-again=differs]").first();
        assert.match(await again.textContent(), /http: ledger\.processed/);
        assert.match(await again.textContent(), /file: latency_us\.ack/);
    });
    rmSync(wrong, {recursive: true});
}

function makeHostile(into) {
    return altered(struck, into, (results) => {
        const [one] = results.transports;
        one.name = HOSTILE;
        one.broker = HOSTILE;
        one.promises.notes = HOSTILE;
        one.verdict.ledger.reason = HOSTILE;
        one.lag.waiting[0] = HOSTILE;
        results.options.fault = HOSTILE;
        results.machine.kernel = HOSTILE;
        results[HOSTILE] = HOSTILE;
    });
}

async function hostile_text_stays_text() {
    const directory = makeHostile(join(place, `a "<b>&'`));
    await opened(report(LAB, directory), async ({page: tab, amiss, isReady}) => {
        assert.ok(isReady, "the page was not drawn");
        assert.deepEqual(amiss, []);
        assert.equal(await tab.locator("img").count(), 0);
        assert.equal(await tab.title(), "ESE lab: report");
        assert.ok((await tab.locator(".card .name").first().textContent()).includes(HOSTILE));
    });
}

/* In histories, too: a key of a run that somebody else has recorded, or has changed. */
async function hostile_keys_stay_text() {
    const directory = altered(struck, join(place, "keys"), () => {});
    const history = join(directory, "http", "client.history"), text = join(place, "client.ndjson");
    const lines = lab(LAB, "history", history).out.replaceAll(/"key":"[^"]*"/g, `"key":"${HOSTILE}"`);
    writeFileSync(text, lines);
    rmSync(history);
    assert.equal(lab(LAB, "history", text, "--into", history).status, 0);
    await opened(report(LAB, directory), async ({page: tab, amiss, isReady}) => {
        assert.ok(isReady);
        await tab.locator("#event").fill("</script");
        assert.ok(await tab.locator(".hit").count() > 0, "no story has the key");
        await tab.locator(".hit").first().click();
        assert.ok((await tab.locator(".story").first().textContent()).includes("</script><img"));
        assert.equal(await tab.locator("img").count(), 0);
        assert.deepEqual(amiss, []);
    });
    rmSync(directory, {recursive: true});
}

/* A run that somebody else has recorded is judged when its page is made. */
async function nor_is_a_foreign_run_taken_at_its_word() {
    const directory = join(place, "foreign"), told = join(directory, "run.json");
    execFileSync("python3", [join(TREE, "docs/examples/own_service.py"), directory]);
    const run = JSON.parse(readFileSync(told, "utf8"));
    writeFileSync(told, JSON.stringify({...run, name: HOSTILE}));
    const judged = JSON.parse(lab(LAB, "check", directory, "--json").out);
    await opened(report(LAB, directory), async ({page: tab, amiss, isReady}) => {
        assert.ok(isReady);
        assert.equal(await tab.locator("img").count(), 0);
        assert.ok((await tab.locator(".card .name").first().textContent()).includes(HOSTILE));
        assert.deepEqual((await differences(tab, [judged])).wrong, []);
        assert.deepEqual(amiss, []);
    });
}

/* The known-bad case of these: a page that does write '<' as it came. */
async function and_a_page_that_is_taken_is_noticed() {
    const directory = makeHostile(join(place, "taken"));
    const file = report(LAB, directory), bad = join(place, "bad.html");
    const text = readFileSync(file, "utf8").replaceAll("\\u003c", "<");
    writeFileSync(bad, text);
    await opened(bad, async ({page: tab, amiss, isReady}) => {
        assert.ok(!isReady || amiss.length > 0 || await tab.locator("img").count() > 0);
        assert.ok(await tab.locator("img").count() > 0);
        assert.notEqual(await tab.title(), "taken", "the page's policy has let it run");
    });
    writeFileSync(bad, text.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, ""));
    await opened(bad, async ({page: tab, amiss}) => {
        await tab.waitForFunction(() => document.title === "taken", null, {timeout: 5000});
        assert.ok(amiss.some((one) => one.startsWith("request: ")), amiss.join("; "));
    });
}

async function its_path_is_told_as_json_too() {
    const file = join(place, "told.html");
    assert.deepEqual(JSON.parse(lab(LAB, "report", struck, "--json", "--out", file).out), {report: file});
    assert.match(lab(LAB, "report", struck, "--out", join(place, "none", "x.html")).said, /cannot write/);
}

/* A comparison has a name of its own, beside the first run's report. */
async function two_runs_are_two_and_overwrite_nothing() {
    const before = readFileSync(page, "utf8");
    assert.equal(report(LAB, struck, calm), join(struck, "report-with-calm.html"));
    assert.equal(report(LAB, struck, `${calm}/`), join(struck, "report-with-calm.html"));
    assert.equal(readFileSync(page, "utf8"), before);
    symlinkSync(struck, join(place, "again"));
    for (const same of [struck, `${struck}/`, join(place, "again")]) {
        const done = lab(LAB, "report", struck, same);
        assert.equal(done.status, 64);
        assert.match(done.said, /are the same run/);
    }
    assert.notEqual(lab(LAB, "report", struck, join(place, "nowhere")).status, 0);
}

async function without_dygraphs_it_says_what_to_install() {
    const done = lab(LAB, "report", struck, "--dygraphs", join(place, "nowhere.js"));
    assert.equal(done.status, 69);
    assert.match(done.said, /apt-get install libjs-dygraphs/);
    assert.equal(lab(LAB, "report", place).status, 1);
    assert.equal(lab(LAB, "report").status, 64);
    assert.equal(lab(LAB, "report", struck, calm, struck).status, 64);
}

const failed = await run({
    it_opens_from_a_file_and_asks_for_nothing,
    its_figures_are_those_of_results_json,
    its_curves_are_drawn,
    its_legend_is_as_its_lines_are,
    what_had_to_hold_stands_there,
    any_event_is_found_by_its_id,
    it_is_dark_where_that_is_wanted,
    it_fits_screens_of_three_sizes,
    no_table_is_wider_than_the_page,
    two_runs_stand_side_by_side,
    the_command_that_repeats_it_is_one,
    an_altered_number_is_noticed,
    hostile_text_stays_text,
    hostile_keys_stay_text,
    nor_is_a_foreign_run_taken_at_its_word,
    and_a_page_that_is_taken_is_noticed,
    its_path_is_told_as_json_too,
    two_runs_are_two_and_overwrite_nothing,
    without_dygraphs_it_says_what_to_install,
});
await browser.close();
process.exitCode = failed === 0 ? 0 : 1;

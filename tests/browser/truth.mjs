/* truth.mjs LAB TREE - the page says of a run what is known of it, and no more: of one that was forged, one that cannot be
 * judged again, one of somebody else's, one whose times are withheld. TAP. */
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {readFileSync, rmSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {altered, lab, launch, makeRun, open, report} from "./lab.mjs";
import {freshDirectory, run} from "./tap.mjs";

const [LAB, TREE] = process.argv.slice(2);
const place = freshDirectory(), struck = join(place, "struck");

makeRun(LAB, struck, "--fault", "consumer-down");
const page = report(LAB, struck), browser = await launch();

async function opened(file, look, options) {
    const tab = await open(browser, file, options);
    try {
        assert.ok(tab.isReady, "the page was not drawn");
        await look(tab.page);
        assert.deepEqual(tab.amiss, []);
    } finally {
        await tab.close();
    }
}

/* ---- judged again ---------------------------------------------------------------------------- */

async function a_run_comes_to_the_same_figures_again() {
    await opened(page, async (tab) => {
        assert.equal(await tab.locator("[data-again]").getAttribute("data-again"), "same");
        assert.match(await tab.locator("[data-not-judged]").textContent(), /what it cost, which was measured/);
        assert.equal(await tab.locator("[data-doubt]").count(), 0);
    });
}

/* Whatever judging yields, each forged alone. */
const FORGERIES = {
    "rates.acknowledged": ({rates}) => { rates.acknowledged[1] += 5; },
    "lag.waiting": ({lag}) => { lag.waiting[0] += 1; },
    "lag.highest": ({lag}) => { lag.highest = 1; },
    "backlog_gone_us": (one) => { one.backlog_gone_us = 1; },
    "processed_per_s": (one) => { one.processed_per_s *= 2; },
    "lateness_us.max": (one) => { one.lateness_us.max += 1; },
    "stale_worst_us": (one) => { one.stale_worst_us += 1; },
    "faults": (one) => { one.faults = [{kind: "lost", story: "none"}]; },
    "promises.delivery": (one) => { one.promises.delivery = "at_most_once"; },
    "ledger.redelivered_by.other": (one) => { one.ledger.redelivered_by.other += 1; },
};

async function whatever_was_forged_is_named() {
    for (const [name, forge] of Object.entries(FORGERIES)) {
        const wrong = altered(struck, join(place, "forged"), ({transports}) => forge(transports[0]));
        await opened(report(LAB, wrong), async (tab) => {
            const said = tab.locator("[data-again=differs]").first();
            assert.match(await said.textContent(), new RegExp(`It differs in file: ${name}( \\(|\\. $)`));
            assert.equal(await tab.locator(".card").first().locator("[data-doubt=differs]").count(), 1);
            assert.equal(await tab.locator(".card").last().locator("[data-doubt]").count(), 0);
        });
        rmSync(wrong, {recursive: true});
    }
}

async function what_cannot_be_judged_again_is_said_beside_its_verdict() {
    const gone = altered(struck, join(place, "gone"), () => {});
    rmSync(join(gone, "http", "client.history"));
    await opened(report(LAB, gone), async (tab) => {
        for (const where of [".card", ".ledger"]) {
            assert.match(await tab.locator(`${where} [data-doubt=cannot]`).textContent(), /could not be judged again/);
            assert.equal(await tab.locator(where).first().locator("[data-doubt]").count(), 0);
        }
        assert.match(await tab.locator("main > [data-again=cannot]").textContent(), /http: .*client\.history/);
    });
    rmSync(gone, {recursive: true});
}

/* Whoever is told stories has to know what they may lack. */
async function what_of_its_histories_cannot_be_read_is_said() {
    const broken = altered(struck, join(place, "broken"), () => {}), path = join(broken, "http", "mailer.history");
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.concat([bytes.subarray(0, 100), Buffer.alloc(bytes.length, 255)]));
    await opened(report(LAB, broken), async (tab) => {
        assert.match((await tab.locator("#stories .unread").allTextContents()).join(), /http.*mailer\.history/);
    });
    rmSync(broken, {recursive: true});
    await opened(report(LAB, struck, "--out", join(place, "whole.html")), async (tab) => {
        assert.equal(await tab.locator("#stories .unread").count(), 0);
    });
}

/* ---- withheld -------------------------------------------------------------------------------- */

const BEHIND = "the generator fell behind: 40 of 200";

/* However busy the machine was. */
function timed({transports}) {
    for (const {verdict} of transports)
        verdict.timing = {word: "pass", reason: ""};
}

function withhold(results) {
    timed(results);
    results.transports[1].verdict.timing = {word: "cannot tell", reason: BEHIND};
}

const isStruck = (one) => getComputedStyle(one).textDecorationLine === "line-through";

async function times_that_count_for_nothing_are_marked() {
    const late = altered(struck, join(place, "late"), withhold), well = altered(struck, join(place, "well"), timed);
    const files = [report(LAB, late),
        report(LAB, well, late, "--out", join(place, "compared.html"))];
    for (const [i, file] of files.entries()) {
        await opened(file, async (tab) => {
            const times = await tab.locator("[data-path*='latency_us.'], [data-path$=processed_per_s]").evaluateAll((all) =>
                all.filter((one) => !one.dataset.path.endsWith(".count")).map((one) => [
                    one.dataset.run, one.dataset.path.split(".")[1],
                    getComputedStyle(one).textDecorationLine === "line-through"]));
            assert.ok(times.length > 20);
            for (const [at, transport, isWithheld] of times)
                assert.equal(isWithheld, at === String(i) && transport === "1", `${at} ${transport}`);
            for (const count of await tab.locator("[data-path*='ledger.'], [data-path$='.count']").all())
                assert.ok(!await count.evaluate(isStruck));
            assert.match(await tab.locator(".card").last().locator("[data-untimed]").textContent(), /40 of 200/);
            assert.match(await tab.locator("#latency").textContent(), /its times are withheld: the generator fell behind/);
            assert.ok(await tab.locator("#latency .curve.untimed").count() > 0);
            assert.ok(await tab.locator("#latency .curve:not(.untimed)").count() > 0);
            assert.equal(await tab.locator(".card").first().locator("[data-untimed]").count(), 0);
        });
    }
    await opened(files[1], async (tab) => {
        const row = (at, name) => tab.locator(".differences").nth(at).locator("tr", {hasText: name}).locator(".change");
        assert.equal(await row(1, "acknowledged, p99").textContent(), "withheld");
        assert.notEqual(await row(0, "acknowledged, p99").textContent(), "withheld");
        assert.notEqual(await row(1, "most that waited").textContent(), "withheld");
    });
    rmSync(late, {recursive: true});
}

/* ---- the ledger, and the cards --------------------------------------------------------------- */

async function what_does_not_balance_is_told_from_what_sums() {
    const wrong = altered(struck, join(place, "wrong"), ({transports: [one, other]}) => {
        const mails = one.mails, came = mails.expected;
        Object.assign(mails, {matched: 0, altered: came, doubled: 2, unexpected: 0, lost: 0, unknown: 0, arrived: came + 2});
        one.verdict.ledger = {word: "fail", reason: "mails tell of other events than they had to"};
        other.verdict.ledger = {word: "fail", reason: "1 acknowledged event is lost"};
        other.ledger.processed -= 1;
    });
    await opened(report(LAB, wrong), async (tab) => {
        const [one, other] = await tab.locator(".ledger [data-explained]").allTextContents();
        assert.match(one, /Every line below sums.*What does not balance is what was promised/);
        assert.match(other, /Not every line below sums/);
        const facts = await tab.locator(".card").first().locator(".fact").allTextContents();
        assert.ok(facts.some((fact) => /^mails that came as they had to0 of \d/.test(fact)), facts.join("; "));
        assert.ok(facts.some((fact) => /^mails that came otherwise\d/.test(fact)), facts.join("; "));
        assert.equal(await tab.locator(".card").last().locator("[data-other-mails]").count(), 0);
    });
    await opened(page, async (tab) => assert.equal(await tab.locator("[data-explained]").count(), 0));
    rmSync(wrong, {recursive: true});
}

/* ---- somebody else's ------------------------------------------------------------------------- */

function recorded(name, ...how) {
    const directory = join(place, name);
    execFileSync("python3", [join(TREE, "docs/examples/own_service.py"), directory, ...how]);
    return directory;
}

async function of_somebody_elses_run_only_what_is_known_is_said() {
    const directory = recorded("foreign", "lose");
    await opened(report(LAB, directory), async (tab) => {
        const text = await tab.locator("main").innerText();
        for (const untrue of [/artifacts are gone/, /same load and the same fault/, /real SMTP/, /0 of 0 at fault/,
            /survives[^\n]*memory/, /results.json has/, /1 acknowledged events/, /no mail was/])
            assert.doesNotMatch(text, untrue);
        const kept = (name) => tab.locator("#promises tr", {hasText: name}).locator("td").textContent();
        assert.equal(await kept("An acknowledgement survives"), "not told");
        assert.match(await kept("Loses nothing"), /broken/);
        assert.equal(await kept("Stores nothing that it refused"), "nobody has read the store");
        assert.equal(await kept("No mail comes twice"), "no mails were to come");
        assert.equal(await kept("Resumes exactly"), "not told");
        assert.equal(await kept("Can be read again"), "not promised");
        for (const row of ["Broker", "Everything was awaited", "Durability"])
            assert.equal(await tab.locator("#fairness tr", {hasText: row}).locator("td").first().textContent(), "not told");
        assert.equal(await tab.locator("#latency tr.group").count(), 2);
        assert.match(await tab.locator("#stories .held").textContent(), /1 of 1 at fault, and 199 of the 199 others/);
    });
}

/* The same as --explain tells. */
async function its_events_have_their_stories() {
    const directory = recorded("told", "lose"), [fault] = JSON.parse(lab(LAB, "check", directory, "--json").out)
        .transports[0].faults, id = /event (order-\d+) /.exec(fault.story)[1];
    const told = lab(LAB, "check", directory, "--explain", id).out.trim().split("\n")
        .map((line) => line.trim().replace(/\s+/g, " ")).filter((line) => !line.startsWith("judged"));
    assert.ok(told.length >= 3);
    await opened(report(LAB, directory), async (tab) => {
        await tab.locator("#event").fill(id);
        const lines = await tab.locator(".story li").evaluateAll((items) => items.map((item) =>
            [...item.children].map((part) => part.textContent).join(" ").replace(/\s+/g, " ")));
        assert.deepEqual(lines, told.slice(-lines.length));
        assert.ok(lines.length >= 3);
    });
}

/* Why theirs was not sent nobody has told. */
async function what_others_did_not_send_is_told_without_a_reason() {
    const directory = recorded("unsent"), client = join(directory, "client.ndjson");
    const lines = readFileSync(client, "utf8").trim().split("\n").map((line) => JSON.parse(line));
    const unsent = lines.filter(({id, kind}) => id !== "order-4" || kind !== "acknowledged").map((line) =>
        line.id === "order-4" && line.kind === "sent" ? {...line, kind: "not_sent"} : line);
    writeFileSync(client, unsent.map((line) => JSON.stringify(line) + "\n").join(""));
    assert.match(lab(LAB, "check", directory, "--explain", "order-4").out, / not sent\n/);
    await opened(report(LAB, directory), async (tab) => {
        await tab.locator("#event").fill("Order-4"); // in any case
        const lines = await tab.locator(".story li").evaluateAll((items) => items.map((item) =>
            item.lastElementChild.textContent));
        assert.ok(lines.includes("not sent"), lines.join("; "));
    });
}

async function what_they_say_themselves_is_shown() {
    const directory = recorded("said"), told = join(directory, "run.json");
    const said = JSON.parse(readFileSync(told, "utf8"));
    writeFileSync(told, JSON.stringify({...said, durability: "disk", promises: {...said.promises, shares_work: true}}));
    await opened(report(LAB, directory), async (tab) => {
        const kept = (name) => tab.locator("#promises tr", {hasText: name}).locator("td").textContent();
        assert.equal(await kept("An acknowledgement survives"), "disk");
        assert.equal(await kept("Shares its work"), "declared");
    });
}

async function what_nobody_measured_is_not_the_same() {
    const [a, b] = [recorded("one"), recorded("two", "lose")];
    await opened(report(LAB, a, b, "--out", join(place, "foreign.html")), async (tab) => {
        const rows = await tab.locator(".differences tbody tr").evaluateAll((all) => all.map((one) =>
            [...one.children].map((cell) => cell.textContent)));
        for (const [name, ...cells] of rows) {
            if (/^(processor|memory|bytes|written|mail)/.test(name))
                assert.deepEqual(cells, ["–", "–", "–"], name);
        }
        assert.ok(rows.some(([name, , , change]) => name === "lost" && change === "+1"));
        assert.doesNotMatch(await tab.locator("#differences").textContent(), /asked for the same/);
    });
}

const failed = await run({
    a_run_comes_to_the_same_figures_again,
    whatever_was_forged_is_named,
    what_cannot_be_judged_again_is_said_beside_its_verdict,
    what_of_its_histories_cannot_be_read_is_said,
    times_that_count_for_nothing_are_marked,
    what_does_not_balance_is_told_from_what_sums,
    of_somebody_elses_run_only_what_is_known_is_said,
    its_events_have_their_stories,
    what_others_did_not_send_is_told_without_a_reason,
    what_they_say_themselves_is_shown,
    what_nobody_measured_is_not_the_same,
});
await browser.close();
process.exitCode = failed === 0 ? 0 : 1;

/* modules.mjs - the parts of the report that need no page: numbers, colours, deeds, curves, the command. TAP. */
import assert from "node:assert/strict";
import {spawnSync} from "node:child_process";
import {readFileSync, writeFileSync} from "node:fs";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {freshDirectory, run} from "./tap.mjs";
import {read as readShown} from "./figures.mjs";

const WEB = join(dirname(fileURLToPath(import.meta.url)), "../../orchestration/web");
const {digits, sized} = await import(`${WEB}/report/numbers.js`);
const {places, DASHES, DOTTED} = await import(`${WEB}/report/colours.js`);
const {read, curve} = await import(`${WEB}/report/run.js`);
const {conditions, question} = await import(`${WEB}/report/question.js`);
const {marks, outages} = await import(`${WEB}/report/deeds.js`);
const {spread} = await import(`${WEB}/report/labels.js`);
const {rows, course, notes, curvesOf, CHARTS} = await import(`${WEB}/report/curves.js`);
const {points} = await import(`${WEB}/report/latency.js`);
const {sum, BALANCES} = await import(`${WEB}/report/ledger.js`);
const {place} = await import(`${WEB}/report/stories.js`);
const {paths} = await import(`${WEB}/report/raw.js`);
const {quoted, command} = await import(`${WEB}/report/repeat.js`);

function numbers_have_three_digits_or_are_whole() {
    assert.deepEqual([0, 7, 10034, 12.34, 1.005, 0.1234, 999.6, NaN].map(digits),
        ["0", "7", "10,034", "12.3", "1.00", "0.123", "1,000", "–"]);
    assert.deepEqual([sized(999, "us"), sized(1500, "us"), sized(2344959, "us"), sized(0, "us"), sized(60780544, "bytes")],
        [[1, "999 µs"], [1e3, "1.50 ms"], [1e6, "2.34 s"], [1, "0 µs"], [1e6, "60.8 MB"]]);
}

/* What the browser's test reads with is no better than this. */
function shown_numbers_are_read_back() {
    assert.equal(readShown("10,034").value, 10034);
    assert.equal(readShown("2.34 s").value, 2.34);
    assert.ok(Math.abs(readShown("2.34 s").within - 0.005) < 1e-6);
    assert.equal(readShown("–"), null);
    assert.equal(readShown("1e5"), null);
}

function a_transport_has_its_colour_whatever_is_beside_it() {
    const names = ["http", "http+ese-store", "kafka", "kafka:via=direct", "file"];
    const all = places(names);
    assert.equal(new Set(all.values()).size, names.length);
    for (const name of names)
        assert.equal(places([name]).get(name), all.get(name));
    const many = Array.from({length: 12}, (_, i) => `transport-${i}`);
    assert.equal(places(many).size, 12);
    assert.equal(new Set(places(many.slice(0, 8)).values()).size, 8);
}

function labels_are_moved_apart() {
    const labels = [{y: 90}, {y: 10}, {y: 12}, {y: 95}];
    spread(labels, 20, 100);
    assert.deepEqual(labels.map((label) => label.y), [10, 30, 80, 100]);
}

/* Nobody is drawn as what was offered, nor as another. */
function patterns_are_told_apart() {
    const all = DASHES.slice(1).map(String);
    assert.equal(new Set(all).size, all.length);
    for (const dash of DASHES)
        assert.ok(dash === null || Math.max(...dash) >= 3 * Math.max(DOTTED[0], 2), String(dash));
}

/* What waited at the load's end is drawn, too: the number beside the curve is lag.highest. */
function the_most_that_waited_is_what_is_written() {
    const lag = {bucket_ms: 1000, waiting: [0, 4, 2], load_ended_ms: 2500, at_load_end: 10, highest: 10};
    const [one] = curvesOf({transports: [{name: "file", place: 0, raw: {lag}}]}, CHARTS[2]);
    assert.deepEqual(course(one), [[0, 0], [1, 0], [2, 4], [2.5, 10], [3, 2]]);
    assert.deepEqual(rows([one]), [[0, 0], [1, 0], [2, 4], [2.5, 10], [3, 2]]);
    const [note] = notes([one], 20);
    assert.deepEqual([note.text, note.x, note.y], [`file ${digits(lag.highest)}`, 2.5, 10]);
    /* near: as a bucket ends, of which there is one value */
    const [same] = curvesOf({transports: [{name: "file", place: 0, raw: {lag: {...lag, load_ended_ms: 2000}}}]}, CHARTS[2]);
    assert.deepEqual(course(same), [[0, 0], [1, 0], [2, 10], [3, 2]]);
    assert.deepEqual(notes([same], 20).map(({text, x, y}) => [text, x, y]), [[`file ${digits(lag.highest)}`, 2, 10]]);
    const [less] = curvesOf({transports: [{name: "file", place: 0,
        raw: {lag: {...lag, load_ended_ms: 2000, at_load_end: 3, highest: 4}}}]}, CHARTS[2]);
    assert.deepEqual(course(less), [[0, 0], [1, 0], [2, 4], [3, 2]]);
}

function deed(act, done_s, ...parties) {
    return {act, done_ns: 5e9 + done_s * 1e9, parties, passed_over: []};
}

function aRun(...transports) {
    return read(JSON.stringify({version: "1", runs: [{directory: "/runs/one/", results: {seed: 3, options: {rate: "300",
        duration_s: 30, warmup_s: 3, fault: "bad-day", gap_s: 5, in_turn: false, poison_every: 0, preset: "",
        smtp_timeout_ms: 30000, bootstrap_servers: ""}, transports}}]})).runs[0];
}

function what_befell_all_at_once_is_told_once() {
    const one = aRun({name: "a", schedule_ns: 5e9, deeds: [deed("kill", 13, "consumer"), deed("kill", 18, "server"),
        deed("start", 20.1, "server"), deed("start", 25, "consumer")]},
    {name: "b", schedule_ns: 5e9, deeds: [deed("kill", 13.01, "consumer"), deed("kill", 18.02, "server", "broker"),
        deed("start", 20.4, "server", "broker"), deed("start", 25.1, "consumer"), deed("kill", 18)]});
    const found = outages(marks(one));
    assert.deepEqual(found.map(({who, at, until, word}) => [who, at, Math.round(until), word]),
        [["consumer", 13, 25, "killed"], ["server and broker", 18, 20, "killed"]]);
    const never = outages(marks(aRun({name: "a", schedule_ns: 5e9, deeds: [deed("kill", 2, "mailer"), deed("drop", 3, "wire")]})));
    assert.deepEqual(never.map(({who, until, word}) => [who, until, word]), [["mailer", null, "killed"], ["wire", null, "drop"]]);
    const told = outages(marks(aRun({name: "a", schedule_ns: 5e9, deeds: [
        {...deed("disk", 2, "server"), how: "full"}, {...deed("network", 3, "client"), how: "cut backward"},
        {...deed("disk", 4, "server"), how: "well"}, {...deed("network", 5, "client"), how: "restore"}]})));
    assert.deepEqual(told.map(({who, until, word}) => [who, until, word]),
        [["server", 4, "disk full"], ["client", 5, "network cut backward"]]);
}

function curves_of_other_widths_share_a_time() {
    const table = rows([{values: [5, 7], bucket: 1, isEnd: false}, {values: [3, 0], bucket: 2, isEnd: true}]);
    assert.deepEqual(table, [[0, 5, 0], [1, 7, null], [2, 7, 3], [4, null, 0]]);
    assert.deepEqual(curve([1, "x", null, 4]), [1, 0, 0, 4]);
    assert.deepEqual(curve("no list"), []);
}

/* A percentile that no event is so rare as is none; the most stands where it is one of so many. */
function percentiles_are_those_that_events_can_tell() {
    const told = points({count: 1000, percentiles: [[50, 10], [99, 20], [99.9, 30], [99.99, 40], [100, 50]]});
    assert.deepEqual(told.map((point) => point[1]), [10, 20, 50]);
    assert.ok(Math.abs(told[2][0] - 3) < 1e-9);
    assert.deepEqual(points(undefined), []);
}

function balances_are_added_up() {
    const transport = {raw: {ledger: {offered: 10, acknowledged: 7, refused: 1, unknown: 1, not_sent: 1}}};
    assert.equal(sum(transport, BALANCES[0][2]), 10);
    assert.ok(Number.isNaN(sum({raw: {}}, BALANCES[0][2])));
}

function an_events_place_is_the_same_over_all_transports() {
    assert.equal(place("01a21be0-2d43-7032-96fc-7fce00000005"), place("01a21be0-2d44-7032-a555-244400000005"));
    assert.notEqual(place("01a21be0-2d43-7032-96fc-7fce00000005"), place("01a21be0-2d43-7033-96fc-7fce00000005"));
    assert.notEqual(place("81009500-80de-8ed6-a5bd-ea5663bfa317"), place("81009500-80de-8ed6-a5bd-ea5663bfa318"));
}

function all_members_have_a_path() {
    assert.deepEqual(paths({a: 1, b: {c: [1, 2], d: [{e: null}]}, f: [[1, 2]]}), ["a", "b.c", "b.d.0.e", "f"]);
}

function the_command_is_safe_for_a_shell() {
    assert.equal(quoted("kafka:via=direct,http+ese-store"), "kafka:via=direct,http+ese-store");
    for (const text of ["a b", "$(id)", "it's", "`id`", "<x>", ""])
        assert.equal(spawnSync("sh", ["-c", `printf %s ${quoted(text)}`], {encoding: "utf8"}).stdout, text);
    assert.equal(command(aRun({name: "a"}, {name: "b"})),
        "./lab compare --transports a,b --seed 3 --rate 300 --duration 30 --warmup 3 --fault bad-day --gap 5");
    const scene = aRun({name: "a"});
    scene.results.scenario = {name: "burst", question: "Who waits?", small: true};
    assert.equal(command(scene), "./lab scenario run burst --small --transports a --seed 3 --rate 300 --duration 30 --warmup 3");
    const given = aRun({name: "a"});
    Object.assign(given.options, {resend_every: 7, late_readers: true, readers: 2, clients: 3, schedule: "trace:/a b", stale_after_ms: 9,
        hot_percent: 60, retention_s: 5, poll_ms: 20, rule_cost_us: 100, poison_every: 50, consumers: 3, in_turn: true});
    for (const words of ["--resend-every 7", "--late-readers", "--readers 2", "--clients 3", "--schedule 'trace:/a b'", "--stale-after-ms 9",
        "--hot-percent 60", "--retention 5", "--poll-ms 20", "--rule-cost-us 100", "--poison-every 50", "--consumers 3", "--in-turn"])
        assert.ok(`${command(given)} `.includes(` ${words} `), words);
    given.results.trace = {sha256: "ab", lines: 9, bytes: 18, kept: ""};
    assert.ok(command(given).includes("--schedule 'trace:/a b'"));
    given.results.trace.kept = "trace.txt";
    assert.ok(command(given).includes(`--schedule ${quoted(`trace:${given.directory}/trace.txt`)}`));
    Object.assign(given.options, {resend_every: 0, late_readers: false});
    assert.doesNotMatch(command(given), /resend|late-readers/);
    assert.equal(question(scene), "Who waits?");
    assert.equal(conditions(aRun({name: "a"})), "300 events a second, for 33 s; the fault: bad-day, 5 s between its parts; seed 3");
    assert.equal(question(aRun()), "Readers die, then servers. Who still has every event?");
}

/* Modules that do not fit together make no page. */
function what_is_not_there_cannot_be_imported() {
    const directory = freshDirectory(), made = join(directory, "made.c"), page = join(directory, "page.html");
    const embed = (...modules) => spawnSync("python3", [join(WEB, "embed.py"), page, page, ...modules.map(([name, text]) => {
        writeFileSync(join(directory, name), text);
        return join(directory, name);
    }), made], {encoding: "utf8"});
    writeFileSync(page, "?\"\\é\n");
    assert.equal(embed(["a.js", "export const x = 1;\n"], ["b.js", 'import {x} from "./a.js";\nconsole.log(x);\n']).status, 0);
    assert.match(readFileSync(made, "ascii"), /"\\\?\\"\\\\\\303\\251\\n"/);
    for (const [wrong, modules] of [
        [/y is not exported by a\.js/, [["a.js", "export const x = 1;\n"], ["b.js", 'import {y} from "./a.js";\n']]],
        [/stands behind it/, [["b.js", 'import {x} from "./a.js";\n'], ["a.js", "export const x = 1;\n"]]],
        [/no form that is known/, [["a.js", "export default 1;\n"]]],
        [/would end the page's script/, [["a.js", 'const x = "</SCRIPT>";\n']]]]) {
        const done = embed(...modules);
        assert.equal(done.status, 1);
        assert.match(done.stderr, wrong);
    }
}

process.exitCode = await run({
    numbers_have_three_digits_or_are_whole,
    shown_numbers_are_read_back,
    a_transport_has_its_colour_whatever_is_beside_it,
    labels_are_moved_apart,
    patterns_are_told_apart,
    the_most_that_waited_is_what_is_written,
    what_befell_all_at_once_is_told_once,
    curves_of_other_widths_share_a_time,
    percentiles_are_those_that_events_can_tell,
    balances_are_added_up,
    an_events_place_is_the_same_over_all_transports,
    all_members_have_a_path,
    the_command_is_safe_for_a_shell,
    what_is_not_there_cannot_be_imported,
}) === 0 ? 0 : 1;

/* What a transport declares, and what was found. It is held to what it promises, and to no more. */
import {byColumns, el, section, table} from "./dom.js";
import {number} from "./numbers.js";
import {named} from "./summary.js";
import {hasMails} from "./run.js";

/* [what, whether it is promised, what would break it]; null: everybody is held to it. */
const PROMISES = [
    [
        "Loses nothing that it acknowledged",
        (promises) => promises.delivery === "at_least_once",
        "ledger.lost",
        "lost"
    ],
    [
        "Keeps the order of a key's events",
        (promises) => promises.ordered_per_key,
        "ledger.reordered",
        "out of order"
    ],
    [
        "Stores a retried event once",
        (promises) => promises.retry_stored_once,
        "ledger.stored_twice",
        "stored again"
    ],
    ["Stores nothing that it refused", null, "ledger.phantom", "stored all the same"],
    ["No mail comes twice", null, "mails.doubled", "came twice"],
    ["No mail comes for nothing", null, "mails.unexpected", "for nothing"]
];

const DECLARED = [
    ["Can be read again from the beginning", "replayable"],
    ["Resumes exactly where it was", "positions_survive"],
    ["Shares its work among members of a group", "shares_work"],
    ["Tells of each loss, and how it came", "tells_losses"]
];

function mark(word, look, ...more) {
    return el("span", {class: `mark ${look}`}, word, ...more);
}

/* Whether a count of 0 tells anything: nobody looks for mails that none expects, nor into a store that was not read. */
function unlooked(run, transport, path) {
    if (path.startsWith("mails.") && !hasMails(transport)) return "no mails were to come";
    if (["ledger.phantom", "ledger.stored_twice"].includes(path) && !run.isStoreSeen)
        return "nobody has read the store";
    return transport.raw.verdict?.ledger?.word === "cannot tell" ? "cannot be told" : null;
}

function kept(run, transport, [, promised, path, word]) {
    const promises = transport.raw.promises;
    const count = path.split(".").reduce((inner, name) => inner?.[name], transport.raw);
    const found = el("span", {class: "found"}, number(run, transport.at, path), ` ${word}`);
    if (promised !== null && promises === undefined) return [mark("not told", "open"), found];
    if (promised !== null && !promised(promises)) return [mark("not promised", "none"), found];
    const isExcused = promised === null && transport.raw.verdict?.ledger?.word === "pass";
    if (count > 0) return [isExcused ? mark("follows from its losses", "open") : mark("✗ broken", "bad"), found];
    const why = unlooked(run, transport, path);
    return why !== null ? mark(why, "open") : [mark("✓ kept", "good"), found];
}

/* Of somebody else's run, the members that run.json can have; what it leaves out is not promised. */
const OF_FOREIGN = ["replayable", "shares_work"];

function declared(run, transport, name) {
    const value = run.isForeign && !OF_FOREIGN.includes(name) ? undefined : transport.raw.promises?.[name];
    return value === undefined
        ? mark("not told", "open")
        : value
          ? mark("declared", "plain")
          : mark("not promised", "none");
}

/* Somebody else may not have said it. */
export function durabilityOf(run, transport) {
    const isSaid = !run.isForeign || run.told.durability !== undefined;
    return isSaid ? String(transport.raw.durability ?? "–") : "not told";
}

function tableOf(all) {
    const rows = [
        {
            cells: [
                "An acknowledgement survives",
                ...all.map(({run, transport}) => durabilityOf(run, transport))
            ]
        },
        ...PROMISES.map((one) => ({cells: [one[0], ...all.map(({run, transport}) => kept(run, transport, one))]})),
        ...DECLARED.map(([title, name]) => ({
            cells: [title, ...all.map(({run, transport}) => declared(run, transport, name))]
        }))
    ];
    return table(["", ...all.map(({run, transport}) => named(run, transport))], rows, {
        class: "promises",
        label: "promises"
    });
}

export function promised(runs) {
    const all = runs.flatMap((run) => run.transports.map((transport) => ({run, transport})));
    const notes = runs[0].transports.filter((transport) => transport.raw.promises?.notes);
    return section(
        "promises",
        "What was promised, and kept",
        "What a transport does not promise is counted, and is no fault of its. The last rows are declared, and were " +
            "not put to the test in this run.",
        byColumns(all).map(tableOf),
        notes.map((transport) =>
            el("p", {class: "note"}, el("b", null, `${transport.name}: `), transport.raw.promises.notes)
        )
    );
}

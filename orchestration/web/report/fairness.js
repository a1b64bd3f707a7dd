/* What is to be known before a figure of one is held against a figure of another. */
import {byColumns, el, section, table} from "./dom.js";
import {number} from "./numbers.js";
import {named} from "./summary.js";
import {durabilityOf} from "./promises.js";
import {hasMails} from "./run.js";

const LEVELS = ["memory", "os", "disk", "replicas"];
const SURVIVES = {
    memory: "nothing",
    os: "the death of a process",
    disk: "a loss of power",
    replicas: "a machine's loss"
};

function durability({run, transport}) {
    const has = durabilityOf(run, transport),
        asked = run.options.durability;
    const less = LEVELS.indexOf(has) < LEVELS.indexOf(asked);
    return [
        has,
        SURVIVES[has] ? ` (survives ${SURVIVES[has]})` : "",
        less ? el("span", {class: "mark bad"}, `less than the ${asked} that was asked for, by design`) : null
    ];
}

function broker({run, transport}) {
    if (!run.isOwn && !transport.raw.broker) return "not told";
    if (transport.raw.mock === true)
        return [el("span", {class: "mark bad"}, "a mock, inside the lab"), " its figures are not a broker's"];
    return transport.raw.broker ? String(transport.raw.broker) : "none";
}

function readers({run, transport}) {
    const has = transport.raw.consumers,
        asked = run.options.consumers;
    return [String(has ?? "–"), has < asked ? el("span", {class: "mark open"}, `${asked} were asked for`) : null];
}

function timing({transport}) {
    const {word, reason} = transport.raw.verdict?.timing ?? {};
    return [
        el("span", {class: `mark ${word === "pass" ? "good" : "open"}`}, word === "pass" ? "✓ told" : "withheld"),
        reason ? ` ${reason}` : ""
    ];
}

function less({transport}) {
    const promises = transport.raw.promises;
    if (promises === undefined) return "not told";
    const lacks = [
        [promises.delivery !== "at_least_once", "may lose what it acknowledged"],
        [!promises.ordered_per_key, "keeps no order"],
        [!promises.replayable, "cannot be read again"],
        [!promises.shares_work, "has one reader"],
        [!promises.retry_stored_once, "may store a retry again"]
    ];
    return (
        lacks
            .filter(([is]) => is)
            .map(([, word]) => word)
            .join("; ") || "nothing of what is compared here"
    );
}

const ROWS = [
    ["Durability of an acknowledgement", durability],
    ["Broker", broker],
    ["Readers", readers],
    [
        "Batching",
        ({run}) => (!run.isOwn ? "not told" : "no side waits for a batch to fill: what is there goes together")
    ],
    ["Less by design", less],
    [
        "Sent more than 5 ms late",
        ({run, transport}) => [
            number(run, transport.at, "behind_schedule"),
            " of ",
            number(run, transport.at, "ledger.offered")
        ]
    ],
    [
        "Handed over late, p99 / most",
        ({run, transport}) =>
            transport.raw.lateness_us === undefined
                ? "not told"
                : [
                      number(run, transport.at, "lateness_us.p99", "us"),
                      " / ",
                      number(run, transport.at, "lateness_us.max", "us")
                  ]
    ],
    ["Its times can be told", timing],
    [
        "Everything was awaited",
        ({run, transport}) =>
            run.isForeign ? "not told" : transport.raw.drained ? "yes" : "no: what was still under way is counted so"
    ]
];

/* What holds of all that stand beside each other here. */
function lead(runs) {
    const words = [];
    if (runs.some((run) => run.isOwn && run.transports.length > 1))
        words.push("The transports of a run have the same load and the same fault at the same instants.");
    if (runs.some((run) => run.isForeign))
        words.push(
            "What somebody else has recorded tells of its load, its machine and its faults only what stands in its " +
                "run.json; nothing says that another had the same, and no mails are counted."
        );
    words.push("Times run from when an event was due, never from when it was sent.");
    if (runs.some((run) => run.transports.some(hasMails))) words.push("Mails are counted at a real SMTP server.");
    return words.join(" ");
}

function machine(run) {
    const {processor, processors, memory_bytes: memory, kernel} = run.results.machine ?? {};
    return processor === undefined || !run.isOwn
        ? ""
        : ` It ran on ${processors} processors (${processor}), with ` +
              `${Math.round(memory / 2 ** 30)} GiB of memory, Linux ${kernel}.`;
}

export function fairness(runs) {
    const all = runs.flatMap((run) => run.transports.map((transport) => ({run, transport})));
    return section(
        "fairness",
        "What is fair about it",
        lead(runs),
        byColumns(all).map((some) =>
            table(
                ["", ...some.map(({run, transport}) => named(run, transport))],
                ROWS.map(([title, cell]) => ({cells: [title, ...some.map(cell)]})),
                {class: "fairness", label: "fairness"}
            )
        ),
        runs.map((run) => {
            const shared =
                run.transports.length < 2 || !run.isOwn
                    ? ""
                    : run.options.in_turn
                      ? "One transport after the other had the machine to itself."
                      : "All transports ran at once, and shared the machine.";
            const text = shared + machine(run);
            return text === ""
                ? null
                : el("p", {class: "note"}, run.letter ? el("b", null, `${run.letter}: `) : null, text);
        })
    );
}

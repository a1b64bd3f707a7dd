/* The ledger as a balance: what came in, and where each of it is. Every line is added up here, before people's eyes. */
import {el, section, svg} from "./dom.js";
import {number} from "./numbers.js";
import {doubt, named, verdict} from "./summary.js";
import {hasMails} from "./run.js";

/* [whole, its name, [[part, its name, how it looks], ...]]: paths within a transport. */
export const BALANCES = [
    [
        "ledger.offered",
        "offered",
        [
            ["ledger.acknowledged", "acknowledged", "own"],
            ["ledger.refused", "refused", "grey"],
            ["ledger.unknown", "of unknown outcome", "open"],
            ["ledger.not_sent", "not sent", "pale"]
        ]
    ],
    [
        "ledger.acknowledged",
        "acknowledged",
        [
            ["ledger.processed", "processed", "own"],
            ["ledger.lost", "lost", "lost"],
            ["ledger.in_flight", "in flight", "open"]
        ]
    ],
    [
        "ledger.lost",
        "lost",
        [
            ["ledger.lost_by.clash", "by key clash", "lost"],
            ["ledger.lost_by.expiry", "by expiry", "grey"],
            ["ledger.lost_by.death", "by the store's death", "dark"],
            ["ledger.lost_by.other", "by no cause that is noted", "open"]
        ]
    ],
    [
        "ledger.redelivered",
        "handed again",
        [
            ["ledger.redelivered_by.retry", "as its sender had tried again", "grey"],
            ["ledger.redelivered_by.death", "as somebody had died", "dark"],
            ["ledger.redelivered_by.return", "as its partition was given anew", "own"],
            ["ledger.redelivered_by.other", "for no cause that is known", "open"]
        ]
    ],
    [
        "ledger.stored_twice",
        "stored again",
        [
            ["ledger.stored_twice_by.retry", "as its sender had tried again", "grey"],
            ["ledger.stored_twice_by.death", "as somebody had died", "dark"],
            ["ledger.stored_twice_by.other", "for no cause that is known", "open"]
        ]
    ],
    [
        "mails.expected",
        "mails expected",
        [
            ["mails.matched", "came as they had to", "own"],
            ["mails.altered", "came of other events", "grey"],
            ["mails.lost", "lost", "lost"],
            ["mails.in_flight", "under way", "dark"],
            ["mails.unknown", "unknown", "open"]
        ]
    ],
    [
        "mails.arrived",
        "mails arrived",
        [
            ["mails.matched", "as they had to", "own"],
            ["mails.altered", "of other events", "grey"],
            ["mails.doubled", "a second time", "dark"],
            ["mails.unexpected", "for nothing", "lost"]
        ]
    ]
];

export function value(transport, path) {
    const found = path.split(".").reduce((inner, name) => inner?.[name], transport.raw);
    return typeof found === "number" ? found : NaN;
}

export function sum(transport, parts) {
    return parts.reduce((total, [path]) => total + value(transport, path), 0);
}

/* Hatches, so that what is lost is not told by its colour alone. */
function patterns() {
    const pattern = (id, turn, width) =>
        svg(
            "pattern",
            {id, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${turn})`},
            svg("rect", {width: 8, height: 8, class: `${id}-ground`}),
            svg("rect", {width, height: 8, class: `${id}-line`})
        );
    return svg(
        "svg",
        {class: "patterns", width: 0, height: 0, "aria-hidden": "true"},
        svg("defs", null, pattern("lost", 45, 3), pattern("open", -45, 2))
    );
}

function bar(transport, parts, from, to, most) {
    let at = from;
    const drawn = parts.map(([path, name, look]) => {
        const share = (Math.max(0, value(transport, path) || 0) / most) * 100;
        const rect = svg(
            "rect",
            {class: `part ${look}`, x: `${at}%`, y: 0, width: `${share}%`, height: "100%"},
            svg("title", null, `${name}: ${value(transport, path)}`)
        );
        at += share;
        return share > 0 ? rect : null;
    });
    return svg(
        "svg",
        {
            class: "bar",
            role: "img",
            "aria-label": parts.map(([path, name]) => `${name} ${value(transport, path)}`).join(", ")
        },
        svg("rect", {class: "room", x: `${from}%`, y: 0, width: `${Math.max(0, to - from)}%`, height: "100%"}),
        drawn
    );
}

function equation(run, transport, [path, name, parts]) {
    const whole = value(transport, path),
        added = sum(transport, parts),
        sums = whole === added;
    return el(
        "p",
        {class: "equation"},
        el("span", {class: "term whole"}, number(run, transport.at, path), ` ${name}`),
        el("span", {class: "sign"}, "="),
        parts.map(([part, word, look], i) => [
            i > 0 ? el("span", {class: "sign"}, "+") : null,
            el(
                "span",
                {class: value(transport, part) === 0 ? "term zero" : "term"},
                el("i", {class: `key ${look}`, "aria-hidden": "true"}),
                number(run, transport.at, part),
                ` ${word}`
            )
        ]),
        el(
            "span",
            {class: sums ? "sums good" : "sums bad", "data-sums": path},
            sums ? "✓ it sums" : `✗ it does not sum: the parts come to ${added}`
        )
    );
}

function balance(run, transport, one, most) {
    const [path, , parts] = one;
    const whole = value(transport, path);
    return el(
        "div",
        {class: "balance"},
        bar(transport, parts, 0, (Math.max(0, whole || 0) / most) * 100, most),
        equation(run, transport, one)
    );
}

/* What there is none of is left out, but for the first two; so is what an older lab has not told the causes of, and
 * mails where there are to be none. */
function isShown(transport, [path, , parts]) {
    if (path === "ledger.offered" || path === "ledger.acknowledged") return true;
    if (path.startsWith("mails.")) return hasMails(transport);
    return value(transport, path) > 0 && parts.some(([part]) => Number.isFinite(value(transport, part)));
}

/* A ledger whose lines all sum can fail all the same: nothing is unaccounted for, and what is accounted for is
 * wrong. */
function explained(transport, shown) {
    const isSummed = shown.every(([path, , parts]) => value(transport, path) === sum(transport, parts));
    return el(
        "p",
        {class: "note", "data-explained": ""},
        isSummed
            ? "Every line below sums: each event and each mail is accounted for. What does not balance is what " +
                  "was promised against what they came to."
            : "Not every line below sums: something is not accounted for at all."
    );
}

function ledger(run, transport) {
    const events = Math.max(1, value(transport, "ledger.offered") || 0);
    const mails = Math.max(1, value(transport, "mails.expected") || 0, value(transport, "mails.arrived") || 0);
    const shown = BALANCES.filter((one) => isShown(transport, one));
    const reason = transport.raw.verdict?.ledger?.reason;
    return el(
        "article",
        {class: `ledger t${transport.place}`},
        el("h3", null, named(run, transport), verdict(transport), doubt(transport)),
        reason ? el("p", {class: "reason"}, String(reason)) : null,
        transport.raw.verdict?.ledger?.word === "fail" ? explained(transport, shown) : null,
        shown.map((one) => balance(run, transport, one, one[0].startsWith("mails.") ? mails : events))
    );
}

export function ledgers(runs) {
    return section(
        "ledger",
        "The ledger",
        "Every event that was offered is somewhere" +
            (runs.some((run) => run.transports.some(hasMails))
                ? "; so is every mail. Events are drawn on one scale, mails on another."
                : "."),
        patterns(),
        el(
            "div",
            {class: runs.length > 1 ? "columns two" : "columns"},
            runs.map((run) =>
                el(
                    "div",
                    {class: "column"},
                    run.transports.map((transport) => ledger(run, transport))
                )
            )
        )
    );
}

/* Two runs: what is different between them, transport by transport. */
import {el, section, table} from "./dom.js";
import {digits, isOfNothing, isTime, member, number, sized} from "./numbers.js";
import {isTold, isUntimed} from "./run.js";
import {untimedNotes} from "./summary.js";

const FIGURES = [
    ["ledger.offered", "offered", "count"],
    ["ledger.acknowledged", "acknowledged", "count"],
    ["ledger.processed", "processed", "count"],
    ["ledger.lost", "lost", "count"],
    ["ledger.stored_twice", "stored twice", "count"],
    ["ledger.reordered", "out of order", "count"],
    ["mails.expected", "mails expected", "count"],
    ["mails.arrived", "mails arrived", "count"],
    ["latency_us.ack.p50", "acknowledged, p50", "us"],
    ["latency_us.ack.p99", "acknowledged, p99", "us"],
    ["latency_us.end_to_end.p50", "processed, p50", "us"],
    ["latency_us.end_to_end.p99", "processed, p99", "us"],
    ["latency_us.mail.p99", "mail delivered, p99", "us"],
    ["processed_per_s", "processed, a second", "per_s"],
    ["lag.highest", "most that waited", "count"],
    ["cost.cpu_s", "processor time", "s"],
    ["cost.rss_peak_bytes", "memory, highest", "bytes"],
    ["cost.wire_bytes", "bytes on the wire", "bytes"],
    ["cost.disk_written_bytes", "written to disk", "bytes"]
];

function change(from, to, unit) {
    if (typeof from !== "number" || typeof to !== "number") return "–";
    if (from === to) return "the same";
    const sign = to > from ? "+" : "−";
    const share = from === 0 ? "" : ` (${sign}${digits((Math.abs(to - from) * 100) / Math.abs(from))} %)`;
    return `${sign}${sized(Math.abs(to - from), unit)[1]}${share}`;
}

function settings([a, b]) {
    const names = [...new Set([...Object.keys(a.options), ...Object.keys(b.options)])];
    return names
        .filter((name) => JSON.stringify(a.options[name]) !== JSON.stringify(b.options[name]))
        .map((name) => `${name}: ${a.options[name] ?? "–"} in A, ${b.options[name] ?? "–"} in B`);
}

/* Options of a run that the lab did not start are nobody's wishes. */
function asked(runs) {
    const set = settings(runs);
    if (runs.some((run) => !run.isOwn))
        return "What was asked for is not told of a run that others have started: only what was found is compared.";
    return set.length > 0 ? `Asked for otherwise: ${set.join("; ")}.` : "Both were asked for the same.";
}

function compared(a, b, transport, other) {
    const rows = FIGURES.map(([path, title, unit]) => {
        const [from, to] = [
            [a, transport],
            [b, other]
        ].map(([run, one]) =>
            isTold(run, one, path) && !isOfNothing(one.raw, path) ? member(one.raw, path) : undefined
        );
        const areTold = typeof from === "number" && typeof to === "number";
        const isWithheld = areTold && isTime(path) && (isUntimed(transport.raw) || isUntimed(other.raw));
        const shown = (run, one, value) => (value === undefined ? "–" : number(run, one.at, path, unit));
        return {
            class: from === to ? "same" : null,
            cells: [
                title,
                shown(a, transport, from),
                shown(b, other, to),
                el("span", {class: "change"}, isWithheld ? "withheld" : change(from, to, unit))
            ]
        };
    });
    return el(
        "figure",
        null,
        el(
            "figcaption",
            {class: `t${transport.place}`},
            el("span", {class: "name"}, el("i", {class: "swatch"}), transport.name)
        ),
        table(["", "A", "B", "from A to B"], rows, {class: "differences", label: `differences, ${transport.name}`})
    );
}

export function differences(runs) {
    const [a, b] = runs;
    const pairs = a.transports.map((transport) => [
        transport,
        b.transports.find((other) => other.name === transport.name)
    ]);
    const alone = [
        ...pairs.filter(([, other]) => other === undefined).map(([transport]) => `${transport.name} is in A alone`),
        ...b.transports
            .filter((other) => !a.transports.some((transport) => transport.name === other.name))
            .map((other) => `${other.name} is in B alone`)
    ];
    return section(
        "differences",
        "What is different",
        asked(runs),
        untimedNotes(runs),
        alone.map((text) => el("p", {class: "note"}, `${text}.`)),
        el(
            "div",
            {class: "panels wide"},
            pairs
                .filter(([, other]) => other !== undefined)
                .map(([transport, other]) => compared(a, b, transport, other))
        )
    );
}

/* Latency by percentile: the further right, the rarer; both axes logarithmic, so that a bad second is seen beside a
 * good millisecond. */
import {el, section, svg, table} from "./dom.js";
import {number, sized} from "./numbers.js";
import {named, untimedNotes} from "./summary.js";
import {called, hasMails, isUntimed} from "./run.js";
import {shortened, spread} from "./labels.js";

const PARTS = [
    ["ack", "Due to acknowledged"],
    ["end_to_end", "Due to processed"],
    ["mail", "Due to mail delivered"]
];
/* Beside what is right, what callers who wait for their answer would have measured in this very run. */
const PANELS = [...PARTS, ["ack_closed_loop", "Acknowledged, measured wrongly: by callers who wait"]];
const WIDTH = 520,
    HEIGHT = 380,
    LEFT = 74,
    TOP = 18,
    BOTTOM = 52;
const MARKS = [50, 90, 99, 99.9, 99.99];

function rarity(percentile) {
    return -Math.log10(1 - percentile / 100);
}

/* [how rare, microseconds]; the highest stands where one of so many does. */
export function points(latency) {
    const count = latency?.count ?? 0;
    const rows = Array.isArray(latency?.percentiles) ? latency.percentiles : [];
    const last = Math.log10(Math.max(count, 1.02));
    return rows
        .filter((row) => Array.isArray(row) && row[1] > 0 && (row[0] >= 100 || rarity(row[0]) < last))
        .map(([percentile, us]) => [percentile >= 100 ? last : rarity(percentile), us]);
}

function ranges(curves) {
    const all = curves.flatMap((one) => one.points);
    const low = Math.min(...all.map((point) => point[1])),
        high = Math.max(...all.map((point) => point[1]));
    const longest = Math.max(...curves.map((curve) => curve.label.length));
    return {
        right: WIDTH - Math.min(250, 24 + 10.4 * longest),
        x: Math.max(1, ...all.map((point) => point[0])),
        low: Math.floor(Math.log10(low)),
        high: Math.max(Math.ceil(Math.log10(high)), Math.floor(Math.log10(low)) + 1)
    };
}

function scales(range) {
    return {
        x: (value) => LEFT + (value / range.x) * (range.right - LEFT),
        y: (us) =>
            HEIGHT - BOTTOM - ((Math.log10(us) - range.low) / (range.high - range.low)) * (HEIGHT - TOP - BOTTOM)
    };
}

function grid(range, scale) {
    const lines = [];
    for (let power = range.low; power <= range.high; power++) {
        const y = scale.y(10 ** power);
        lines.push(
            svg("line", {class: "grid", x1: LEFT, x2: range.right, y1: y, y2: y}),
            svg("text", {class: "axis", x: LEFT - 8, y: y + 5, "text-anchor": "end"}, sized(10 ** power, "us")[1])
        );
    }
    for (const mark of MARKS.filter((percentile) => rarity(percentile) <= range.x)) {
        const x = scale.x(rarity(mark));
        lines.push(
            svg("line", {class: "grid", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM}),
            svg("text", {class: "axis", x, y: HEIGHT - BOTTOM + 22, "text-anchor": "middle"}, String(mark))
        );
    }
    lines.push(
        svg(
            "text",
            {class: "axis", x: (LEFT + range.right) / 2, y: HEIGHT - 6, "text-anchor": "middle"},
            "per cent took at most so long"
        )
    );
    return lines;
}

function drawn(curve, scale) {
    const path = curve.points.map(
        ([x, us], i) => `${i === 0 ? "M" : "L"}${scale.x(x).toFixed(1)} ${scale.y(us).toFixed(1)}`
    );
    return svg(
        "g",
        {
            class:
                `curve t${curve.place} ` +
                `${curve.letter === "B" ? "second" : ""} ${curve.isUntimed ? "untimed" : ""}`
        },
        svg("path", {d: path.join("")}),
        curve.points.map(([x, us]) =>
            svg(
                "circle",
                {cx: scale.x(x), cy: scale.y(us), r: 3.5},
                svg("title", null, `${curve.name}: ${sized(us, "us")[1]}`)
            )
        )
    );
}

function labels(curves, scale, range) {
    const ends = curves.map((curve) => {
        const [x, us] = curve.points[curve.points.length - 1];
        return {curve, x: scale.x(x), y: scale.y(us)};
    });
    spread(ends, 19, HEIGHT - BOTTOM);
    return ends.map(({curve, x, y}) =>
        svg(
            "text",
            {
                class: `end t${curve.place} ${curve.isUntimed ? "untimed" : ""}`,
                x: Math.max(x, range.right) + 9,
                y: y + 5
            },
            curve.label
        )
    );
}

function panel(title, curves, range) {
    const scale = scales(range);
    return el(
        "figure",
        null,
        el("figcaption", null, title),
        svg(
            "svg",
            {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}, by percentile`},
            grid(range, scale),
            curves.map((curve) => drawn(curve, scale)),
            labels(curves, scale, range)
        )
    );
}

/* The parts below each other: beside each other they are wider than a projector. */
function figures(runs) {
    const all = runs.flatMap((run) => run.transports.map((transport) => ({run, transport})));
    const row = (part, {run, transport}) => ({
        cells: [
            named(run, transport),
            ...["p50", "p99", "p999", "max"].map((name) =>
                number(run, transport.at, `latency_us.${part}.${name}`, "us")
            ),
            number(run, transport.at, `latency_us.${part}.count`)
        ]
    });
    const rows = PARTS.filter(
        ([part]) => part !== "mail" || all.some(({run, transport}) => !run.isForeign || hasMails(transport))
    ).flatMap(([part, title]) => [{heading: title}, ...all.map((one) => row(part, one))]);
    return table(["", "p50", "p99", "p99.9", "most", "of"], rows, {class: "figures", label: "latencies"});
}

export function latencies(runs) {
    const of = (part) =>
        runs.flatMap((run) =>
            run.transports
                .map((transport) => ({
                    name: called(run, transport),
                    place: transport.place,
                    label: shortened(called(run, transport)) + (isUntimed(transport.raw) ? " ⊘" : ""),
                    isUntimed: isUntimed(transport.raw),
                    letter: run.letter,
                    points: points(transport.raw.latency_us?.[part])
                }))
                .filter((curve) => curve.points.length > 0)
        );
    const panels = PANELS.map(([part, title]) => [title, of(part)]).filter(([, curves]) => curves.length > 0);
    const range = panels.length > 0 ? ranges(panels.flatMap(([, curves]) => curves)) : null;
    return section(
        "latency",
        "How long it took",
        "From the moment an event was due, whether it could be sent then or not. What was due in the warm-up is cut. " +
            "The last picture is what a harness would say whose callers ask again only once they have been answered." +
            (runs.some((run) => run.transports.some((one) => isUntimed(one.raw)))
                ? " What is marked ⊘, pale or struck out is withheld: it was measured, and counts for nothing."
                : ""),
        el(
            "div",
            {class: "panels"},
            panels.map(([title, curves]) => panel(title, curves, range))
        ),
        untimedNotes(runs),
        figures(runs)
    );
}

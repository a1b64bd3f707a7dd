/* The same chart as lines, for paper: a canvas keeps the size and the colours of the screen it was drawn for. */
import {svg} from "./dom.js";
import {digits} from "./numbers.js";
import {course} from "./curves.js";

const WIDTH = 760,
    HEIGHT = 170,
    LEFT = 52,
    RIGHT = 8,
    TOP = 6,
    BOTTOM = 24,
    LETTER = 9; /* is at most so wide */

/* Whole steps, so that there are some four of them. */
function steps(most) {
    const power = 10 ** Math.floor(Math.log10(most / 4));
    const step = [1, 2, 5, 10].map((times) => times * power).find((size) => most / size <= 5) ?? 10 * power;
    return Array.from({length: Math.floor(most / step) + 1}, (_, i) => i * step);
}

function path(one, x, y, top) {
    const points = one.isEnd
        ? course(one)
        : one.values.flatMap((value, i) => [
              [i * one.bucket, value],
              [(i + 1) * one.bucket, value]
          ]);
    return points
        .map(
            ([time, value], i) =>
                `${i === 0 ? "M" : "L"}${x(time).toFixed(1)} ${y(Math.min(value, top)).toFixed(1)}`
        )
        .join("");
}

function ground(found, x) {
    const height = HEIGHT - TOP - BOTTOM;
    return found.map((outage) => [
        svg("rect", {
            class: "shade",
            x: x(outage.at),
            y: TOP,
            width: Math.max(0, x(outage.until ?? outage.at) - x(outage.at)),
            height
        }),
        svg("rect", {class: "struck", x: x(outage.at) - 1, y: TOP, width: 2, height}),
        outage.until === null
            ? null
            : svg("rect", {class: "returned", x: x(outage.until) - 1, y: TOP, width: 2, height})
    ]);
}

/* curves as in timeline.js, found: its outages, notes: what is written into the chart. */
export function onPaper(curves, found, notes, top, end) {
    const x = (time) => LEFT + (time / end) * (WIDTH - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
    const used = [];
    return svg(
        "svg",
        {class: "paper", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true"},
        ground(found, x),
        steps(top).map((value) => [
            svg("line", {class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value)}),
            svg("text", {x: LEFT - 6, y: y(value) + 4, "text-anchor": "end"}, digits(value))
        ]),
        steps(end).map((time) =>
            svg(
                "text",
                {
                    x: x(time),
                    y: HEIGHT - 6,
                    "text-anchor": x(time) > WIDTH - 24 ? "end" : "middle" /* not beyond the paper's edge */
                },
                `${digits(time)} s`
            )
        ),
        curves.map((one) =>
            svg("path", {
                class: one.place === null ? "line" : `line t${one.place}`,
                d: path(one, x, y, top),
                "stroke-width": one.width * 0.7,
                "stroke-dasharray": one.dash === null ? null : one.dash.join(" ")
            })
        ),
        notes.map((note) => {
            let base = Math.max(TOP + 12, y(note.y) + (note.isPeak ? -5 : 4));
            const isLate = x(note.x) + 6 + LETTER * note.text.length > WIDTH; /* written before it, then */
            const left = isLate ? x(note.x) - 6 : x(note.x) + (note.isPeak ? 0 : 6);
            while (used.some((other) => Math.abs(other.base - base) < 14 && Math.abs(other.left - left) < 110))
                base += 14;
            used.push({base, left});
            return svg(
                "text",
                {
                    class: `end t${note.place}`,
                    x: left,
                    y: base,
                    "text-anchor": isLate ? "end" : "start"
                },
                note.text
            );
        })
    );
}

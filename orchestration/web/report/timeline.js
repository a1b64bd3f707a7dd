/* What happened over the time: dygraphs draws the curves, all transports of a run on one axis, with what the fault
 * did in them. Runs that are compared have the same axes. */
import {el, section, svg} from "./dom.js";
import {digits} from "./numbers.js";
import {DASHES, DOTTED, resolved} from "./colours.js";
import {onPaper} from "./paper.js";
import {marks, outages} from "./deeds.js";
import {CHARTS, OFFERED_WIDTH, ceiling, curvesOf, extent, notes, rows, widthOf} from "./curves.js";
import {named} from "./summary.js";

/* ---- one chart ------------------------------------------------------------------------------- */

function drawDeeds(context, area, graph, run) {
    context.save();
    for (const outage of outages(marks(run))) {
        const from = graph.toDomXCoord(outage.at),
            to = graph.toDomXCoord(outage.until ?? outage.at);
        context.fillStyle = resolved("--outage");
        context.fillRect(from, area.y, to - from, area.h);
        context.fillStyle = resolved("--alarm");
        context.fillRect(from - 1, area.y, 2, area.h);
        context.fillStyle = resolved("--good");
        if (outage.until !== null) context.fillRect(to - 1, area.y, 2, area.h);
    }
    context.restore();
}

/* dygraphs hands its context to what lies below the lines alone; this lies above them.
 * Beside its place, or where there is room next to it; the ground shines around it, so that no line crosses it out. */
function drawNotes(graph, curves, top) {
    const context = graph.hidden_ctx_,
        area = graph.getArea(),
        used = [];
    context.save();
    context.font = `650 ${area.w < 420 ? 12 : 15}px ${resolved("--sans")}`;
    context.lineWidth = 5;
    context.lineJoin = "round";
    for (const note of notes(curves, top)) {
        const width = context.measureText(note.text).width,
            x = graph.toDomXCoord(note.x);
        const wanted = note.isPeak ? x - width / 2 : x + 10,
            right = area.x + area.w - width - 2;
        const left = Math.max(area.x + 4, Math.min(wanted, right));
        let base = Math.max(area.y + 15, graph.toDomYCoord(note.y) + (note.isPeak ? -8 : 5));
        while (
            used.some(
                (other) => Math.abs(other.base - base) < 18 && other.left < left + width && left < other.right
            )
        )
            base += 18;
        used.push({base, left, right: left + width});
        context.strokeStyle = resolved("--ground");
        context.strokeText(note.text, left, base);
        context.fillStyle = resolved(`--t${note.place}`);
        context.fillText(note.text, left, base);
    }
    context.restore();
}

function options(run, curves, top, end) {
    return {
        labels: ["s", ...curves.map((one, i) => `c${i}`)],
        colors: curves.map((one) => resolved(one.place === null ? "--muted" : `--t${one.place}`)),
        series: Object.fromEntries(
            curves.map((one, i) => [`c${i}`, {strokeWidth: one.width, strokePattern: one.dash}])
        ),
        stepPlot: curves.every((one) => !one.isEnd),
        dateWindow: [0, end],
        valueRange: [0, top],
        connectSeparatedPoints: true,
        legend: "never",
        interactionModel: {},
        animatedZooms: false,
        highlightCircleSize: 5,
        axisLineColor: resolved("--line"),
        gridLineColor: resolved("--line"),
        axisLabelFontSize: 15,
        rightGap: 4,
        xAxisHeight: 26,
        axes: {
            x: {axisLabelFormatter: (value) => `${digits(value)} s`, pixelsPerLabel: 70, drawGrid: false},
            y: {axisLabelFormatter: (value) => digits(value), axisLabelWidth: 62, pixelsPerLabel: 44}
        },
        underlayCallback: (context, area, graph) => drawDeeds(context, area, graph, run),
        drawCallback: (graph) => drawNotes(graph, curves, top)
    };
}

function readout(run, curves, data, row) {
    return curves.map((one, i) =>
        el(
            "span",
            {class: one.place === null ? "chip muted" : `chip t${one.place}`},
            `${one.name} ${data[row]?.[i + 1] === null || data[row] === undefined ? "–" : digits(data[row][i + 1])}`
        )
    );
}

/* ---- the picture ----------------------------------------------------------------------------- */

/* A lane above the charts: who was away from when to when. */
function lane(run, end, rows) {
    const found = outages(marks(run));
    const none = Array.from({length: rows - found.length}, () =>
        el("div", {class: "outage"}, el("span", null, "\u00a0"))
    );
    return el(
        "div",
        {class: "lane", "aria-label": "what the fault did"},
        none,
        found.map((outage) => {
            const from = (100 * outage.at) / end,
                to = (100 * (outage.until ?? outage.at)) / end;
            const text =
                `${outage.who} ${outage.word} at ${digits(outage.at)} s` +
                (outage.until === null ? "" : `, ${outage.backWord} ${digits(outage.until - outage.at)} s later`);
            const bar = el("i", {"aria-hidden": "true"}),
                line = el("div", {class: "outage"}, bar, el("span", null, text));
            bar.style.left = `${from}%`;
            bar.style.width = `${Math.max(to - from, 0.4)}%`;
            line.lastChild.style.marginLeft = from > 55 ? "0" : `${from}%`;
            line.lastChild.style.marginRight = from > 55 ? `${100 - Math.max(to, from)}%` : "0";
            line.classList.toggle("late", from > 55);
            return line;
        })
    );
}

function chartOf(run, chart, top, end, graphs) {
    const curves = curvesOf(run, chart),
        data = rows(curves);
    const canvas = el("div", {class: "canvas", role: "img", "aria-label": chart.title});
    const values = el("p", {class: "readout", "aria-hidden": "true"});
    const figure = el(
        "figure",
        {class: "chart"},
        el("figcaption", null, chart.title, values),
        canvas,
        onPaper(curves, outages(marks(run)), notes(curves, top), top, end)
    );
    if (data.length === 0)
        return el(
            "figure",
            {class: "chart"},
            el("figcaption", null, chart.title),
            el(
                "p",
                {class: "absent"},
                "This run's results.json tells nothing of it: it was made by an older lab, or goes on."
            )
        );
    graphs.push(() => {
        const graph = new Dygraph(canvas, data, options(run, curves, top, end));
        graph.updateOptions(
            {
                highlightCallback: (event, x, points, row) =>
                    values.replaceChildren(`at ${digits(x)} s: `, ...readout(run, curves, data, row)),
                unhighlightCallback: () => values.replaceChildren()
            },
            true
        );
        return {graph, restyle: () => graph.updateOptions(options(run, curves, top, end))};
    });
    return figure;
}

/* A line as the charts draw it. */
function key(width, dash) {
    return svg(
        "svg",
        {class: "key-line", width: 64, height: 10, "aria-hidden": "true"},
        svg("line", {
            x1: 0,
            x2: 64,
            y1: 5,
            y2: 5,
            "stroke-width": width,
            "stroke-dasharray": dash === null ? null : dash.join(" ")
        })
    );
}

/* In the patterns and widths of the lines: who is drawn how the curves say. */
function legend(run) {
    return el(
        "p",
        {class: "legend"},
        run.transports.map((transport, i) => {
            const name = named(run, transport);
            name.querySelector(".swatch").replaceWith(key(widthOf(i), DASHES[i % DASHES.length]));
            return name;
        }),
        el("span", {class: "name muted"}, key(OFFERED_WIDTH, DOTTED), "offered")
    );
}

/* Its legend sets styles in a way that the page's policy forbids; the page has one of its own. */
function withoutLegend() {
    return Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);
}

/* The section, and what is to be called once it stands in the page: only there has it a size. */
export function timeline(runs) {
    const graphs = [],
        end = extent(runs),
        lanes = Math.max(...runs.map((run) => outages(marks(run)).length));
    const columns = runs.map((run) =>
        el(
            "div",
            {class: "column"},
            run.letter ? el("h3", null, el("b", {class: "letter"}, run.letter), run.title) : null,
            legend(run),
            lane(run, end, lanes),
            CHARTS.map((chart) => chartOf(run, chart, ceiling(runs, chart), end, graphs))
        )
    );
    return {
        part: section(
            "picture",
            "What happened",
            "Seconds since the schedule of the load began. What is shaded is how long somebody was away.",
            el("div", {class: runs.length > 1 ? "columns two" : "columns"}, columns)
        ),
        draw: () => {
            Dygraph.PLUGINS = withoutLegend();
            return graphs.map((make) => make());
        }
    };
}

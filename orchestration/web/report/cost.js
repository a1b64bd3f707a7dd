/* What a thousand events cost, and what is there however many come. */
import {el, section, svg} from "./dom.js";
import {derived, number, sized} from "./numbers.js";
import {named, perThousand} from "./summary.js";
import {hasCost} from "./run.js";

const PER_THOUSAND = [
    ["cost.cpu_s", "processor time", "s"],
    ["cost.wire_bytes", "bytes on the wire", "bytes"],
    ["cost.disk_written_bytes", "written to disk", "bytes"]
];
const WHOLE = [
    ["cost.rss_peak_bytes", "memory, highest", "bytes"],
    ["cost.processes", "processes", "count"]
];

function whole(transport, path) {
    const found = path.split(".").reduce((inner, name) => inner?.[name], transport.raw);
    return typeof found === "number" ? found : NaN;
}

function line(transport, name, value, most, shown, unit) {
    const share = Number.isFinite(value) && most > 0 ? (value / most) * 100 : 0;
    return el(
        "div",
        {class: `cost t${transport.place}`},
        name,
        svg(
            "svg",
            {class: "bar", role: "img", "aria-label": sized(value, unit)[1]},
            svg("rect", {class: "part own", x: 0, y: 0, width: `${share}%`, height: "100%"})
        ),
        el("b", null, shown)
    );
}

function panel(runs, title, unit, of, shown) {
    const all = runs.flatMap((run) => run.transports.map((transport) => ({run, transport, value: of(transport)})));
    const most = Math.max(0, ...all.map(({value}) => value).filter(Number.isFinite));
    return el(
        "figure",
        null,
        el("figcaption", null, title),
        all.map(({run, transport, value}) =>
            line(transport, named(run, transport), value, most, shown(run, transport, value), unit)
        )
    );
}

export function costs(runs) {
    return section(
        "cost",
        "What it cost",
        runs.some((run) => run.transports.some(hasCost))
            ? "For 1,000 events that were processed: all processes of a transport, its broker and every restarted " +
                  "life included. The SMTP server is not. It was measured while the run went on; judging again does " +
                  "not tell it."
            : null,
        runs.some((run) => run.transports.some(hasCost))
            ? el(
                  "div",
                  {class: "panels"},
                  PER_THOUSAND.map(([path, title, unit]) =>
                      panel(
                          runs,
                          `${title}, for 1,000 events`,
                          unit,
                          (transport) => perThousand(transport, path),
                          (run, transport, value) => derived(run, transport.at, path, value, unit)
                      )
                  ),
                  WHOLE.map(([path, title, unit]) =>
                      panel(
                          runs,
                          `${title}, whatever comes`,
                          unit,
                          (transport) => whole(transport, path),
                          (run, transport) => number(run, transport.at, path, unit)
                      )
                  )
              )
            : el("p", {class: "absent"}, "Nobody has measured it.")
    );
}

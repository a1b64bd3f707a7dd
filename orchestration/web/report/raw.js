/* Every member of results.json, as it stands there. */
import {byColumns, el, section, table} from "./dom.js";
import {member} from "./numbers.js";

function isLeaf(value) {
    return (
        value === null ||
        typeof value !== "object" ||
        (Array.isArray(value) && value.every((one) => one === null || typeof one !== "object")) ||
        (Array.isArray(value) && value.every((one) => Array.isArray(one)))
    );
}

/* Paths of all members that are no objects. */
export function paths(value, at = "") {
    if (isLeaf(value)) return [at];
    return Object.keys(value).flatMap((name) => paths(value[name], at === "" ? name : `${at}.${name}`));
}

function cell(run, full, value) {
    return el(
        "span",
        {class: "raw", "data-run": run.index, "data-raw": full},
        value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value)
    );
}

function ofTransports(run) {
    const all = [...new Set(run.transports.flatMap((transport) => paths(transport.raw)))];
    return byColumns(run.transports).map((some) =>
        table(
            ["member of transports[]", ...some.map((transport) => transport.name)],
            all.map((path) => ({
                cells: [
                    el("code", null, path),
                    ...some.map((transport) =>
                        cell(run, `transports.${transport.at}.${path}`, member(transport.raw, path))
                    )
                ]
            })),
            {class: "raws", label: "all members, by transport"}
        )
    );
}

function ofRun(run) {
    const whole = Object.fromEntries(Object.entries(run.results).filter(([name]) => name !== "transports"));
    return table(
        ["member", ""],
        paths(whole).map((path) => ({cells: [el("code", null, path), cell(run, path, member(run.results, path))]})),
        {class: "raws", label: "members of the run"}
    );
}

export function raw(runs) {
    return section(
        "numbers",
        "All numbers",
        (runs.every((run) => run.isOwn)
            ? "Every member of results.json, to the letter."
            : "Every member of results.json, to the letter; of a run that the lab did not start, what ./lab check " +
              "--json says of it: machine and versions are those of whoever judged it, and what it cost nobody has " +
              "measured.") +
            " docs/results.md says what each means.",
        runs.map((run) =>
            el(
                "details",
                null,
                el("summary", null, run.letter ? `${run.letter}: ${run.title}` : "Show them"),
                ofTransports(run),
                ofRun(run)
            )
        )
    );
}

/* A run as the page has it: results.json, which may be of an older lab or hostile, and what stands beside it. */
import {places} from "./colours.js";

function list(value) {
    return Array.isArray(value) ? value : [];
}

/* Curves are of numbers; what is none counts as nothing. */
export function curve(value) {
    return list(value).map((number) => (typeof number === "number" ? number : 0));
}

function letters(count) {
    return count > 1 ? ["A", "B"] : [""];
}

function make(data, index, letter) {
    const results = data.results ?? {};
    const transports = list(results.transports).map((raw, at) => ({
        at,
        name: String(raw?.name ?? "?"),
        raw: raw ?? {},
        stories: list(data.stories)[at] ?? {},
        again: list(data.again?.transports)[at] ?? {}
    }));
    return {
        index,
        letter,
        data,
        results,
        isOwn: data.own !== false,
        isForeign: data.kind === "foreign",
        told: data.told ?? {} /* of somebody else's run, what they say of it */,
        isStoreSeen: data.storeSeen !== false,
        transports,
        options: results.options ?? {},
        directory: String(data.directory ?? ""),
        title:
            String(data.directory ?? "")
                .replace(/\/+$/, "")
                .split("/")
                .pop() || "this run"
    };
}

/* All runs, and of each transport the place of its colour. */
export function read(text) {
    const data = JSON.parse(text);
    const runs = list(data.runs).map((run, i) => make(run, i, letters(data.runs.length)[i]));
    const map = places(runs.flatMap((run) => run.transports.map((transport) => transport.name)));
    for (const run of runs) {
        for (const transport of run.transports) transport.place = map.get(transport.name);
    }
    return {runs, version: String(data.version ?? "")};
}

/* Of a walk that others started nobody knows what it costs; of somebody else's run, what mails came of it. */
export function hasCost(transport) {
    return transport.raw.cost?.processes > 0;
}

/* Which of the two is told of mails, of cost and of latencies: what nobody counted is no 0. */
export function isTold(run, transport, path) {
    if (path.startsWith("cost.")) return hasCost(transport);
    if (path.startsWith("mails.")) return !run.isForeign;
    return true;
}

export function hasMails(transport) {
    return transport.raw.mails?.expected > 0 || transport.raw.mails?.arrived > 0;
}

/* Whether its times are told, and count for nothing. */
export function isUntimed(raw) {
    const word = raw?.verdict?.timing?.word;
    return word !== undefined && word !== "pass";
}

/* What people call it where two runs are told of. */
export function called(run, transport) {
    return run.letter === "" ? transport.name : `${transport.name} (${run.letter})`;
}

/* Seconds since the schedule began. */
export function seconds(transport, ns) {
    return (ns - transport.raw.schedule_ns) / 1e9;
}

export function deeds(transport) {
    return list(transport.raw.deeds);
}

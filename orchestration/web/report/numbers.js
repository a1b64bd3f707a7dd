/* Numbers as people read them. What is shown of results.json says where it stands there, and by how much it was
 * divided, so that a test can hold the one against the other. */
import {el} from "./dom.js";

const whole = new Intl.NumberFormat("en-US", {maximumFractionDigits: 0});

/* As many digits as tell something: three, or all of a whole number. */
export function digits(value) {
    const size = Math.abs(value);
    if (!Number.isFinite(value)) return "–";
    if (Number.isInteger(value) || size >= 100) return whole.format(value);
    return value.toFixed(size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3);
}

/* The member at a path, "ledger.lost_by.death"; undefined where there is none. */
export function member(object, path) {
    return path
        .split(".")
        .reduce((inner, name) => (inner === null || inner === undefined ? undefined : inner[name]), object);
}

const UNITS = {
    count: [[1, ""]],
    us: [
        [1e6, " s"],
        [1e3, " ms"],
        [1, " µs"]
    ],
    s: [
        [1, " s"],
        [1e-3, " ms"]
    ],
    bytes: [
        [1e9, " GB"],
        [1e6, " MB"],
        [1e3, " kB"],
        [1, " B"]
    ],
    per_s: [[1, " /s"]]
};

/* [divisor, text] of a value in a unit: the largest of its sizes that leaves at least one. */
export function sized(value, unit) {
    const sizes = UNITS[unit] ?? UNITS.count;
    const [divisor, word] = sizes.find(([size]) => Math.abs(value) >= size) ?? sizes[sizes.length - 1];
    return [divisor, digits(value / divisor) + word];
}

/* A percentile of latencies of which there are none. */
export function isOfNothing(results, path) {
    const parts = path.split("."),
        last = parts.pop();
    return (
        last !== "count" &&
        parts.some((part) => part.endsWith("_us")) &&
        member(results, [...parts, "count"].join(".")) === 0
    );
}

/* What a verdict of timing is about. How late events were handed over is what it is made of. */
export function isTime(path) {
    const isOne = (part) => /(_us|_per_s)$/.test(part) && part !== "lateness_us";
    return !path.endsWith(".count") && path.split(".").some(isOne);
}

/* A time that counts for nothing is to be seen as one, and not to be taken for a finding. */
function withheld(results, at, path) {
    const {word, reason} = (at === null ? null : member(results, `transports.${at}.verdict.timing`)) ?? {};
    return word === undefined || word === "pass" || !isTime(path)
        ? {class: "n"}
        : {class: "n withheld", title: `withheld: ${reason}`};
}

/* A number of a run, by its path within the transport (or the whole, where there is none). */
export function number(run, at, path, unit = "count") {
    const full = at === null ? path : `transports.${at}.${path}`;
    const value = member(run.results, full);
    if (typeof value !== "number" || isOfNothing(run.results, full)) return el("span", {class: "n none"}, "–");
    const [divisor, text] = sized(value, unit);
    const look = withheld(run.results, at, path);
    return el("span", {...look, "data-run": run.index, "data-path": full, "data-divisor": divisor}, text);
}

/* One that is made of several: what of is said for the test, and for whoever hovers. */
export function derived(run, at, name, value, unit = "count") {
    const [divisor, text] = sized(value, unit);
    return el(
        "span",
        {class: "n", "data-run": run.index, "data-transport": at, "data-derived": name, "data-divisor": divisor},
        Number.isFinite(value) ? text : "–"
    );
}

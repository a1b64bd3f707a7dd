/* What the page shows, held against results.json: read out of the page as texts, and by a reader that shares nothing with
 * what wrote them. */

function at(object, path) {
    return path.split(".").reduce((inner, name) => inner?.[name], object);
}

/* "2.34 s" and what one of its last digits stands for: a number, how far it may be off. */
export function read(text) {
    const match = /^(-?[\d,]+)(?:\.(\d+))?(?: \S+)?$/.exec(text.trim());
    if (match === null)
        return null;
    const decimals = match[2]?.length ?? 0;
    return {value: Number(`${match[1].replaceAll(",", "")}.${match[2] ?? "0"}`), within: 0.5000001 * 10 ** -decimals};
}

const UNIT = {"s": 1, "ms": 1e-3, "µs": 1e-6, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "/s": 1};

/* Times of results.json are in microseconds, but for the processor's. */
function isTime(path) {
    return /_us\b/.test(path) && !path.endsWith(".count");
}

function compare(shown, wanted, path) {
    const told = read(shown), unit = UNIT[shown.trim().split(" ")[1]] ?? 1;
    if (typeof wanted !== "number")
        return shown.trim() === "–" ? null : `${path}: the page has '${shown}', and results.json nothing`;
    if (told === null)
        return `${path}: '${shown}' is no number, and results.json has ${wanted}`;
    const is = (isTime(path) ? wanted / 1e6 : wanted) / unit;
    const within = Number.isInteger(wanted) && unit === 1 && !isTime(path) ? 0 : told.within;
    return Math.abs(told.value - is) <= within ? null : `${path}: the page has '${shown}', and results.json ${wanted}`;
}

/* All spans of figures: {run, path, text}. */
export function shownIn(page) {
    return page.evaluate(() => ({
        figures: [...document.querySelectorAll("[data-path]")].map((one) =>
            ({run: Number(one.dataset.run), path: one.dataset.path, text: one.textContent})),
        raws: [...document.querySelectorAll("[data-raw]")].map((one) =>
            ({run: Number(one.dataset.run), path: one.dataset.raw, text: one.textContent})),
        derived: [...document.querySelectorAll("[data-derived]")].map((one) => ({run: Number(one.dataset.run),
            transport: Number(one.dataset.transport), path: one.dataset.derived, text: one.textContent})),
    }));
}

function leaves(value, path = "") {
    const isLeaf = value === null || typeof value !== "object" || Array.isArray(value) &&
        value.every((one) => one === null || typeof one !== "object" || Array.isArray(one));
    return isLeaf ? [path] : Object.keys(value).flatMap((name) => leaves(value[name], path === "" ? name : `${path}.${name}`));
}

/* What differs, in words, and how many were looked at. results: of each run. */
export async function differences(page, results) {
    const shown = await shownIn(page), found = [];
    for (const {run, path, text} of shown.figures)
        found.push(compare(text, at(results[run], path), path));
    for (const {run, path, text} of shown.raws) {
        const wanted = at(results[run], path);
        const is = typeof wanted === "string" ? wanted : wanted === undefined ? "" : JSON.stringify(wanted);
        found.push(text === is ? null : `${path}: the page has '${text}' among all numbers, and results.json '${is}'`);
    }
    for (const {run, transport, path, text} of shown.derived) {
        const of = results[run].transports[transport];
        found.push(compare(text, at(of, path) * 1000 / of.ledger.processed, `transports.${transport}.${path} per 1,000`));
    }
    results.forEach((whole, run) => leaves(whole).forEach((path) => {
        if (!shown.raws.some((raw) => raw.run === run && raw.path === path))
            found.push(`${path}: is not among all numbers`);
    }));
    return {looked: shown.figures.length + shown.raws.length + shown.derived.length,
        wrong: [...new Set(found.filter((one) => one !== null))]};
}

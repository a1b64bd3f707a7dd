/* What a scenario says has to hold, and what was found: as results.json has it, looked at when the run was over. */
import {byColumns, el, section, table} from "./dom.js";
import {named} from "./summary.js";

const MARKS = {yes: ["✓ holds", "good"], NO: ["✗ does not", "bad"]};
const WORDS = {
    pass: "All that could be looked at holds",
    fail: "Not all of it holds",
    "cannot tell": "Nothing is shown"
};

/* Of a run of no scenario, or of a lab that did not leave them yet: none. */
export function expectations(run) {
    const all = run.results.scenario?.expectations;
    return Array.isArray(all) ? all.filter((one) => one !== null && typeof one === "object") : [];
}

function mark(holds) {
    const [word, look] = MARKS[holds] ?? ["not looked at", "open"];
    return el("span", {class: `mark ${look}`, "data-holds": String(holds)}, word);
}

function cell(one) {
    return one === undefined ? "" : [mark(one.holds), el("span", {class: "found"}, String(one.found ?? "–"))];
}

/* A line for each claim, as the text has them; a column for each transport, of which some are not meant by a claim. */
function rows(run, transports) {
    const claims = new Map();
    for (const one of expectations(run)) {
        const claim = String(one.claim ?? "–"), because = String(one.because ?? "");
        const key = JSON.stringify([claim, because]);
        if (!claims.has(key)) claims.set(key, {claim, because, over: new Map()});
        claims.get(key).over.set(String(one.transport), one);
    }
    return [...claims.values()].map(({claim, because, over}) => ({
        cells: [
            [el("code", null, claim), because ? el("p", {class: "note"}, because) : null],
            ...transports.map((transport) => cell(over.get(transport.name)))
        ]
    }));
}

function outcomeOf(run) {
    const {word, reason} = run.results.scenario.verdict ?? {};
    const name = run.letter === "" ? "" : `${run.letter}: `;
    return el(
        "p",
        {class: "lead", "data-outcome": String(word ?? "")},
        `${name}${WORDS[word] ?? "Nobody says what it comes to"}`,
        reason ? `: ${String(reason)}` : "",
        "."
    );
}

export function expected(runs) {
    return section(
        "expectations",
        "What had to hold",
        "What the scenario's text says beforehand. Where times are withheld, or whom it is compared with has not " +
            "taken part, it is not looked at.",
        runs
            .filter((run) => expectations(run).length > 0)
            .map((run) => [
                outcomeOf(run),
                byColumns(run.transports).map((some) =>
                    table(["", ...some.map((transport) => named(run, transport))], rows(run, some), {
                        class: "expectations",
                        label: "expectations"
                    })
                )
            ])
    );
}

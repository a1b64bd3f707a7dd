/* The question that a run asks, and under which conditions. */
import {el} from "./dom.js";
import {digits} from "./numbers.js";

const OF_PRESETS = {
    "share-work": "One reader cannot keep up. What does a group of readers buy?",
    "bad-day": "Readers die, then servers. Who still has every event?",
    "quiet-shop": "Ten events a second and one reader: what is worth running?",
    "answer-now": "The caller waits for an answer. Who has it first?"
};

const OF_FAULTS = {
    none: "Nothing breaks. Who has every event, how soon, and at what cost?",
    "bad-day": "Readers die, then servers. Who still has every event?",
    "server-down": "The servers die while events come. Who still has every event?",
    "broker-down": "The broker dies while events come. Who still has every event?",
    "mailer-down": "The mailer is away. Does every mail come, and once?",
    "consumer-down": "The readers are away. What waits for them, and how soon is it gone?",
    "members-down": "Members of a group die, one after the other. Does the work go on?",
    "member-frozen": "A member of the group stands still. Who takes its work?"
};

/* A run may bring its own. */
export function question(run) {
    const {results, options} = run;
    const own = results.question ?? results.scenario?.question;
    return typeof own === "string" && own !== ""
        ? own
        : (OF_PRESETS[options.preset] ?? OF_FAULTS[options.fault] ?? "Where did every event go?");
}

function loaded(options) {
    const seconds = Number(options.duration_s) + Number(options.warmup_s);
    return Number(options.duration_s) > 0 ? `, for ${digits(seconds)} s` : "";
}

export function conditions(run) {
    const {options, transports, results} = run;
    const words = [];
    if (options.rate && options.rate !== "0")
        words.push(
            `${options.rate} events a second${transports.length > 1 ? ` to each of ${transports.length}` : ""}` +
                loaded(options)
        );
    if (options.source) words.push(`what is offered: ${options.source}`);
    if (transports.length > 1)
        words.push(options.in_turn ? "one after the other" : "all at the same time, on one machine");
    if (results.scenario) words.push(`the scenario: ${results.scenario.name}`);
    else if (options.fault && options.fault !== "none")
        words.push(`the fault: ${options.fault}, ${digits(Number(options.gap_s))} s between its parts`);
    if (options.durability) words.push(`an acknowledgement is to survive: ${options.durability}`);
    if (run.isOwn && typeof results.seed === "number") words.push(`seed ${results.seed}`);
    if (!run.isOwn) words.push("judged while this page was made");
    return words.join("; ");
}

export function heading(runs) {
    const asked = [...new Set(runs.map(question))];
    return el(
        "header",
        {class: "question"},
        asked.map((text) => el("h1", null, text)),
        runs.map((run) =>
            el(
                "p",
                {class: "conditions"},
                run.letter ? el("b", {class: "letter"}, run.letter) : null,
                run.letter ? `${run.title}: ` : "",
                conditions(run),
                "."
            )
        )
    );
}

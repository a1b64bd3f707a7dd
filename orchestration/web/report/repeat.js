/* How to repeat it: the command, made of the options that the run was given. */
import {el, section} from "./dom.js";

/* Members of options by the flag they come of. What is not named here has its own name, with dashes. */
const FLAGS = {duration_s: "duration", warmup_s: "warmup", gap_s: "gap", retention_s: "retention"};
const NONE = ["smtp_timeout_ms"]; /* no option: everybody has the same */
const EMPTY = {
    ...{poison_every: 0, rule_cost_us: 0, stale_after_ms: 0, hot_percent: 0, retention_s: 0, poll_ms: 0},
    ...{clients: 0, readers: 0, destinations: 0, flaky: 0, resend_every: 0, schedule: "constant"}
};
const OF_SCENARIO = ["fault", "gap_s", "preset"]; /* it has its own */

/* For a shell, whatever it is. */
export function quoted(text) {
    return /^[A-Za-z0-9_.,:=+\/@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function flag(name, value) {
    const option = `--${FLAGS[name] ?? name.replaceAll("_", "-")}`;
    if (NONE.includes(name) || value === "" || value === false || value === null || value === EMPTY[name])
        return [];
    return value === true ? [option] : [option, quoted(String(value))];
}

/* The load's, where the run has kept it: what lies elsewhere may have changed, or be gone. */
function kept(run) {
    const name = run.results.trace?.kept;
    return name ? {schedule: `trace:${run.directory}/${name}`} : {};
}

function trace(run) {
    const {sha256, lines, kept: name} = run.results.trace ?? {};
    if (sha256 === undefined) return null;
    const where = name
        ? `A copy of it was kept beside results.json, ${name}, and is the one named above.`
        : "It was too large to be kept.";
    return el(
        "p",
        {class: "trace"},
        `Its load is a recorded trace of ${lines} lines, and the file has to be the one whose SHA-256 is `,
        el("code", null, sha256),
        `. ${where}`
    );
}

export function command(run) {
    if (!run.isOwn || run.options.rate === undefined || run.options.fault === "") return null;
    const scenario = run.results.scenario;
    const words = ["./lab", ...(scenario ? ["scenario", "run", quoted(String(scenario.name))] : ["compare"])];
    if (scenario?.small === true) words.push("--small");
    words.push("--transports", quoted(run.transports.map((transport) => transport.name).join(",")));
    words.push(...flag("seed", run.results.seed));
    for (const [name, value] of Object.entries({...run.options, ...kept(run)}))
        if (!scenario || !OF_SCENARIO.includes(name)) words.push(...flag(name, value));
    return words.join(" ");
}

const AGAIN = {
    same:
        "While this page was made the run was judged again, from its artifacts alone: verdicts, ledger, mails, " +
        "latencies, curves, recovery and single cases came to the same figures.",
    differs:
        "While this page was made the run was judged again, from its artifacts alone, and that came to something " +
        "else than results.json has, which is what this page shows. Do not believe it before that is settled. It " +
        "differs in ",
    cannot:
        "Not all of it could be judged again while this page was made: what this page shows of the following is what " +
        "results.json says, and nobody can look whether that is so. "
};
const NOT_JUDGED = "Not judged again, as no artifact has it a second time: what it cost, which was measured then, ";

function reasons(run) {
    return run.transports
        .filter((transport) => transport.again.word === "cannot")
        .map((transport) => `${transport.name}: ${transport.again.reason}.`)
        .join(" ");
}

function again(run) {
    const {word, members, more} = run.data.again ?? {};
    if (AGAIN[word] === undefined) return el("p", null, "It was judged while this page was made.");
    const named = Array.isArray(members) ? members.join(", ") : "";
    return el(
        "p",
        {class: word === "same" ? "again" : "again warning", "data-again": word},
        run.letter ? el("b", {class: "letter"}, run.letter) : null,
        AGAIN[word],
        word === "differs" ? `${named}${more > 0 ? `, and ${more} more` : ""}. ` : "",
        word === "same" ? "" : reasons(run)
    );
}

function notJudged(run) {
    if (run.data.again === undefined) return null;
    const rest = run.results.scenario?.expectations
        ? "what the fault did, and what had to hold."
        : "and what the fault did.";
    return el("p", {class: "note", "data-not-judged": ""}, NOT_JUDGED + rest);
}

/* What must be known before anything else is looked at. */
export function warnings(runs) {
    return runs.filter((run) => ["differs", "cannot"].includes(run.data.again?.word)).map((run) => again(run));
}

export function repeat(runs, version) {
    return section(
        "repeat",
        "How to repeat it",
        null,
        runs.map((run) => {
            const line = command(run);
            return el(
                "div",
                {class: "repeat"},
                run.letter ? el("h3", null, el("b", {class: "letter"}, run.letter), run.title) : null,
                line
                    ? [
                          el("p", null, "The same events at the same instants, and the same fault:"),
                          el("pre", null, el("code", {"data-command": run.index}, line))
                      ].concat(trace(run) ?? [])
                    : el(
                          "p",
                          null,
                          run.isForeign
                              ? "Somebody else has recorded it: no command of the lab makes the same again."
                              : "It goes on: no command of the lab makes the same again."
                      ),
                el("p", null, "The verdict alone, from the artifacts:"),
                el("pre", null, el("code", null, `./lab check ${quoted(run.directory)}`)),
                again(run),
                notJudged(run)
            );
        }),
        el("p", {class: "made"}, `Made by ese-lab ${version}.`)
    );
}

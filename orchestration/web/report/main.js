/* The page, from top to bottom. */
import {el} from "./dom.js";
import {read} from "./run.js";
import {heading} from "./question.js";
import {outcome} from "./summary.js";
import {timeline} from "./timeline.js";
import {latencies} from "./latency.js";
import {ledgers} from "./ledger.js";
import {costs} from "./cost.js";
import {expectations, expected} from "./expected.js";
import {promised} from "./promises.js";
import {stories} from "./stories.js";
import {fairness} from "./fairness.js";
import {differences} from "./differences.js";
import {raw} from "./raw.js";
import {repeat, warnings} from "./repeat.js";
import {theme} from "./theme.js";

function menu(parts, button) {
    return el(
        "nav",
        {"aria-label": "parts of the page"},
        el("b", null, "ESE lab"),
        el(
            "div",
            null,
            parts.map((part) => el("a", {href: `#${part.id}`}, part.id))
        ),
        button
    );
}

function build() {
    const {runs, version} = read(document.getElementById("data").textContent);
    const picture = timeline(runs);
    const parts = [
        picture.part,
        outcome(runs),
        latencies(runs),
        ledgers(runs),
        costs(runs),
        ...(runs.some((run) => expectations(run).length > 0) ? [expected(runs)] : []),
        promised(runs),
        ...(runs.length > 1 ? [differences(runs)] : []),
        stories(runs),
        fairness(runs),
        raw(runs),
        repeat(runs, version)
    ];
    let drawn = [];
    const {button, show} = theme(() => drawn.forEach((one) => one.restyle()));
    document
        .getElementById("report")
        .append(menu(parts, button), el("main", null, heading(runs), warnings(runs), parts));
    show();
    drawn = picture.draw();
    document.documentElement.dataset.ready = "yes";
}

build();

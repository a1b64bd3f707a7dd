/* What it came to: a card a transport. */
import {el, section} from "./dom.js";
import {derived, digits, number} from "./numbers.js";
import {hasCost, hasMails, isUntimed} from "./run.js";

const WORDS = {pass: "the ledger balances", fail: "the ledger does not balance", "cannot tell": "cannot be told"};

export function verdict(transport) {
    const word = transport.raw.verdict?.ledger?.word;
    const mark = {pass: "✓", fail: "✗"}[word] ?? "?";
    return el(
        "span",
        {class: `verdict ${word === "pass" ? "good" : word === "fail" ? "bad" : "open"}`},
        el("b", {"aria-hidden": "true"}, mark),
        ` ${WORDS[word] ?? String(word ?? "not judged")}`
    );
}

/* A verdict of results.json is worth what judging again says of it. */
export function doubt(transport) {
    const {word, reason} = transport.again;
    if (word !== "cannot" && word !== "differs") return null;
    return el(
        "strong",
        {class: "doubt bad", "data-doubt": word},
        word === "differs"
            ? "judged again, it came to other figures: see above"
            : `as it was judged then; it could not be judged again: ${reason}`
    );
}

/* Beside times that are struck out: why. */
export function untimed(transport) {
    return isUntimed(transport.raw)
        ? el(
              "span",
              {class: "untimed open", "data-untimed": ""},
              `its times are withheld: ${transport.raw.verdict.timing.reason || "nobody says why"}`
          )
        : null;
}

/* The same for a whole part of the page; nothing where all times can be told. */
export function untimedNotes(runs) {
    return runs.flatMap((run) =>
        run.transports
            .filter((transport) => isUntimed(transport.raw))
            .map((transport) => el("p", {class: "note"}, named(run, transport), " ", untimed(transport)))
    );
}

export function named(run, transport) {
    return el(
        "span",
        {class: `name t${transport.place}`},
        el("i", {class: "swatch", "aria-hidden": "true"}),
        transport.name,
        run.letter ? el("b", {class: "letter"}, run.letter) : null
    );
}

export function perThousand(transport, path) {
    const value = path.split(".").reduce((inner, name) => inner?.[name], transport.raw);
    const processed = transport.raw.ledger?.processed;
    return typeof value === "number" && processed > 0 ? (value * 1000) / processed : NaN;
}

function fact(label, ...value) {
    return el("div", {class: "fact"}, el("dt", null, label), el("dd", null, ...value));
}

function lostShare(ledger) {
    return ledger.lost > 0 && ledger.acknowledged > 0
        ? ` (${digits((ledger.lost * 100) / ledger.acknowledged)} %)`
        : "";
}

/* Of other events, a second time, or for nothing. */
function otherMails(mails) {
    return ["altered", "doubled", "unexpected"].reduce((sum, name) => sum + (mails?.[name] > 0 ? mails[name] : 0), 0);
}

function card(run, transport) {
    const {at, raw} = transport;
    const ledger = raw.ledger ?? {};
    return el(
        "article",
        {class: `card t${transport.place}`},
        el("h3", null, named(run, transport)),
        el(
            "p",
            {class: "headline"},
            el("span", {class: ledger.lost > 0 ? "big bad" : "big"}, number(run, at, "ledger.lost")),
            " of ",
            number(run, at, "ledger.acknowledged"),
            ledger.acknowledged === 1 ? " acknowledged event lost" : " acknowledged events lost",
            lostShare(ledger)
        ),
        el(
            "dl",
            null,
            hasMails(transport)
                ? fact(
                      "mails that came as they had to",
                      number(run, at, "mails.matched"),
                      " of ",
                      number(run, at, "mails.expected")
                  )
                : null,
            otherMails(raw.mails) > 0
                ? fact("mails that came otherwise", el("span", {"data-other-mails": ""}, digits(otherMails(raw.mails))))
                : null,
            fact(
                "acknowledged, p50 / p99",
                number(run, at, "latency_us.ack.p50", "us"),
                " / ",
                number(run, at, "latency_us.ack.p99", "us")
            ),
            fact("most that waited", number(run, at, "lag.highest")),
            hasCost(transport)
                ? fact(
                      "processor time per 1,000",
                      derived(run, at, "cost.cpu_s", perThousand(transport, "cost.cpu_s"), "s")
                  )
                : null
        ),
        el(
            "p",
            {class: "foot"},
            verdict(transport),
            doubt(transport),
            untimed(transport),
            ledger.lost > 0 && raw.verdict?.ledger?.word === "pass"
                ? el("span", {class: "muted"}, "it does not promise to keep them")
                : null,
            raw.mock === true
                ? el("strong", {class: "mock"}, "a mock broker: its figures are not a broker's")
                : null
        )
    );
}

/* The sentences that the table of compare ends with. */
function words(runs) {
    return runs.map((run) => {
        const lines = Array.isArray(run.data.words) ? run.data.words.map(String) : [];
        return lines.length === 0
            ? null
            : el(
                  "div",
                  {class: "words"},
                  lines.map((line, i) =>
                      el("p", null, run.letter && i === 0 ? el("b", {class: "letter"}, run.letter) : null, line)
                  )
              );
    });
}

export function outcome(runs) {
    return section(
        "outcome",
        "What it came to",
        null,
        el(
            "div",
            {class: "cards"},
            runs.flatMap((run) => run.transports.map((transport) => card(run, transport)))
        ),
        words(runs)
    );
}

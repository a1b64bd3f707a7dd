/* The story of any event, by its id: who saw it, when, and what became of it. */
import {el, section} from "./dom.js";
import {digits} from "./numbers.js";
import {named} from "./summary.js";

const MOST_HITS = 12;

/* Where an event stands in its lane, which is the same over every transport that was offered the same. */
export function place(id) {
    const parts = id.split("-");
    return parts.length === 5 && parts[2].startsWith("7") ? `${parts[2].slice(1)}-${parts[4].slice(4)}` : id;
}

function gather(runs) {
    return runs.flatMap((run) =>
        run.transports.flatMap((transport) =>
            (transport.stories.events ?? []).map(([id, kind, lines]) => ({
                run,
                transport,
                id: String(id),
                search: String(id).toLowerCase(),
                kind: String(kind),
                lines,
                place: `${run.index} ${place(String(id))}`,
                text: lines
                    .map((line) => line[2])
                    .join("\n")
                    .toLowerCase()
            }))
        )
    );
}

function story({run, transport, id, kind, lines}) {
    return el(
        "article",
        {class: `story t${transport.place}`},
        el("h3", null, named(run, transport), kind ? el("span", {class: "mark bad"}, kind) : null),
        el("p", {class: "id"}, id),
        el(
            "ol",
            null,
            lines.map(([seconds, who, text]) =>
                el(
                    "li",
                    {class: who === "the fault" ? "fault" : null},
                    el("time", null, `${seconds} s`),
                    el("b", null, who),
                    el("span", null, text)
                )
            )
        )
    );
}

/* Beside it, the same event over the other transports, as far as they are in the page. */
function tell(told, events, event) {
    const others = events.filter((other) => other !== event && other.place === event.place);
    told.replaceChildren(el("div", {class: "panels"}, [event, ...others].map(story)));
}

function counted(run) {
    return run.transports.map((transport) => {
        const {events, seen, faulty} = transport.stories;
        const all = Array.isArray(events) ? events : [],
            bad = all.filter(([, kind]) => kind !== "").length;
        return el(
            "li",
            null,
            named(run, transport),
            ` ${digits(bad)} of ${digits(faulty ?? 0)} at fault, and ` +
                `${digits(all.length - bad)} of the ${digits((seen ?? 0) - (faulty ?? 0))} others`
        );
    });
}

/* Stories may lack what could not be read. */
function unread(run) {
    return run.transports
        .filter((transport) => transport.stories.unread)
        .map((transport) =>
            el("p", {class: "unread"}, named(run, transport), ` ${String(transport.stories.unread).trim()}`)
        );
}

/* The first of each kind of fault, to begin with. */
function examples(events, choose) {
    const known = new Set();
    const firsts = events.filter(
        (event) =>
            event.kind !== "" &&
            !known.has(event.transport.name + event.kind) &&
            known.add(event.transport.name + event.kind)
    );
    const any = events.find((event) => event.kind === "" && event.text.includes("its mail came"));
    return [...firsts, ...(any ? [any] : [])]
        .slice(0, MOST_HITS)
        .map((event) =>
            el(
                "button",
                {type: "button", class: `example t${event.transport.place}`, onclick: () => choose(event)},
                named(event.run, event.transport),
                event.kind || "a mail that came"
            )
        );
}

function search(events, hits, choose, asked) {
    const text = asked.trim().toLowerCase();
    const found = text === "" ? [] : events.filter((event) => event.search.startsWith(text));
    const more = text.length < 3 || found.length > 0 ? [] : events.filter((event) => event.text.includes(text));
    const all = [...found, ...more];
    hits.replaceChildren(
        ...all
            .slice(0, MOST_HITS)
            .map((event) =>
                el(
                    "button",
                    {type: "button", class: `hit t${event.transport.place}`, onclick: () => choose(event)},
                    named(event.run, event.transport),
                    el("code", null, event.id),
                    event.kind
                )
            ),
        ...(all.length > MOST_HITS ? [el("p", null, `and ${digits(all.length - MOST_HITS)} more`)] : []),
        ...(text !== "" && all.length === 0
            ? [
                  el(
                      "p",
                      {class: "absent"},
                      "No event in this page has that. The run's directory tells of all of them, see below."
                  )
              ]
            : [])
    );
    if (all.length > 0 && (all.length === 1 || found.some((event) => event.search === text)))
        choose(found[0] ?? all[0]);
}

export function stories(runs) {
    const events = gather(runs);
    const told = el("div", {class: "told", "aria-live": "polite"}),
        hits = el("div", {class: "hits"});
    const field = el("input", {
        type: "search",
        id: "event",
        autocomplete: "off",
        spellcheck: "false",
        placeholder: "an event's id, or how it begins; or a key, as 203.0.113.7-14"
    });
    const choose = (event) => tell(told, events, event);
    field.addEventListener("input", () => search(events, hits, choose, field.value));
    return section(
        "stories",
        "The story of an event",
        null,
        events.length === 0
            ? el(
                  "p",
                  {class: "absent"},
                  runs.every((run) => run.data.kind === "running")
                      ? "No stories are in this page: of a walk that goes on only sums are kept."
                      : "No stories are in this page: nothing is left of the run that tells of single events."
              )
            : [
                  el("label", {for: "event", class: "search"}, el("span", null, "Look up"), field),
                  el("div", {class: "examples"}, examples(events, choose)),
                  hits,
                  told
              ],
        runs.filter((run) => run.data.kind !== "running").map((run) =>
            el(
                "div",
                {class: "held"},
                el("p", null, run.letter ? `${run.letter}: in` : "In", " this page are the stories of"),
                el("ul", null, counted(run)),
                unread(run),
                el("p", null, "All others: ", el("code", null, `./lab check ${run.directory} --explain ID`))
            )
        )
    );
}

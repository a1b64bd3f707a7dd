/* One stream: its newest events, and one of each shape. */
import {body, decode, moment} from "./bodies.js";
import {el, list} from "./dom.js";
import {ask, get} from "./server.js";
import {canBeAsked, number} from "./words.js";

const NEWEST = 10;

function event({position, type, created, text}) {
    const element = el("li", {"data-position": position},
        el("p", {class: "what"}, el("b", {class: "n"}, number(position)), " ", el("bdi", {class: "type"}, type), " ",
            moment(created)),
        body(text));
    return {element, show: () => {}};
}

/* The slice's offset is exclusive, and it says itself where the stream ends. */
async function readNewest(name) {
    const end = Number((await ask(`/streams/${name}/0/0`)).headers.get("X-Event-Newest"));
    const events = JSON.parse((await ask(`/streams/${name}/${Math.max(0, end - NEWEST)}/${NEWEST}`)).text);
    return events.map((one) => ({...one, text: decode(one.body)})).reverse();
}

async function readShapes(name) {
    const {event_variants: variants} = await get(`/introspect/${name}`);
    return Object.entries(variants ?? {}).flatMap(([type, samples]) =>
        samples.map(({body: text, ...one}) => ({...one, type, text})));
}

/* An element, and read(total), which brings it up to date where there are more events than at the last time. */
export function opened(name) {
    const newest = el("ol", {class: "events newest"}), shapes = el("ol", {class: "events shapes"});
    const why = el("p", {class: "none"}, "reading …");
    const showNewest = list(newest), showShapes = list(shapes);
    let known = null;
    async function read(total) {
        if (!canBeAsked(name)) {
            why.textContent = "A browser writes this name in another way, and so cannot ask for it: ask by curl.";
            return;
        }
        if (known === total) return;
        const [events, samples] = await Promise.all([readNewest(name), readShapes(name)]);
        known = total;
        showNewest(events, ({position, uuid}) => `${position} ${uuid}`, event);
        showShapes(samples, ({position, uuid}) => `${position} ${uuid}`, event);
        why.textContent = events.length === 0 ? "There is no event in it." : "";
        why.hidden = events.length > 0;
    }
    const element = el("div", {class: "opened"}, why,
        el("h4", null, "Newest events"), newest,
        el("h4", null, "One event of each shape"),
        el("p", {class: "note"}, "A shape: one type, one set of keys. Bodies that are no JSON object have none."),
        shapes);
    return {element, read};
}

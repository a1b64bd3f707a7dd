/* The streams there are; one of them can be opened, which is then the page's address. */
import {el, list, write} from "./dom.js";
import {opened} from "./opened.js";
import {counted, number} from "./words.js";

const BELOW = "/dashboard/streams/";
const MOST = 200; // streams that are shown

export function addressOf(name) {
    return BELOW + name;
}

/* The stream that the page's address is of, or null. */
export function streamOf(address) {
    return address.startsWith(BELOW) && address.length > BELOW.length ? address.slice(BELOW.length) : null;
}

/* null: all of them are the original's, and have none. */
function types(kinds) {
    return (kinds ?? []).map(({name, total}) =>
        el("li", null, el("bdi", null, name), " ", el("b", {class: "n"}, number(total))));
}

/* `choose(name)` is called with the one that is to be open, or null. */
function stream({name}, choose, isOpen) {
    const total = el("b", {class: "n total"}), kinds = el("ul", {class: "types"});
    const link = el("a", {href: addressOf(name)}, el("bdi", null, name));
    const element = el("li", {class: "stream", "data-stream": name}, el("h3", null, link, total), kinds);
    let known = "";
    link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        choose(isOpen(name) ? null : name);
    });
    const show = (item) => {
        write(total, counted(item.total, "event", "events"));
        link.setAttribute("aria-expanded", String(isOpen(name)));
        const now = JSON.stringify(item.event_types);
        if (now !== known) kinds.replaceChildren(...types(item.event_types));
        known = now;
    };
    return {element, show};
}

export function streams(choose) {
    const rows = el("ol", {class: "streams"}), none = el("p", {class: "none"}, "There is none yet: post an event.");
    const more = el("p", {class: "none more"}), showRows = list(rows);
    let open = null; // {name, element, read}
    const isOpen = (name) => open !== null && open.name === name;

    function place() {
        const row = [...rows.children].find((one) => one.dataset.stream === open.name);
        if (!row || open.element.parentNode === row) return;
        row.append(open.element);
        row.scrollIntoView({block: "nearest"}); // who came from a subscription may be far below
    }

    /* Any that the address names can be looked at. */
    function withOpen(all) {
        const shown = all.slice(0, MOST);
        if (open !== null && !shown.some(({name}) => name === open.name))
            shown.push(all.find(({name}) => name === open.name) ?? {name: open.name, total: 0, event_types: []});
        return shown;
    }

    async function show(all) {
        all.sort((one, other) => (one.name < other.name ? -1 : 1));
        const shown = withOpen(all);
        showRows(shown, ({name}) => name, (item) => stream(item, choose, isOpen));
        none.hidden = shown.length > 0;
        write(more, all.length > MOST ? `${number(all.length - MOST)} more are not shown.` : "");
        if (open === null) return;
        place();
        await open.read(shown.find(({name}) => name === open.name).total);
    }

    return {
        element: el("section", {id: "streams", "aria-labelledby": "streams-title"},
            el("h2", {id: "streams-title"}, "Streams"),
            el("p", {class: "lead"}, "Each keeps its events in one order; a position says which."), none, rows, more),
        show,
        open(name) {
            if (open !== null) open.element.remove();
            open = name === null ? null : {name, ...opened(name)};
        },
    };
}

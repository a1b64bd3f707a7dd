/* Elements. Whatever is text becomes a text: nothing of a run is ever read as HTML. */

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (value !== null && value !== undefined && value !== false)
            element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
}

export function el(tag, attributes, ...children) {
    return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
    return fill(document.createElementNS(SVG, tag), attributes, children);
}

/* A part of the page with a heading that can be linked to. */
export function section(id, title, lead, ...children) {
    return el(
        "section",
        {id, "aria-labelledby": `${id}-title`},
        el("h2", {id: `${id}-title`}, title),
        lead ? el("p", {class: "lead"}, lead) : null,
        ...children
    );
}

/* Columns beside each other that people can read, on a projector and on paper. */
const MOST_COLUMNS = 4;

/* Things that are to be columns, in as many tables as they need. */
export function byColumns(all) {
    const parts = Math.max(1, Math.ceil(all.length / MOST_COLUMNS)),
        size = Math.ceil(all.length / parts);
    return Array.from({length: parts}, (_, i) => all.slice(i * size, (i + 1) * size));
}

/* {heading}: of the rows behind it; else {cells, class}. */
function line(row, columns) {
    if (row.heading !== undefined)
        return el("tr", {class: "group"}, el("th", {scope: "rowgroup", colspan: columns}, row.heading));
    return el(
        "tr",
        {class: row.class},
        row.cells.map((cell, i) => el(i === 0 ? "th" : "td", i === 0 ? {scope: "row"} : null, cell))
    );
}

export function table(heads, rows, attributes) {
    return el(
        "div",
        {class: "scroll", tabindex: "0", role: "region", "aria-label": attributes?.label ?? "table"},
        el(
            "table",
            {class: attributes?.class},
            el(
                "thead",
                null,
                el(
                    "tr",
                    null,
                    heads.map((head) => el("th", {scope: "col"}, head))
                )
            ),
            el(
                "tbody",
                null,
                rows.map((row) => line(row, heads.length))
            )
        )
    );
}

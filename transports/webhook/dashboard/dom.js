/* Elements. Whatever is text becomes a text: nothing that comes from outside is ever read as HTML. */

export function el(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (value !== null && value !== undefined && value !== false)
            element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
}

/* Only where it changes: what somebody has marked stays marked. */
export function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

/* One element for each item, in their order. Those that are there already are kept, with the keyboard's place in them:
   each comes from `make(item)` as {element, show}, and show(item) brings it up to date. */
export function list(parent) {
    const shown = new Map();
    return (items, keyOf, make) => {
        const keys = new Set(items.map(keyOf));
        for (const [key, one] of shown) {
            if (!keys.has(key)) {
                one.element.remove();
                shown.delete(key);
            }
        }
        items.forEach((item, i) => {
            const key = keyOf(item);
            if (!shown.has(key)) shown.set(key, make(item));
            const one = shown.get(key);
            if (parent.children[i] !== one.element) parent.insertBefore(one.element, parent.children[i] ?? null);
            one.show(item);
        });
    };
}

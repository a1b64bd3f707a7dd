/* One colour a transport, whatever stands beside it: a name prefers a place in the palette, and where that is taken
 * gets the next. Which colours these are the style says (--t0 and so on), for light and dark. */

export const PALETTE = 8;

/* A small hash. Its seed gives names that are often seen together places of their own. */
function preferred(name) {
    let hash = 537;
    for (const character of name) hash = (hash * 39 + character.codePointAt(0)) % 65521;
    return hash % PALETTE;
}

/* Map of name to place. Names beyond the palette share places. */
export function places(names) {
    const taken = new Set(),
        map = new Map();
    for (const name of [...new Set(names)].sort()) {
        let place = preferred(name);
        for (let i = 0; i < PALETTE && taken.has(place); i++) place = (place + 1) % PALETTE;
        taken.add(place);
        map.set(name, place);
    }
    return map;
}

/* What a style has for it just now: for canvases, which know no styles. */
export function resolved(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/* Of lines, by their place in a run: the first two differ by their width. What was offered is dotted, as nobody else
 * is. */
export const DASHES = [
    null,
    null,
    [10, 5],
    [14, 4, 3, 4],
    [22, 6],
    [14, 4, 3, 4, 3, 4],
    [7, 3],
    [22, 4, 7, 4]
];
export const DOTTED = [2, 4];

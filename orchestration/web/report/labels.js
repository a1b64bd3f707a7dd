/* Labels beside what they name. */

/* Those that would lie upon each other are moved apart, and stay above the bottom. */
export function spread(labels, room, bottom) {
    labels.sort((a, b) => a.y - b.y);
    labels.forEach((label, i) => {
        if (i > 0) label.y = Math.max(label.y, labels[i - 1].y + room);
    });
    for (let i = labels.length - 1, most = bottom; i >= 0; i--, most -= room)
        labels[i].y = Math.min(labels[i].y, most);
}

/* What has room beside a chart; the whole name stands in the legend. */
export function shortened(name) {
    return name.length > 21 ? `${name.slice(0, 20)}…` : name;
}

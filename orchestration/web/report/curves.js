/* What happened over the time, as numbers: what a chart has curves of, how far it goes, what is written into it. */
import {digits} from "./numbers.js";
import {DASHES, DOTTED} from "./colours.js";
import {curve} from "./run.js";

const WIDTHS = [6, 2.8, 2.4, 2]; /* the first is the widest, so that it is seen below one that lies upon it */
export const OFFERED_WIDTH = 1.6;
const SPIKE = 3; /* what is so many times what was offered is cut, and told in words */

export function widthOf(i) {
    return WIDTHS[Math.min(i, WIDTHS.length - 1)];
}

export const CHARTS = [
    {title: "Acknowledged per second", rate: "acknowledged", hasOffered: true},
    {title: "Delivered per second: processed by the reader, and committed", rate: "processed", hasOffered: true},
    {title: "Waiting: acknowledged, and not yet processed", rate: null, hasOffered: false}
];

function offeredOf(run) {
    const all = run.transports.map((transport) => curve(transport.raw.rates?.offered));
    const known = new Set();
    return all
        .map((values, i) => ({values, i}))
        .filter(({values}) => values.length > 0 && !known.has(values.join()) && known.add(values.join()));
}

/* Within a bucket, and perhaps the moment at which the most waited: [seconds, how many]. */
function loadEnd(lag) {
    const {load_ended_ms: ms, at_load_end: waiting} = lag ?? {};
    return typeof ms === "number" && ms > 0 && typeof waiting === "number" ? [ms / 1000, waiting] : null;
}

/* Of a curve of what there was at the end of each bucket, and at one moment more: [seconds, value], in order. Of one
 * millisecond it has the larger, so that the most of it is lag.highest wherever the load ended. */
export function course(one) {
    const all = [[0, 0], ...one.values.map((value, i) => [(i + 1) * one.bucket, value])];
    const [at, waiting] = one.extra ?? [];
    const same = all.find(([time]) => Math.round(time * 1000) === Math.round(at * 1000));
    if (same) same[1] = Math.max(same[1], waiting);
    else if (one.extra) all.push(one.extra);
    return all.sort((a, b) => a[0] - b[0]);
}

/* Curves: {name, place, width, dash, values per bucket, bucket in seconds, whether a value is of the bucket's end, the
 * extra one of those}. */
export function curvesOf(run, chart) {
    const curves = run.transports.map((transport, i) => {
        const values =
            chart.rate === null ? curve(transport.raw.lag?.waiting) : curve(transport.raw.rates?.[chart.rate]);
        const bucket = (chart.rate === null ? transport.raw.lag?.bucket_ms : transport.raw.rates?.bucket_ms) / 1000;
        return {
            name: transport.name,
            place: transport.place,
            width: widthOf(i),
            dash: DASHES[i % DASHES.length],
            bucket,
            isEnd: chart.rate === null,
            extra: chart.rate === null ? loadEnd(transport.raw.lag) : null,
            values: chart.rate === null ? values : values.map((value) => value / bucket)
        };
    });
    const offered = chart.hasOffered
        ? offeredOf(run).map(({values, i}) => {
              const bucket = run.transports[i].raw.rates.bucket_ms / 1000;
              return {
                  name: "offered",
                  place: null,
                  width: OFFERED_WIDTH,
                  dash: DOTTED,
                  bucket,
                  isEnd: false,
                  values: values.map((value) => value / bucket)
              };
          })
        : [];
    return [...offered, ...curves].filter((one) => one.values.length > 0 && one.bucket > 0);
}

/* One row a moment, with the value of each curve that has one then. */
export function rows(curves) {
    const moments = new Map();
    curves.forEach((one, at) => {
        const put = (time, value) => {
            const key = Math.round(time * 1000);
            if (!moments.has(key))
                moments.set(
                    key,
                    curves.map(() => null)
                );
            moments.get(key)[at] = value;
        };
        if (one.isEnd) {
            course(one).forEach(([time, value]) => put(time, value));
            return;
        }
        one.values.forEach((value, i) => put(i * one.bucket, value));
        /* a step as wide as the others */
        put(one.values.length * one.bucket, one.values[one.values.length - 1]);
    });
    return [...moments.keys()].sort((a, b) => a - b).map((key) => [key / 1000, ...moments.get(key)]);
}

export function extent(runs) {
    const ends = runs
        .flatMap((run) => CHARTS.flatMap((chart) => curvesOf(run, chart)))
        .map((one) => one.values.length * one.bucket);
    return Math.max(1, ...ends);
}

function drawn(one) {
    return one.isEnd ? course(one).map(([, value]) => value) : one.values;
}

/* Up to where a chart goes: over all runs the same. A spike is cut where all else would lie at the bottom. */
export function ceiling(runs, chart) {
    const curves = runs.flatMap((run) => curvesOf(run, chart));
    const offered = curves.filter((one) => one.place === null).flatMap((one) => one.values);
    const most = Math.max(1, ...curves.flatMap(drawn));
    const usual = Math.max(0, ...offered);
    return usual > 0 && most > SPIKE * usual ? usual * 1.9 : most * 1.12;
}

/* The most that waited, which is results.json's lag.highest. */
function peak(one) {
    const most = Math.max(...drawn(one));
    const [x] = course(one).find(([, value]) => value === most);
    return most > 0 ? [{x, y: most, place: one.place, isPeak: true, text: `${one.name} ${digits(most)}`}] : [];
}

/* What is written into a chart: values that were cut, or, of what waits, the most. {x, y, text, place} */
export function notes(curves, top) {
    return curves.flatMap((one) => {
        if (one.place === null) return [];
        if (one.isEnd) return peak(one).map((note) => ({...note, y: Math.min(note.y, top)}));
        return one.values
            .map((value, i) => ({value, x: (i + 0.5) * one.bucket}))
            .filter(({value}) => value > top)
            .map(({value, x}) => ({
                x,
                y: Math.min(value, top),
                place: one.place,
                isPeak: false,
                text: `▲ ${digits(value)} /s`
            }));
    });
}

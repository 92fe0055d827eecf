const MINUTE = 60_000;

/** The ledger of the last minute, from readings of it. */
const ledger = {
  readings: [],
  recent: true,

  add(at, now) {
    const last = this.readings.at(-1)?.now;
    // The agent has been started anew.
    if (last && now.seen < last.seen) this.readings.length = 0;
    this.readings.push({ at, now });
    while (this.readings.length > 2 && at - this.readings[1].at >= MINUTE) this.readings.shift();
  },

  /** What was counted in the last milliseconds that are known; no more than a minute. */
  since(milliseconds) {
    const { at, now } = this.readings.at(-1);
    const first = this.readings.find(reading => at - reading.at <= milliseconds) ?? this.readings.at(-1);
    const losses = {};
    for (const [reason, count] of Object.entries(now.losses)) losses[reason] = count - (first.now.losses[reason] ?? 0);
    return {
      seconds: (at - first.at) / 1000, seen: now.seen - first.now.seen, delivered: now.delivered - first.now.delivered,
      // Nothing is in flight for longer than a moment.
      inFlight: now.inFlight, losses,
    };
  },

  get total() {
    return this.readings.at(-1).now;
  },
};

/** A row for each thing that became of frames. */
function outcomes(counted, mends) {
  const rows = [{ name: 'delivered', count: counted.delivered, kind: 'delivered' }];
  // As a rule a few, which come and go.
  if (counted.inFlight > counted.seen / 100) rows.push({ name: 'in flight', count: counted.inFlight, kind: 'air' });
  const losses = Object.entries(counted.losses).map(([name, count]) => ({ name, count, kind: name in mends ? 'lost' : 'out' }));
  return rows.concat(losses.sort((a, b) => b.count - a.count));
}

function showLedger(mends) {
  const counted = ledger.recent ? ledger.since(MINUTE) : ledger.total;
  drawFlow(byId('flow'), counted.seen, outcomes(counted, mends).filter(row => row.count > 0));
  if (!byId('ledger-details').open) return;
  const minute = ledger.since(MINUTE), total = ledger.total;
  const rows = [['seen', minute.seen, total.seen, ''], ['delivered', minute.delivered, total.delivered, ''],
    ['in flight', total.inFlight, total.inFlight, '']];
  for (const [name, count] of Object.entries(total.losses)) {
    const mend = mends[name];
    const bad = Boolean(mend) && minute.losses[name] > 0;
    rows.push([name, minute.losses[name], count, mend ?? 'nothing: it is left out as it should be', bad]);
  }

  list(byId('ledger'), rows, ([name, recent, all, mend, bad]) => {
    const head = make('th', '', name);
    head.scope = 'row';
    const row = make('tr', '', head, make('td', 'num', whole.format(recent)), make('td', 'num', whole.format(all)), make('td', '', mend));
    if (bad) row.dataset.tone = 'bad';
    return row;
  });
}

/** Bands from all that was seen to what became of it, as wide as their share; none so thin that it could be overlooked. */
function drawFlow(box, seen, rows) {
  const width = box.clientWidth;
  if (seen <= 0 || width === 0) {
    box.replaceChildren(make('p', 'empty', ledger.recent ? 'No frames in the last minute.' : 'No frames since the start.'));
    return;
  }

  const top = 44, height = 150, bar = 9, gap = 10, slot = 38;
  const right = width - Math.min(210, width * 0.56);
  const svg = drawn('svg', {});
  svg.append(drawn('text', { x: 0, y: 14 }, 'seen'), drawn('text', { x: 0, y: 31, class: 'sub' }, `${whole.format(seen)} frames`));
  let from = top, to = top - gap / 2, bottom = top + height;
  for (const { name, count, kind } of rows) {
    const part = Math.min(1, count / seen) * height;
    const thick = Math.max(2, part);
    const room = Math.max(slot, thick + gap);
    const start = to + (room - thick) / 2, middle = (bar + right) / 2;
    const end = from + Math.max(part, 1);
    const there = `M${bar},${from}C${middle},${from} ${middle},${start} ${right},${start}`;
    const back = `V${start + thick}C${middle},${start + thick} ${middle},${end} ${bar},${end}Z`;
    const words = { lost: `lost: ${name}`, out: `left out: ${name}` }[kind] ?? name;
    svg.append(
      drawn('path', { 'data-kind': kind, d: there + back }),
      drawn('rect', { 'data-kind': kind, x: right, y: start, width: bar, height: thick }),
      drawn('text', { x: right + bar + 8, y: to + room / 2 - 2, class: kind === 'out' ? 'quiet' : '' }, words),
      drawn('text', { x: right + bar + 8, y: to + room / 2 + 14, class: 'sub' }, `${whole.format(count)} · ${share(count, seen)}`));
    from += part;
    to += room;
    bottom = Math.max(bottom, to);
  }

  svg.append(drawn('rect', { class: 'bar-seen', x: 0, y: top, width: bar, height }));
  svg.setAttribute('height', bottom + 4);
  box.replaceChildren(svg);
}

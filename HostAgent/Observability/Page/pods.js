const BUCKET = 3000, BUCKETS = 60;
const ranks = ['unsupported', 'pending', 'captured', 'not-selected'];
const tones = { captured: 'ok', pending: 'warn', unsupported: 'bad', 'not-selected': 'idle' };
const compareText = new Intl.Collator('en', { numeric: true }).compare;

/** By which one can sort. */
const columns = [
  { key: 'state', head: 'State', style: 'state', of: row => ranks.indexOf(row.pod.state) },
  { key: 'pod', head: 'Pod', style: 'name', of: row => row.name },
  { key: 'rule', head: 'Rule', of: row => row.pod.rule ?? '' },
  { key: 'link', head: 'Link', of: row => row.links },
  { key: 'found', head: 'Found by', of: row => row.found },
  { key: 'frames', head: 'Frames/s', style: 'num', of: row => row.frames ?? -1 },
  { key: 'bits', head: 'Mbit/s', style: 'num', of: row => row.bits ?? -1 },
  { key: 'lost', head: 'Lost', style: 'num', of: row => row.lost ?? -1 },
  { key: 'spark', head: 'Frames/s, 3 min', style: 'spark' },
];

const rows = new Map();
const sorted = { key: 'state', ascending: true };
let order = [];
let bucket = 0;

/** A pod's row; it stays the same element as long as the pod is there. */
class Row {
  readings = [];
  history = new Float64Array(BUCKETS).fill(NaN);

  constructor() {
    this.cells = {};
    this.element = make('tr');
    this.element.setAttribute('role', 'row');
    for (const { key, head, style } of columns) {
      const cell = this.cells[key] = make('td', style);
      cell.setAttribute('role', 'cell');
      if (!['state', 'pod', 'spark'].includes(key)) cell.dataset.label = head;
      this.element.append(cell);
    }

    this.badge = make('span', 'badge');
    this.cells.state.append(this.badge);
    this.space = make('span', 'space');
    this.title = make('span');
    this.reason = make('span', 'reason');
    this.cells.pod.append(this.space, this.title, this.reason);
    this.cells.rule.append(this.rule = make('span'), this.traffic = make('span', 'reason'));
    this.peak = make('span', 'sub');
    this.area = drawn('path', { class: 'area' });
    this.line = drawn('path', { class: 'line' });
    const svg = drawn('svg', { viewBox: '0 0 120 24', width: 120, height: 24, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    svg.append(this.area, this.line);
    this.cells.spark.append(svg, this.peak);
  }

  describe(pod) {
    this.pod = pod;
    this.name = `${pod.namespace}/${pod.name}`;
    const distinct = values => [...new Set(values)].join(', ');
    this.links = distinct(pod.links.map(link => link.name));
    this.found = distinct(pod.links.map(link => link.foundBy));
    const oneWay = pod.links.some(link => link.oneWay) ? 'only frames from the pod are seen' : '';
    const effective = Object.entries(pod.effective ?? {}).map(([key, value]) => `${key} now ${value}`);
    const traffic = [pod.sample && `${pod.sample} of flows`, pod.slice && `first ${pod.slice} of each`, pod.rate && `at most ${pod.rate}`,
      pod.priority && `priority ${pod.priority}`, pod.filter && `only ${pod.filter}`, pod.always && `always ${pod.always}`, ...effective];
    this.haystack = [this.name, pod.state, pod.rule, this.links, this.found, pod.reason, ...pod.ips].join('\n').toLowerCase();
    say(this.badge, pod.state.replace('-', ' '));
    tone(this.badge, tones[pod.state] ?? 'idle');
    say(this.space, `${pod.namespace}/`);
    say(this.title, pod.name);
    say(this.reason, pod.reason ?? oneWay);
    say(this.rule, pod.rule === null ? '–' : `${pod.rule} (VNI\u00a0${pod.vni})`);
    say(this.traffic, traffic.filter(Boolean).join(', '));
    say(this.cells.link, this.links || '–');
    say(this.cells.found, this.found || '–');
    if (pod.state !== 'captured') this.forget();
  }

  count(at, counts) {
    const last = this.readings.at(-1);
    if (last && counts.frames < last.frames) this.forget();
    else if (last) this.history[BUCKETS - 1] = (this.history[BUCKETS - 1] || 0) + counts.frames - last.frames;
    this.readings.push({ at, frames: counts.frames, bytes: counts.bytes });
    if (this.readings.length > 4) this.readings.shift();
    const first = this.readings[0], seconds = (at - first.at) / 1000;
    this.frames = seconds > 0 ? (counts.frames - first.frames) / seconds : undefined;
    this.bits = seconds > 0 ? (counts.bytes - first.bytes) * 8e-6 / seconds : undefined;
    this.lost = counts.lost;
  }

  /** It is not captured, or another pod's counters begin. */
  forget() {
    this.readings.length = 0;
    this.frames = this.bits = this.lost = undefined;
  }

  shift(by) {
    this.history.copyWithin(0, by);
    this.history.fill(this.readings.length ? 0 : NaN, BUCKETS - by);
  }

  show() {
    const lost = this.lost === undefined ? '–' : whole.format(this.lost);
    const figures = { frames: rate(this.frames, whole), bits: rate(this.bits, tenths), lost };
    for (const [key, text] of Object.entries(figures)) {
      const cell = this.cells[key];
      if (cell.said === text) continue;
      say(cell, text);
      cell.classList.toggle('zero', text === '0' || text === '–');
    }
  }

  /** The buckets that are full. The last one still fills. */
  draw() {
    const known = this.history.subarray(0, BUCKETS - 1);
    const peak = known.reduce((most, frames) => frames > most ? frames : most, 0);
    say(this.peak, peak > 0 ? `peak ${whole.format(Math.ceil(peak * 1000 / BUCKET))}` : '');
    let line = '', start = 0, x = 0;
    for (let i = 0; i < known.length; i++) {
      if (Number.isNaN(known[i])) continue;
      x = (i + 1) * 120 / BUCKETS;
      if (!line) start = x;
      line += `${line ? 'L' : 'M'}${x.toFixed(1)},${(22.5 - (peak > 0 ? known[i] / peak : 0) * 20).toFixed(1)}`;
    }

    this.line.setAttribute('d', line);
    this.area.setAttribute('d', line && `${line}V24H${start.toFixed(1)}Z`);
  }
}

function makeHeads() {
  byId('heads').append(...columns.map(column => {
    const head = make('th', column.style);
    head.scope = 'col';
    head.setAttribute('role', 'columnheader');
    if (!column.of) {
      head.append(column.head);
      return head;
    }

    const button = make('button', '', column.head);
    button.type = 'button';
    button.addEventListener('click', () => {
      // Of numbers one wants the greatest first.
      sorted.ascending = sorted.key === column.key ? !sorted.ascending : column.style !== 'num';
      sorted.key = column.key;
      markHeads();
      arrange();
    });
    head.append(button);
    column.element = head;
    return head;
  }));
  markHeads();
}

function markHeads() {
  for (const { key, element } of columns) {
    if (!element) continue;
    if (key === sorted.key) element.setAttribute('aria-sort', sorted.ascending ? 'ascending' : 'descending');
    else element.removeAttribute('aria-sort');
  }
}

function describePods(pods) {
  const here = new Set();
  for (const pod of pods) {
    here.add(pod.uid);
    let row = rows.get(pod.uid);
    if (!row) rows.set(pod.uid, row = new Row());
    row.describe(pod);
  }

  for (const [uid, row] of rows) {
    if (here.has(uid)) continue;
    row.element.remove();
    rows.delete(uid);
  }

  for (const row of rows.values()) row.show();
  arrange();
}

function countPods(at, pods) {
  const now = Math.floor(at / BUCKET);
  const by = Math.min(BUCKETS, Math.max(0, now - bucket));
  bucket = now;
  if (by > 0) for (const row of rows.values()) row.shift(by);
  for (const counts of pods) {
    const row = rows.get(counts.uid);
    if (row?.pod.state === 'captured') row.count(at, counts);
  }

  for (const row of rows.values()) {
    if (row.element.hidden) continue;
    row.show();
    if (by > 0) row.draw();
  }

  // Less often than figures change, or rows would move under the reader's eye.
  if (by > 0 && ['frames', 'bits', 'lost'].includes(sorted.key)) arrange();
}

const wanted = {
  all: () => true, scope: row => row.pod.rule !== null, missing: row => row.pod.rule !== null && row.pod.state !== 'captured',
};

/** Sorts and filters. */
function arrange() {
  const words = byId('words').value.toLowerCase().split(/\s+/).filter(Boolean);
  const state = byId('state').value;
  const isWanted = wanted[state] ?? (row => row.pod.state === state);
  const { of } = columns.find(column => column.key === sorted.key);
  const sign = sorted.ascending ? 1 : -1;
  const next = [...rows.values()].sort((a, b) => {
    const [left, right] = [of(a), of(b)];
    return sign * (typeof left === 'number' ? left - right : compareText(left, right)) || compareText(a.name, b.name);
  });
  let shown = 0;
  for (const row of next) {
    const hidden = !isWanted(row) || !words.every(word => row.haystack.includes(word));
    if (row.element.hidden && !hidden) {
      row.show();
      row.draw();
    }

    row.element.hidden = hidden;
    if (!hidden) shown++;
  }

  if (next.length !== order.length || next.some((row, i) => row !== order[i] || !row.element.parentNode)) {
    byId('pods').append(...next.map(row => row.element));
  }

  order = next;
  say(byId('shown'), `${whole.format(shown)} of ${whole.format(next.length)}`);
  byId('none').hidden = shown > 0;
  say(byId('none'), next.length === 0 ? 'No pods are known yet.' : 'No pod is like that.');
}

function showPods(state) {
  byId('state').value = state;
  byId('words').value = '';
  arrange();
  byId('coverage').focus();
  byId('coverage').scrollIntoView();
}

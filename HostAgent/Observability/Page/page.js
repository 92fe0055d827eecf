const STALE = 5000;

let state, agentTime, heardAt;

function tile(term) {
  const figure = make('dd', 'figure'), detail = make('dd', 'detail'), box = make('div', '', make('dt', '', term), figure, detail);
  byId('tiles').append(box);
  return (text, more, name) => {
    say(figure, text);
    say(detail, more);
    tone(box, name ?? 'idle');
  };
}

const tiles = {
  captured: tile('Pods captured'), traffic: tile('Delivered, frames/s'), lost: tile('Lost in the last minute'),
  sensor: tile('Sensor'), governor: tile('Governor'), policy: tile('Policy'),
};

const sum = (losses, reasons) => reasons.reduce((total, reason) => total + (losses[reason] ?? 0), 0);

function showTiles(minute) {
  const { status, mends, policyErrors } = state;
  const scope = status.pods.filter(pod => pod.rule !== null).length;
  const captured = status.pods.filter(pod => pod.state === 'captured').length;
  tiles.captured(`${captured} of ${scope}`, `in scope; ${plural(status.pods.length, 'pod', 'pods')} on the node`,
    captured < scope ? 'bad' : 'ok');

  const now = ledger.since(STALE);
  let bits = 0;
  for (const row of rows.values()) bits += row.bits ?? 0;
  const delivered = now.seconds > 0 ? now.delivered / now.seconds : undefined;
  tiles.traffic(rate(delivered, whole), `captured ${rate(now.seconds > 0 ? bits : undefined, tenths)} Mbit/s`);

  const reasons = Object.keys(mends), lost = sum(minute.losses, reasons);
  tiles.lost(whole.format(lost), `frames; ${whole.format(sum(ledger.total.losses, reasons))} since the agent’s start`,
    lost > 0 ? 'bad' : 'ok');

  const { sensor, governor } = status;
  const where = sensor.endpoints.map(at => `${at.address} port ${at.port} on ${at.link}, MTU ${at.mtu}`).join('; ');
  tiles.sensor(sensor.endpoints.length > 1 ? `${sensor.endpoints.length} ready` : sensor.state,
    [where, sensor.reason].filter(Boolean).join('; '), sensor.state === 'ready' ? 'ok' : 'bad');
  const cpu = [governor?.cpuUsed && `CPU ${governor.cpuUsed}`, governor?.budgetCpu ? `budget ${governor.budgetCpu}` : 'no CPU budget'];
  tiles.governor(governor?.name ?? 'none', cpu.filter(Boolean).join(', '), governor?.level > 0 ? 'warn' : 'ok');
  tiles.policy(status.policyRevision, policyErrors.length > 0
    ? `in force; the file has ${plural(policyErrors.length, 'error', 'errors')}` : 'in force, as the file has it',
    policyErrors.length > 0 ? 'warn' : 'ok');
}

const changeTones = { added: 'ok', removed: 'warn', changed: 'idle' };

function showChanges() {
  const box = byId('changes');
  list(box, state.changes, change => {
    const when = make('time');
    when.dateTime = new Date(change.at).toISOString();
    const by = [change.rule && `rule ${change.rule}`, change.links && `link ${change.links}`].filter(Boolean).join(', ');
    const item = make('li', '', make('span', 'what', change.change), make('span', 'who', change.subject), when,
      make('span', 'why', by ? `${by}: ${change.reason}` : change.reason));
    item.dataset.tone = changeTones[change.change] ?? 'idle';
    return item;
  });
  if (state.changes.length === 0) {
    if (!box.firstChild) box.append(make('li', 'muted', 'None since the start.'));
    return;
  }

  for (const when of box.querySelectorAll('time')) say(when, ago(agentTime - Date.parse(when.dateTime)));
}

function showState() {
  const { status, version } = state;
  say(byId('node'), `node ${status.node} · version ${version}${status.filter ? ` · only frames that match: ${status.filter}` : ''}`);
  list(byId('notes'), status.notes, note => make('li', '', sentence(note)));
  byId('notes-card').hidden = status.notes.length === 0;
  describePods(status.pods);
}

function show() {
  const stale = performance.now() - heardAt > STALE;
  tone(byId('live'), stale ? 'bad' : 'ok');
  say(byId('live'), stale ? `no word since ${new Date(agentTime).toISOString().slice(11, 19)} UTC` : 'live');
  const minute = ledger.since(MINUTE);
  const lostNow = Object.keys(minute.losses).filter(reason => reason in state.mends && minute.losses[reason] > 0);
  showVerdict(judge(state, lostNow, stale), state.status.node);
  if (stale) return;
  showTiles(minute);
  showChanges();
  showLedger(state.mends);
}

function connect() {
  const events = new EventSource('/events');
  events.addEventListener('state', event => {
    state = JSON.parse(event.data);
    showState();
  });
  events.addEventListener('counts', event => {
    const counts = JSON.parse(event.data);
    agentTime = counts.at;
    heardAt = performance.now();
    ledger.add(counts.at, counts.ledger);
    countPods(counts.at, counts.pods);
    show();
  });
  events.addEventListener('error', () => {
    if (!state) {
      say(byId('headline'), 'The agent sends no events');
      say(byId('because'), 'It may be away, or have as many pages open as it serves. This page goes on trying.');
    }

    // It comes again by itself, unless it was refused.
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(connect, 5000);
  });
}

makeHeads();
for (const [id, recent] of [['recent', true], ['total', false]]) {
  byId(id).addEventListener('click', () => {
    ledger.recent = recent;
    byId('recent').setAttribute('aria-pressed', recent);
    byId('total').setAttribute('aria-pressed', !recent);
    if (state) showLedger(state.mends);
  });
}

byId('ledger-details').addEventListener('toggle', () => state && showLedger(state.mends));
byId('words').addEventListener('input', arrange);
byId('state').addEventListener('change', arrange);
byId('filter').addEventListener('submit', event => event.preventDefault());
new ResizeObserver(() => heardAt && showLedger(state.mends)).observe(byId('flow'));
setInterval(() => heardAt && performance.now() - heardAt > STALE && show(), 1000);
connect();

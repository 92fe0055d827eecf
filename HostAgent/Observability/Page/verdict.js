/** What whoever is on call must know first: a tone, a headline, what stands behind it, and what to do. It counts nothing that changes each
    second, since it is read aloud when it changes. */
function judge(state, lostNow, stale) {
  const { status, mends, policyErrors } = state;
  const scope = status.pods.filter(pod => pod.rule !== null);
  const missing = scope.filter(pod => pod.state !== 'captured');
  const all = scope.length === 1 ? 'The only pod in scope is captured' : `All ${scope.length} pods in scope are captured`;
  const problems = [];
  if (stale) problems.push(['bad', 'The agent does not answer', 'What you see is what it said last.']);
  if (status.sensor.state !== 'ready') {
    problems.push(['bad', `Nothing is delivered: the sensor is ${status.sensor.state}`, sentence(status.sensor.reason)]);
  }

  if (missing.length > 0) {
    const are = missing.length === 1 ? 'is' : 'are';
    problems.push(['bad', `${missing.length} of ${plural(scope.length, 'pod', 'pods')} in scope ${are} not captured`, '']);
  }

  if (lostNow.length > 0) problems.push(['bad', 'Frames are being lost', `In the last minute as ${lostNow.join(', ')}.`]);
  if (policyErrors.length > 0) {
    const errors = plural(policyErrors.length, 'error', 'errors');
    problems.push(['warn', 'The policy file is not in force', `It has ${errors}; revision ${status.policyRevision} stays in force.`]);
  }

  if (status.governor?.level > 0) {
    const level = `Less is mirrored than the policy asks for (governor: ${status.governor.name})`;
    problems.push(['warn', level, sentence(status.governor.reason)]);
  }

  const others = status.warnings.length;
  if (problems.length === 0 && others > 0) {
    problems.push(['warn', others === 1 ? 'There is a warning' : `There are ${others} warnings`, '']);
  }

  if (problems.length === 0) {
    return scope.length === 0
      ? { tone: 'idle', head: 'No pod of this node is in scope', because: `The policy in force is ${status.policyRevision}.`, todo: [] }
      : { tone: 'ok', head: `${all}, and nothing is lost`, because: `Frames go to ${sensorsOf(status.sensor)}.`, todo: [] };
  }

  const [[worst, head, because], ...rest] = problems;
  const also = rest.map(problem => `${problem[1]}.`);
  if (missing.length === 0 && scope.length > 0) also.push(`${all}.`);
  const todo = missing.length <= 3
    ? missing.map(pod => ({ text: `${pod.namespace}/${pod.name} is ${pod.state}: ${pod.reason}` }))
    : [{ text: `${missing.length} pods in scope are not captured; the table has the reason of each.`, show: 'missing' }];
  const told = status.warnings.join('\n');
  for (const warning of status.warnings) todo.push({ text: sentence(warning) });
  for (const error of policyErrors) if (!told.includes(error)) todo.push({ text: error });
  for (const reason of lostNow) if (!told.includes(` as ${reason}`)) todo.push({ text: sentence(`Lost as ${reason}: ${mends[reason]}`) });
  return { tone: worst, head, because: [because, ...also].filter(Boolean).join(' '), todo };
}

const sentence = text => text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.') : '';

const marks = { ok: ['✓', '#2f9e63'], warn: ['!', '#d08a1d'], bad: ['✗', '#d9413a'], idle: ['…', '#7d8894'] };

function showVerdict(verdict, node) {
  tone(byId('verdict'), verdict.tone);
  say(byId('headline'), verdict.head);
  say(byId('because'), verdict.because);
  list(byId('todo'), verdict.todo, ({ text, show }) => {
    const item = make('li', '', text);
    if (show) {
      const button = make('button', '', 'Show them');
      button.type = 'button';
      button.addEventListener('click', () => showPods(show));
      item.append(' ', button);
    }

    return item;
  });
  const [mark, colour] = marks[verdict.tone];
  const title = `${mark} ${node} · host-agent`;
  if (document.title === title) return;
  document.title = title;
  byId('icon').href = 'data:image/svg+xml,' + encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${colour}"/></svg>`);
}

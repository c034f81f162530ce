// Lanes of the map: each value flows down in one, from the row that makes it to its last reader.

// rows: [{ reads: [indexes of rows above], open }]. Gives each row its lane, the width in lanes, and
// the edges [{ from, to, turns: [{ row, lane }] }]: an edge runs in its row's lane, changes at turns.
export function layOut(rows) {
  const left = rows.map(() => 0); // readers still to come
  rows.forEach((row) => row.reads.forEach((from) => { left[from] += 1; }));
  const taken = []; // by lane: the row whose value flows there
  const lane = rows.map(() => null);
  const turns = rows.map(() => []);
  const edges = [];
  const flowsIn = (row) => turns[row].at(-1)?.lane ?? lane[row];
  const free = () => { const found = taken.indexOf(null); return found < 0 ? taken.length : found; };

  rows.forEach((row, index) => {
    if (row.open) return;
    row.reads.forEach((from) => { left[from] -= 1; });
    const done = row.reads.filter((from) => left[from] === 0);
    row.reads.forEach((from) => edges.push({ from, to: index, turns: [...turns[from]] }));
    if (done.length) {
      lane[index] = Math.min(...done.map(flowsIn));
      done.forEach((from) => { taken[flowsIn(from)] = null; });
    } else if (row.reads.length) { // its reader goes straight on; the value moves aside for the others
      const from = row.reads[0];
      lane[index] = flowsIn(from);
      const aside = free();
      turns[from].push({ row: index, lane: aside });
      taken[aside] = from;
    } else lane[index] = free();
    taken[lane[index]] = left[index] > 0 ? index : null;
  });
  return { lane, edges, width: Math.max(1, taken.length) };
}

// The line of an edge; x(lane), y(row) in pixels.
export function line({ from, to, turns }, lane, x, y) {
  let at = lane[from];
  const parts = [`M${x(at)} ${y(from)}`];
  for (const turn of [...turns, { row: to, lane: lane[to] }]) {
    const [y0, y1] = [y(turn.row - 1), y(turn.row)];
    parts.push(`L${x(at)} ${y0}`);
    const middle = (y0 + y1) / 2;
    if (turn.lane === at) parts.push(`L${x(at)} ${y1}`);
    else parts.push(`C${x(at)} ${middle} ${x(turn.lane)} ${middle} ${x(turn.lane)} ${y1}`);
    at = turn.lane;
  }
  return parts.join("");
}

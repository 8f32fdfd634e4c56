// Suggestions for misspelt names.

/** The name among `names` that is nearest to a misspelt one, or null when none is near. */
export function nearest(name, names) {
  const wanted = plain(name);
  const near = names
    .map((each) => [distance(wanted, plain(each)), each])
    .filter(([steps, each]) => steps <= tolerance(plain(each)) && (steps < 2 || plain(each)[0] === wanted[0]));
  return near.length ? near.sort((a, b) => a[0] - b[0])[0][1] : null;
}

/** ` Did you mean 'x'?`, or nothing. */
export function didYouMean(name, names) {
  const meant = nearest(name, names);
  return meant ? `; did you mean '${meant}'?` : "";
}

/** A name without the differences that people confuse: `statusCode`, `status_code` and `Status-Code` are equal. */
function plain(name) {
  return name.toLowerCase().replace(/[_-]/g, "");
}

/** How many slips a name of this length may have. */
function tolerance(name) {
  return name.length < 5 ? 0 : name.length < 9 ? 1 : 2;
}

/** The number of letters to add, drop, replace or swap with their neighbour to turn `a` into `b`. */
function distance(a, b) {
  let [before, last] = [[], [...Array(b.length + 1).keys()]];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}

// Makes and fills elements so that what stays as it was is not touched: what people select or point at stays.

export function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  return filled(made, attributes, content);
}

export function drawing(name, attributes = {}, ...content) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, content);
}

function filled(made, attributes, content) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...content.filter((each) => each !== "" && each !== null && each !== undefined && each !== false));
  return made;
}

export function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

export function set(place, name, value) {
  if (value === null || value === undefined || value === false) place.removeAttribute(name);
  else if (place.getAttribute(name) !== String(value)) place.setAttribute(name, value);
}

const drawn = new WeakMap();

// Makes the content of a place anew only when what is known of it has changed.
export function redraw(place, known, make) {
  const text = JSON.stringify(known);
  if (drawn.get(place) === text) return false;
  drawn.set(place, text);
  place.replaceChildren(...make(known));
  return true;
}

// Keeps one child for each of many things, by key and in order; `make` makes a new one, `fill` brings one up to date.
export function list(place, things, key, make, fill) {
  const wanted = new Set(things.map((thing) => String(key(thing))));
  const known = new Map([...place.children].map((child) => [child.dataset.key, child]));
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  // Those that are gone go first: the others then stay where they are, with whatever is being typed into them.
  for (const [name, child] of known) if (!wanted.has(name)) child.remove();
  let after = null;
  for (const thing of things) {
    const name = String(key(thing));
    let child = known.get(name);
    if (!child) {
      child = make(thing);
      child.dataset.key = name;
    }
    fill(child, thing);
    const next = after ? after.nextElementSibling : place.firstElementChild;
    if (next !== child) place.insertBefore(child, next);
    after = child;
  }
  if (focused?.isConnected && document.activeElement !== focused) focused.focus();
}

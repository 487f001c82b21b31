// Makes and fills elements. Unchanged elements are not touched, so that selections and focus stay.

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

// Replaces the content of a place, but only if its data have changed.
export function redraw(place, data, make) {
  const text = JSON.stringify(data);
  if (drawn.get(place) === text) return false;
  drawn.set(place, text);
  place.replaceChildren(...make(data));
  return true;
}

// Keeps one child for each item, by key and in order; `make` makes a new child, `fill` updates one.
export function list(place, items, key, make, fill) {
  const keys = new Set(items.map((item) => String(key(item))));
  const existing = new Map([...place.children].map((child) => [child.dataset.key, child]));
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  // Remove old children first: the others then stay in place, with any text that is being typed into them.
  for (const [name, child] of existing) if (!keys.has(name)) child.remove();
  let after = null;
  for (const item of items) {
    const name = String(key(item));
    let child = existing.get(name);
    if (!child) {
      child = make(item);
      child.dataset.key = name;
    }
    fill(child, item);
    const next = after ? after.nextElementSibling : place.firstElementChild;
    if (next !== child) place.insertBefore(child, next);
    after = child;
  }
  if (focused?.isConnected && document.activeElement !== focused) focused.focus();
}

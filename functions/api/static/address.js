// The state of the page is in its address, behind the "#", so that each state can be linked.

/** Return the state: country, with, segment, q, show, sort, and the fields of a customer. */
export const state = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

/** Return the address of the state with some changes; an empty value removes a part. */
export function address(changes) {
  const parts = Object.entries({ ...state(), ...changes }).filter(([, value]) => value);
  return `#${new URLSearchParams(parts)}`;
}

/** Change the address without showing what it says. */
export const keep = (changes) => history.replaceState(null, "", address(changes));

/** Change the address, and show what it says. */
export function go(changes) {
  history.pushState(null, "", address(changes));
  dispatchEvent(new Event("hashchange"));
}

// The form of an analyst's page: what is chosen becomes the address, so that it can be shared and found again.
const form = document.getElementById("chooser");
const first = form.elements.measure.value;

form.addEventListener("submit", (event) => {
  event.preventDefault(); // no form leaves this site: the policy of the board allows none
  const chosen = new FormData(form);
  const isOther = chosen.get("measure") !== first;
  // Another measure has other dimensions: what it was broken down by and limited to is left behind.
  const kept = [...chosen].filter(([name, value]) => (name === "by" || name === "where" ? !isOther && (value || name === "by") : value));
  location.assign(`${form.dataset.path}?${new URLSearchParams(kept)}`);
});

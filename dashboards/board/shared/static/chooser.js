// The form of an analyst's page: the choices become the address, so that they can be shared and bookmarked.
const form = document.getElementById("chooser");
const first = form.elements.measure.value;

form.addEventListener("submit", (event) => {
  event.preventDefault(); // the content-security policy allows no form to be sent
  const chosen = new FormData(form);
  const isOther = chosen.get("measure") !== first;
  // Another measure has other dimensions, so its breakdown and filters are dropped.
  const parameters = [...chosen].filter(([name, value]) => (name === "by" || name === "where" ? !isOther && (value || name === "by") : value));
  location.assign(`${form.dataset.path}?${new URLSearchParams(parameters)}`);
});

// A sign-in link has its token after the #, which browsers never send to a server, so no log records it.
const token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("token").value = decodeURIComponent(token);
  document.forms[0].submit();
}

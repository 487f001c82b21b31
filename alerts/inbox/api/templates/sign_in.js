// A sign-in link has name and token after the #, which browsers never send to a server, so no log records it.
const [login, token] = location.hash.slice(1).split(":").map(decodeURIComponent);
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("login").value = login;
  document.getElementById("token").value = token;
  document.forms[0].submit();
}

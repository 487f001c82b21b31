// Sets the chosen theme before anything is drawn; without a choice, the browser's preference applies.
"use strict";

(() => {
  const place = document.documentElement;
  const preferred = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // the browser does not allow storage
    }
  };
  const theme = () => place.dataset.theme ?? preferred();
  if (["light", "dark"].includes(chosen())) place.dataset.theme = chosen();

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const name = () => (button.textContent = theme() === "dark" ? "Light theme" : "Dark theme");
    button.addEventListener("click", () => {
      place.dataset.theme = theme() === "dark" ? "light" : "dark";
      name();
      try {
        localStorage.setItem("theme", place.dataset.theme);
      } catch {
        // it applies to this page only
      }
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
    name();
    button.hidden = false;
  });
})();

// The wall: one panel at a time in large figures, turning by itself unless it is paused or motion is not wanted.
import { worst } from "./attendance.js";
import { write } from "./elements.js";
import { start } from "./frame.js";
import { journey } from "./journey.js";
import { fill } from "./tile.js";

const everyMilliseconds = 20000;
const leastFit = 0.4;
const slides = [...document.querySelectorAll(".slide")];
const pause = document.getElementById("pause");
let shown = 0;
let turned = performance.now();
let isPaused = matchMedia("(prefers-reduced-motion: reduce)").matches;

function show(index) {
  shown = (index + slides.length) % slides.length;
  turned = performance.now();
  slides.forEach((slide, each) => (slide.hidden = each !== shown));
  fit();
  say();
}

// Nobody scrolls a wall: what would not fit is drawn smaller until it does.
function fit() {
  const slide = slides[shown];
  for (let size = 1; size >= leastFit; size -= 0.05) {
    slide.style.setProperty("--fit", size);
    if (slide.scrollHeight <= slide.clientHeight) return;
  }
}

function say() {
  pause.setAttribute("aria-pressed", String(isPaused));
  write(pause, isPaused ? "Turn by itself" : "Pause");
  write(document.getElementById("where"), `Page ${shown + 1} of ${slides.length}${isPaused ? ", paused" : ""}`);
}

function toggle() {
  isPaused = !isPaused;
  turned = performance.now();
  say();
}

addEventListener("resize", fit);
new MutationObserver(fit).observe(document.querySelector("main"), { childList: true, characterData: true, subtree: true });
pause.addEventListener("click", toggle);
document.getElementById("back").addEventListener("click", () => show(shown - 1));
document.getElementById("on").addEventListener("click", () => show(shown + 1));
document.addEventListener("keydown", (event) => {
  const isFree = !event.target.closest("button, a");
  if (event.key === "ArrowRight") show(shown + 1);
  else if (event.key === "ArrowLeft") show(shown - 1);
  else if (event.key === " " && isFree) {
    event.preventDefault();
    toggle();
  }
});
setInterval(() => {
  if (!isPaused && performance.now() - turned >= everyMilliseconds) show(shown + 1);
}, 500);
say();

start((parts, changed) => {
  fill(parts, changed);
  for (const name of changed) {
    const [kind, which] = name.split(":");
    if (kind === "journey") document.querySelectorAll(`[data-journey="${which}"]`).forEach((place) => journey(place, parts.get(name)));
    if (kind === "attendance") document.querySelectorAll(`[data-worst="${which}"]`).forEach((place) => worst(place, parts.get(name)));
  }
});

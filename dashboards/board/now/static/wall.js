// The wall: one panel at a time in large figures, changing by itself unless paused or the browser asks for reduced motion.
import { mostUrgent } from "./attendance.js";
import { write } from "./elements.js";
import { start } from "./frame.js";
import { journey } from "./journey.js";
import { fill } from "./tile.js";

const everyMilliseconds = 20000;
const leastFit = 0.4;
const slides = [...document.querySelectorAll(".slide")];
const pause = document.getElementById("pause"); // a page that is displayed alone has none
const shownMilliseconds = 4000;
let current = 0;
let changedAt = performance.now();
let isPaused = !pause || matchMedia("(prefers-reduced-motion: reduce)").matches;
let hiding;

function show(index) {
  current = (index + slides.length) % slides.length;
  changedAt = performance.now();
  slides.forEach((slide, each) => (slide.hidden = each !== current));
  fit();
  drawControls();
}

// Nobody scrolls a wall, so a panel that does not fit is drawn smaller.
function fit() {
  const slide = slides[current];
  for (let size = 1; size >= leastFit; size -= 0.05) {
    slide.style.setProperty("--fit", size);
    if (slide.scrollHeight <= slide.clientHeight) return;
  }
}

function drawControls() {
  if (!pause) return;
  pause.setAttribute("aria-pressed", String(isPaused));
  write(pause, isPaused ? "Resume" : "Pause");
  write(document.getElementById("where"), `Page ${current + 1} of ${slides.length}${isPaused ? ", paused" : ""}`);
}

// The controls are out of sight until somebody moves the pointer; the keyboard reaches them at any time.
function showControls() {
  document.body.classList.add("steered");
  clearTimeout(hiding);
  hiding = setTimeout(() => document.body.classList.remove("steered"), shownMilliseconds);
}

function toggle() {
  isPaused = !isPaused;
  changedAt = performance.now();
  drawControls();
}

addEventListener("resize", fit);
new MutationObserver(fit).observe(document.querySelector("main"), { childList: true, characterData: true, subtree: true });
document.addEventListener("pointermove", showControls);
pause?.addEventListener("click", toggle);
document.getElementById("previous")?.addEventListener("click", () => show(current - 1));
document.getElementById("next")?.addEventListener("click", () => show(current + 1));
document.addEventListener("keydown", (event) => {
  if (!pause) return;
  const isElsewhere = !event.target.closest("button, a");
  if (event.key === "ArrowRight") show(current + 1);
  else if (event.key === "ArrowLeft") show(current - 1);
  else if (event.key === " " && isElsewhere) {
    event.preventDefault();
    toggle();
  }
});
setInterval(() => {
  if (!isPaused && performance.now() - changedAt >= everyMilliseconds) show(current + 1);
}, 500);
drawControls();

start((parts, changed) => {
  fill(parts, changed);
  for (const name of changed) {
    const [kind, which] = name.split(":");
    if (kind === "journey") document.querySelectorAll(`[data-journey="${which}"]`).forEach((place) => journey(place, parts.get(name)));
    if (kind === "attendance") document.querySelectorAll(`[data-most-urgent="${which}"]`).forEach((place) => mostUrgent(place, parts.get(name)));
  }
});

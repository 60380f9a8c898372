// Shows each moment in the reader's own time zone too: in the tooltip, and beside it where there is room.
function showLocalTimes(root) {
  const long = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.getAttribute("datetime"));
    if (isNaN(moment)) continue;
    const local = long.format(moment) + " " + zone;
    time.title = local;
    if (time.dataset.local !== undefined && zone !== "UTC") {
      const beside = time.nextElementSibling;
      if (beside && beside.matches("[data-local-time]")) beside.textContent = local;
    }
  }
}
document.addEventListener("DOMContentLoaded", () => {
  showLocalTimes(document);
  // The theme's script expects its own box around each file input; ours are plain, and it may leave them alone.
  for (const input of document.querySelectorAll(".c input[type=file]")) input.hasChangeListener = true;
});
// Serial numbers and digests are cut; a click copies the whole.
document.addEventListener("click", (event) => {
  const whole = event.target.closest("[data-copy]");
  if (!whole || !navigator.clipboard) return;
  navigator.clipboard.writeText(whole.dataset.copy).then(() => {
    const shown = whole.textContent;
    whole.textContent = "copied";
    setTimeout(() => { whole.textContent = shown; }, 900);
  });
});

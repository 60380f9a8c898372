// Beside the chosen rule item: its text, the window, the reason, and the deadline that follow.
document.addEventListener("DOMContentLoaded", () => {
  const { rules } = { rules: JSON.parse(document.getElementById("rules").textContent) };
  const panel = document.querySelector("[data-consequence]");
  const rule = document.getElementById("id_rule");
  const start = document.getElementById("id_clock_started_at");
  function show() {
    const chosen = rules.find((each) => each.item === rule.value);
    panel.hidden = !chosen;
    if (!chosen) return;
    panel.querySelector("[data-rule-text]").textContent = chosen.item + ". " + chosen.text;
    panel.querySelector("[data-rule-window]").textContent = chosen.window + (chosen.should ? " (should: " + chosen.should + ")" : "");
    panel.querySelector("[data-rule-reason]").textContent = chosen.reason;
    const began = new Date(start.value + (start.value.endsWith("Z") ? "" : "Z"));
    const until = new Date(began.getTime() + chosen.seconds * 1000);
    panel.querySelector("[data-rule-deadline]").textContent =
      isNaN(until) ? "follows from the clock's start" : until.toISOString().replace("T", " ").slice(0, 19) + " UTC, for published revocation";
  }
  rule.addEventListener("change", show);
  start.addEventListener("input", show);
  show();
});

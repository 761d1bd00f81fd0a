/* Figures open large, all code opens at once, and what the theme leaves without a name gets one. */
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".has-children > details > summary").forEach(arrow => {
    const link = arrow.closest(".has-children").querySelector("a");
    arrow.setAttribute("aria-label", `Pages of ${link ? link.textContent.trim() : "this part"}`);
  });

  const zooms = document.querySelectorAll("a.repro-zoom");
  if (zooms.length) {
    const dialog = document.createElement("dialog");
    dialog.className = "repro-large";
    dialog.setAttribute("aria-label", "Figure, enlarged");
    dialog.innerHTML = '<button type="button">Close</button><div tabindex="0" role="region" aria-label="Enlarged drawing"><img alt=""></div>';
    document.body.append(dialog);
    const image = dialog.querySelector("img");
    dialog.querySelector("button").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
    zooms.forEach(zoom => zoom.addEventListener("click", event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      image.src = zoom.href;
      image.alt = zoom.querySelector("img").alt;
      dialog.showModal();
    }));
  }

  const button = document.querySelector("button.repro-code");
  const code = document.querySelectorAll("div.cell details.hide");
  if (button && code.length) {
    button.hidden = false;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-pressed") !== "true";
      code.forEach(each => { each.open = open; });
      button.setAttribute("aria-pressed", String(open));
      button.textContent = open ? "Hide all code" : "Show all code";
    });
  }
});

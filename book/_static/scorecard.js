/* The scorecard's table: sorted by its heads, filtered by choices and words. Without this script it is a plain table. */
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector(".scorecard-filters");
  if (!form || !window.DataTable) return;
  const table = new DataTable("#scorecard-table", { paging: false, info: false, layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null }, order: [], autoWidth: false });
  const heads = [...document.querySelectorAll("#scorecard-table thead th")].map(head => head.textContent.trim());
  const output = form.querySelector("output");
  const say = () => { output.textContent = `${table.rows({ search: "applied" }).count()} of ${table.rows().count()} claims`; };
  form.querySelectorAll("select").forEach(select => select.addEventListener("change", () => {
    const wanted = select.value;
    table.column(heads.indexOf(select.dataset.column)).search.fixed("choice", wanted ? text => text === wanted || text.startsWith(wanted + ";") : null).draw();
  }));
  form.querySelector("input").addEventListener("input", event => table.search(event.target.value).draw());
  form.addEventListener("submit", event => event.preventDefault());
  table.on("draw", say);
  form.hidden = false;
  say();
});

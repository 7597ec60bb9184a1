// Follows Airflow's choice of dark or light: the page is shown in a frame of its UI, from the same origin.
const airflow = window.parent.document.documentElement;
const follow = () => {
  const theme = ["dark", "light"].find((name) => airflow.classList.contains(name));
  if (theme) document.documentElement.dataset.theme = theme;
};
if (window.parent !== window) {
  follow();
  new MutationObserver(follow).observe(airflow, { attributeFilter: ["class"] });
}

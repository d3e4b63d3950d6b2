// Runs before anything is shown: room is kept for the pictures, which come once the library is read.
// Without scripts, or if the browser does not understand them, there are the tables, and a note.
(() => {
  "use strict";

  const root = document.documentElement;
  const giveUp = () => root.classList.remove("js");

  root.classList.add("js");
  addEventListener("error", giveUp);
  addEventListener("load", () => removeEventListener("error", giveUp));
})();

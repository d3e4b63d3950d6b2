// Shows what is known of the mark of a picture that is pointed at, or chosen by the arrow keys.
// Without scripts the pictures are there all the same, and a browser shows their titles.
(() => {
  "use strict";

  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const tips = new WeakMap();
  const tip = document.createElement("div");
  const said = document.createElement("p");
  let pointed = null;

  tip.className = "tip";
  tip.setAttribute("aria-hidden", "true");
  // A screen reader follows a region that is there from the start, and nothing within an image.
  said.className = "unseen";
  said.setAttribute("role", "status");
  document.body.append(said);

  // The browser would show a title a second time, and not at all on a touch screen.
  for (const title of document.querySelectorAll(".spots title")) {
    tips.set(title.parentElement, title.textContent);
    title.remove();
  }

  const middle = (spot) => {
    const box = spot.getBoundingClientRect();
    return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  };

  function hide() {
    if (pointed) pointed.classList.remove("pointed");
    pointed = null;
    tip.remove();
    said.textContent = "";
  }

  // Beside the mark, and over the picture.
  function show(plot, spot) {
    if (spot === pointed) return;
    hide();
    pointed = spot;
    spot.classList.add("pointed");
    tip.textContent = tips.get(spot);
    plot.after(tip);
    const around = plot.getBoundingClientRect();
    const figure = plot.parentElement.getBoundingClientRect();
    const box = spot.getBoundingClientRect();
    const left = box.right - around.left + 8;
    const fits = left + tip.offsetWidth <= around.width;
    const beside = fits ? left : box.left - around.left - 8 - tip.offsetWidth;
    const top = (box.top + box.bottom) / 2 - around.top - tip.offsetHeight / 2;
    const most = around.height - tip.offsetHeight;
    const across = Math.max(0, Math.min(beside, around.width - tip.offsetWidth));
    tip.style.left = `${across + around.left - figure.left}px`;
    tip.style.top = `${Math.max(0, Math.min(top, most)) + around.top - figure.top}px`;
  }

  // The nearest mark in a direction: what lies aside of it counts three times.
  function next(spots, [right, down]) {
    if (!pointed) return spots[0];
    const [x, y] = middle(pointed);
    let best = pointed;
    let least = Infinity;
    for (const spot of spots) {
      const [toRight, toDown] = middle(spot).map((place, axis) => place - [x, y][axis]);
      const ahead = toRight * right + toDown * down;
      const aside = Math.abs(toRight * down) + Math.abs(toDown * right);
      if (ahead > 0.5 && ahead + 3 * aside < least) {
        best = spot;
        least = ahead + 3 * aside;
      }
    }
    return best;
  }

  for (const plot of document.querySelectorAll(".plot")) {
    const at = (event) => {
      const spot = event.target.closest(".spots > *");
      if (spot) show(plot, spot);
      else hide();
    };
    plot.addEventListener("pointerover", at);
    plot.addEventListener("click", at);
    plot.addEventListener("pointerleave", (event) => {
      // A finger that is lifted leaves what it chose.
      if (event.pointerType === "mouse") hide();
    });
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const spots = plot.querySelectorAll(".spots > *");
      if (event.key === "Escape") hide();
      if (!(event.key in STEPS)) return;
      event.preventDefault();
      show(plot, next(spots, STEPS[event.key]));
      said.textContent = tip.textContent;
    });
  }
})();

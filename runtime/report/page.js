/* Draws the plots of the page, whose form is described in plot_json.h, by Chart.js; anew when the reader changes between
 * light and dark. */
(function () {
  "use strict";
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const charts = [];

  const percent = (value, digits) => (100 * value).toFixed(digits) + " %";

  /* [x, y, low, high, note] */
  function pointOf(point) {
    return { x: point[0], y: point[1], low: point[2], high: point[3], note: point[4] };
  }

  function datasetOf(series) {
    const colour = dark.matches ? series.dark : series.light;
    return {
      label: series.name || "",
      data: series.points.map(pointOf),
      parsing: false,
      showLine: series.line,
      borderColor: series.faint ? colour + "73" : colour,
      backgroundColor: colour,
      pointBackgroundColor: colour,
      borderWidth: series.faint ? 1 : 2,
      borderDash: series.dashed ? [6, 4] : [],
      pointRadius: series.marks ? 3.5 : 0,
      pointHitRadius: 6,
      order: series.faint ? 1 : 0,
    };
  }

  /* Upright lines for the intervals of points. */
  const intervals = {
    id: "intervals",
    beforeDatasetsDraw(chart) {
      const context = chart.ctx, scale = chart.scales.y, area = chart.chartArea;
      context.save();
      context.beginPath();
      context.rect(area.left, area.top, area.width, area.height);
      context.clip();
      chart.data.datasets.forEach((dataset, number) => {
        if (!chart.isDatasetVisible(number))
          return;
        context.strokeStyle = dataset.pointBackgroundColor;
        context.lineWidth = 1;
        dataset.data.forEach((point, index) => {
          if (!(point.high > point.low))
            return;
          const x = chart.getDatasetMeta(number).data[index].x;
          const low = scale.getPixelForValue(point.low), high = scale.getPixelForValue(point.high);
          context.beginPath();
          context.moveTo(x, low);
          context.lineTo(x, high);
          context.moveTo(x - 4, low);
          context.lineTo(x + 4, low);
          context.moveTo(x - 4, high);
          context.lineTo(x + 4, high);
          context.stroke();
        });
      });
      context.restore();
    },
  };

  /* Room for the intervals. */
  function bounds(plot) {
    const ends = plot.series.flatMap((series) => series.points.filter((p) => p[3] > p[2]).flatMap((p) => [p[2], p[3]]));
    return ends.length ? { suggestedMin: Math.min(...ends), suggestedMax: Math.max(...ends) } : {};
  }

  function axis(title, colours) {
    return {
      type: "linear",
      title: { display: true, text: title, color: colours.faint },
      ticks: { color: colours.faint },
      grid: { color: colours.line, borderColor: colours.faint },
    };
  }

  function optionsOf(plot) {
    const style = getComputedStyle(document.documentElement);
    const colours = {
      text: style.getPropertyValue("--text").trim(),
      faint: style.getPropertyValue("--faint").trim(),
      line: style.getPropertyValue("--line").trim(),
    };
    const x = axis(plot.x_axis, colours), y = Object.assign(axis(plot.y_axis, colours), bounds(plot));
    if (plot.x_whole)
      x.ticks.precision = 0;
    if (plot.y_share)
      y.ticks.callback = (value) => percent(value, 0);
    return {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "nearest", intersect: false },
      scales: { x, y },
      plugins: {
        legend: {
          position: "bottom",
          labels: { color: colours.text, boxWidth: 22, boxHeight: 2, filter: (item) => item.text !== "" },
        },
        tooltip: {
          callbacks: {
            title: (items) => plot.x_axis + ": " + Number(items[0].raw.x.toPrecision(6)),
            label(item) {
              const value = plot.y_share ? percent(item.raw.y, 1) : item.raw.y.toFixed(4);
              const text = item.raw.note || value;
              return item.dataset.label ? item.dataset.label + ": " + text : text;
            },
          },
        },
      },
    };
  }

  function draw() {
    charts.splice(0).forEach((chart) => chart.destroy());
    document.querySelectorAll("canvas[data-plot]").forEach((canvas) => {
      const plot = plots[canvas.dataset.plot];
      charts.push(new Chart(canvas, {
        type: "scatter",
        data: { datasets: plot.series.map(datasetOf) },
        options: optionsOf(plot),
        plugins: [intervals],
      }));
    });
    document.documentElement.dataset.charts = String(charts.length);
  }

  document.documentElement.classList.add("scripted");
  dark.addEventListener("change", draw);
  draw();
})();

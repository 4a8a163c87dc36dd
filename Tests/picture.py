"""Draws panels of points and lines over time as an SVG: just what the benches need, with nothing to install."""
import math

WIDTH, LEFT, RIGHT, PANEL, GAP, TOP = 900, 70, 16, 120, 34, 44
COLOURS = ["#2a6fbb", "#c2561a", "#3c8d40", "#8a4fae"]


class Panel:
    """Series are (label, [(seconds, value)], "points" or "line"); marks are seconds at which something happened."""

    def __init__(self, title, unit, series, marks=(), logarithmic=False):
        self.title, self.unit, self.series, self.marks, self.logarithmic = title, unit, series, marks, logarithmic


def number(value):
    if value >= 1e6:
        return "%gM" % round(value / 1e6, 2)
    if value >= 1e4:
        return "%gk" % round(value / 1e3, 1)
    return "%g" % round(value, 3)


def steps(high, count):
    """Round numbers from 0 up to `high`, no more than that many and the 0."""
    step = 10 ** math.floor(math.log10(high))
    step = next(step * part for part in (0.1, 0.2, 0.5, 1, 2) if high / (step * part) <= count)
    return [step * n for n in range(int(high / step) + 1)]


def scale(panel):
    values = [value for _, points, _ in panel.series for _, value in points if not panel.logarithmic or value > 0] or [1]
    if panel.logarithmic:
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
        high = max(high, low + 1)
        return lambda value: (math.log10(max(value, 10.0 ** low)) - low) / (high - low), [10.0 ** n for n in range(low, high + 1)]
    high = max(values) * 1.15 or 1
    return lambda value: value / high, steps(high, 5)


def draw(path, title, panels):
    end = max((second for panel in panels for _, points, _ in panel.series for second, _ in points), default=0) or 1
    height = TOP + len(panels) * (PANEL + GAP) + 20
    x = lambda second: LEFT + second / end * (WIDTH - LEFT - RIGHT)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">' % (WIDTH, height),
           '<rect width="%d" height="%d" fill="#ffffff"/>' % (WIDTH, height),
           '<text x="%d" y="22" font-size="15" fill="#222">%s</text>' % (LEFT, title)]
    for index, panel in enumerate(panels):
        top = TOP + index * (PANEL + GAP) + 12
        place, ticks = scale(panel)
        y = lambda value: top + PANEL - place(value) * PANEL
        out.append('<text x="%d" y="%d" fill="#222" font-weight="bold">%s</text>' % (LEFT, top - 5, panel.title))
        out.append('<rect x="%d" y="%d" width="%d" height="%d" fill="#fafafa" stroke="#ccc"/>' % (LEFT, top, WIDTH - LEFT - RIGHT, PANEL))
        for tick in ticks:
            out.append('<path d="M%d %.1fH%d" stroke="#e4e4e4"/><text x="%d" y="%.1f" text-anchor="end" fill="#555">%s</text>'
                       % (LEFT, y(tick), WIDTH - RIGHT, LEFT - 5, y(tick) + 4, number(tick)))
        out.append('<text x="12" y="%d" fill="#555">%s</text>' % (top + PANEL // 2, panel.unit))
        for mark in panel.marks:
            out.append('<path d="M%.1f %dV%d" stroke="#d33" stroke-dasharray="3 3"/>' % (x(mark), top, top + PANEL))
        for place_of, (label, points, kind) in enumerate(panel.series):
            colour = COLOURS[place_of % len(COLOURS)]
            if kind == "line":
                out.append('<path fill="none" stroke="%s" d="M%s"/>' % (colour, "L".join("%.1f %.1f" % (x(s), y(v)) for s, v in points)))
            else:
                out.append('<path stroke="%s" stroke-width="2" stroke-linecap="round" d="%s"/>'
                           % (colour, "".join("M%.1f %.1fh0" % (x(s), y(v)) for s, v in points)))
            out.append('<text x="%d" y="%d" text-anchor="end" fill="%s">%s</text>' % (WIDTH - RIGHT - place_of * 170, top - 5, colour, label))
    for tick in steps(end, 10):
        out.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%s s</text>' % (x(tick), height - 8, number(tick)))
    out.append("</svg>\n")
    with open(path, "w") as file:
        file.write("\n".join(out))
